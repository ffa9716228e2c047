/** Sliders that mean something: directions of the space, how far each can be trusted, and the place they lead to. */

import * as api from "./api.js";
import { byId, el, put } from "./dom.js";
import { newest } from "./newest.js";
import { amountWords, nameOf, pushed, pushesOf, suggested, trustWords, unpushed, withoutAttributes } from "./pushes.js";
import { placeText } from "./spots.js";
import { spotOf } from "./state.js";

/** @typedef {import("./pushes.js").Direction} Direction */

/** A slider goes so many of the gallery's standard deviations to either side, */
const REACH = 3;
/** in steps of this share of one. */
const NOTCH = 0.1;
/** Sliders that are shown at once; the others unfold. */
const SHOWN = 6;

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
      put(says, amountWords(direction, amount));
      says.classList.toggle("wished", amount !== 0);
      input.setAttribute("aria-valuetext", says.textContent);
    };
    return { name: direction.name, node: el("div", { class: "wish" }, label, says, input, sure), draw };
  }

  /** @param {Awaited<ReturnType<typeof api.directions>>} answer */
  function offer({ directions: found, ...least }) {
    const made = [...found].sort((x, y) => Number(x.kind === "component") - Number(y.kind === "component")).map(slider);
    sliders = made;
    const nodes = made.map(({ node }) => node);
    const rest = nodes.slice(SHOWN);
    list.replaceChildren(el("div", { class: "wishes" }, ...nodes.slice(0, SHOWN)),
      ...(rest.length ? [el("details", {}, el("summary", {}, `${rest.length} more`), el("div", { class: "wishes" }, ...rest))] : []));
    form.hidden = !found.length;
    note.textContent = found.some(({ kind }) => kind === "attribute") ? HONEST : withoutAttributes(networksOf(store.get()), least);
    draw(store.get());
  }

  /** @param {import("./state.js").State} state */
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

const HONEST = "Each slider moves the latent. R² says how well the latent tells the property, measured on networks that were left out: 1 is exactly, 0 not at all.";
/** @param {import("./state.js").State} state */
const networksOf = ({ spaces, view }) => spaces.find(({ id }) => id === view.space)?.gallery_size ?? 0;
