/** Sliders that mean something: directions of the space, how far each can be trusted, and the place they lead to. */

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { newest } from "./newest.js";
import { formatPlace } from "./places.js";
import { partsOf, placeText } from "./spots.js";
import { latentOf, spotOf } from "./state.js";
import { wordsOf } from "./wishes.js";
import { percent } from "./words.js";

/**
 * @typedef {object} Direction
 * @property {string} name
 * @property {string} title
 * @property {"attribute"|"component"} kind
 * @property {number} r2          of the regression on networks that were left out; of a component its share of the variance
 * @property {number} low         over the gallery, in `unit`
 * @property {number} high
 * @property {string} unit
 * @property {number} deviation   over the gallery, in `unit`
 */

/** A slider goes so many of the gallery's standard deviations to either side, */
const REACH = 3;
/** in steps of this share of one. */
const NOTCH = 0.1;
/** Sliders that are shown at once; the others unfold. */
const SHOWN = 6;

/** How far a direction does what it says, in words. @param {Direction} direction */
export function trustWords({ kind, r2 }) {
  if (kind === "component") return `${percent(r2)} of how the gallery varies`;
  const r = `R² ${r2.toFixed(2)}`;
  if (r2 >= 0.9) return `told almost exactly, ${r}`;
  if (r2 >= 0.75) return `told well, ${r}`;
  return r2 >= 0.5 ? `told roughly, ${r}` : `told poorly, ${r}`;
}

/** An amount in the direction's own unit, in words: "taller seat, +0.050". @param {Direction} direction @param {number} amount */
export function amountWords(direction, amount) {
  if (!amount) return "as it is";
  const digits = direction.deviation >= 10 ? 0 : direction.deviation >= 0.5 ? 1 : direction.deviation >= 0.05 ? 2 : 3;
  const number = `${amount < 0 ? "−" : "+"}${Math.abs(amount).toFixed(digits)}`;
  const unit = { degrees: "°", "standard deviations": " σ" }[direction.unit] ?? (direction.unit ? ` ${direction.unit}` : "");
  if (direction.kind === "component") return `${number}${unit}`;
  const { less, more } = wordsOf(direction.name);
  return `${amount < 0 ? less : more}, ${number}${unit}`;
}

/** What a direction is called. @param {Direction} direction */
export const nameOf = ({ name, title, kind }) => (kind === "component" ? title : title || wordsOf(name).name);

/** The pushes of what is shown, by direction. @param {import("./state.js").Spot} spot @returns {Record<string, number>} */
export const pushesOf = (spot) => Object.fromEntries(partsOf(spot).pushes.map(({ direction, amount }) => [direction, amount]));

/**
 * The place of terms and pushes; null where nothing is pushed and it is the line's own point, which then is shown as such.
 * @param {import("./places.js").Place} place @param {any} view
 */
function settled({ terms, pushes }, view) {
  const at = formatPlace({ terms, pushes });
  const line = view.a && view.b ? formatPlace(partsOf({ ...view, at: null })) : "";
  return !pushes.length && at === line ? null : at;
}

/** The `at` that a slider leads to: what is shown, with one push changed. @param {any} state @param {string} direction @param {number} amount */
export function pushed(state, direction, amount) {
  const { terms, pushes } = partsOf(spotOf(state));
  const others = pushes.filter((push) => push.direction !== direction);
  return settled({ terms, pushes: amount ? [...others, { direction, amount }] : others }, state.view);
}

/** The `at` of what is shown without any push. @param {any} state */
export const unpushed = (state) => settled({ terms: partsOf(spotOf(state)).terms, pushes: [] }, state.view);

/**
 * @param {import("./state.js").Store} store
 * @param {(at: string, name: string) => Promise<unknown>} keep   keeps a place as a latent
 */
export function directions(store, keep) {
  const host = byId("directions");
  const [list, note] = [el("div", {}), el("p", { class: "muted", role: "status" })];
  const reset = el("button", { type: "button", class: "small", onclick: () => store.look({ of: "latent", at: unpushed(store.get()) }) }, "Reset");
  const again = el("button", { type: "button", class: "small", hidden: true, onclick: () => load(store.get().view.space) }, "Try again");
  const name = el("input", { type: "text", maxLength: 100, placeholder: "Name of this place", "aria-label": "Name of this place", autocomplete: "off" });
  const save = el("button", { type: "submit", class: "small primary" }, "Keep as a latent");
  const form = el("form", { class: "row" }, name, save, reset);
  host.append(note, again, list, form);
  /** @type {{name: string, draw: (amount: number) => void}[]} */
  let sliders = [];

  /** @param {Direction} direction */
  function slider(direction) {
    const says = el("output", {}, amountWords(direction, 0));
    const step = direction.deviation * NOTCH;
    const most = Math.round(REACH / NOTCH);
    const input = el("input", { type: "range", id: `along-${direction.name}`, min: String(-most), max: String(most), step: "1", value: "0", "aria-describedby": `sure-${direction.name}` });
    input.addEventListener("input", () => {
      const amount = Number((Number(input.value) * step).toPrecision(6));
      store.set({ playing: false });
      store.look({ of: "latent", at: pushed(store.get(), direction.name, amount) });
    });
    const label = el("label", { htmlFor: input.id }, nameOf(direction));
    const sure = el("small", { id: `sure-${direction.name}` }, trustWords(direction));
    /** @param {number} amount */
    const draw = (amount) => {
      input.value = String(Math.round(amount / step));
      says.textContent = amountWords(direction, amount);
      says.classList.toggle("wished", amount !== 0);
      input.setAttribute("aria-valuetext", says.textContent);
    };
    return { name: direction.name, node: el("div", { class: "wish" }, label, says, input, sure), draw };
  }

  /** @param {Direction[]} found */
  function offer(found) {
    const made = [...found].sort((x, y) => Number(x.kind === "component") - Number(y.kind === "component")).map(slider);
    sliders = made;
    const nodes = made.map(({ node }) => node);
    const rest = nodes.slice(SHOWN);
    list.replaceChildren(el("div", { class: "wishes" }, ...nodes.slice(0, SHOWN)),
      ...(rest.length ? [el("details", {}, el("summary", {}, `${rest.length} more`), el("div", { class: "wishes" }, ...rest))] : []));
    form.hidden = !found.length;
    note.textContent = found.length ? HONEST : NONE;
    draw(store.get());
  }

  /** @param {any} state */
  function draw(state) {
    const pushes = pushesOf(spotOf(state));
    for (const one of sliders) one.draw(pushes[one.name] ?? 0);
    reset.disabled = !Object.keys(pushes).length;
    save.disabled = !state.view.a || (state.view.of === "weights" && !state.view.at);
  }

  const ask = newest((signal, space) => api.directions(space, signal));
  /** @param {string|null} space */
  async function load(space) {
    again.hidden = form.hidden = true;
    list.replaceChildren();
    sliders = [];
    note.textContent = "Asking for the directions of this space …";
    try {
      const found = space && (await ask(space));
      if (found) offer(found);
    } catch (error) {
      note.textContent = `The directions of this space are not known. ${error.title ?? ""}. ${error.detail ?? error.message}`;
      again.hidden = false;
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const state = store.get();
    save.setAttribute("aria-busy", "true");
    await keep(placeText(spotOf(state)), name.value.trim() || suggested(state));
    save.removeAttribute("aria-busy");
    name.value = "";
  });
  store.subscribe((state, before) => {
    const { space } = state.view;
    if (space && (space !== before.view.space || (state.spaces !== before.spaces && !sliders.length))) load(space);
    if (state.view !== before.view || state.jobs !== before.jobs) draw(state);
  });
  if (store.get().view.space && store.get().spaces.length) load(store.get().view.space);
}

/** A name for what is shown, when none was given. @param {any} state */
function suggested(state) {
  const { terms, pushes } = partsOf(spotOf(state));
  const heaviest = terms.reduce((x, y) => (y.weight > x.weight ? y : x));
  const near = latentOf(state, heaviest.id)?.name ?? "a place";
  if (pushes.length) return `${near}, ${pushes.map(({ direction, amount }) => wordsOf(direction)[amount < 0 ? "less" : "more"]).join(", ")}`.slice(0, 100);
  return (terms.length > 1 ? `Near ${near}` : near).slice(0, 100);
}

const HONEST = "Each slider moves the latent. R² says how well the latent tells the property, measured on networks that were left out: 1 is exactly, 0 not at all.";
const NONE = "Nothing that is known of this gallery’s networks can be told from their latents.";
