/** Asking for a job: sliders for what the space can change, and a place for points to fit. */

import { byId, el, put } from "./dom.js";
import { ENDS, latentOf } from "./state.js";
import { CLOUD_FILES, NOTCHES, trust, wish, wordsOf } from "./wishes.js";

/** Sliders that are shown at once; the others unfold. */
const SHOWN = 6;

/**
 * @param {import("./state.js").Store} store
 * @param {import("./jobs.js").Work} work
 */
export function search(store, work) {
  const [wishes, note, zone] = ["wishes", "wishes-note", "drop-points"].map((id) => byId(id));
  const start = /** @type {HTMLButtonElement} */ (byId("wish-start"));
  const file = /** @type {HTMLInputElement} */ (byId("points-file"));
  /** @param {string} name */
  const chosenOf = (name) => /** @type {HTMLInputElement} */ (document.querySelector(`input[name=${name}]:checked`)).value;
  const notches = () => Object.fromEntries([...wishes.querySelectorAll("input")].map((input) => [input.name, Number(input.value)]));

  /** @param {import("./wishes.js").Attribute} attribute */
  function slider(attribute) {
    const { name } = wordsOf(attribute.name);
    const says = el("output", {}, wish(attribute, 0));
    const input = el("input", {
      type: "range", id: `wish-${attribute.name}`, name: attribute.name, min: -NOTCHES, max: NOTCHES, step: 1, value: 0,
      "aria-describedby": `trust-${attribute.name}`,
    });
    const tell = () => {
      const notch = Number(input.value);
      says.textContent = wish(attribute, notch);
      says.classList.toggle("wished", notch !== 0);
      input.setAttribute("aria-valuetext", says.textContent);
      drawStart();
    };
    input.addEventListener("input", tell);
    const label = el("label", { htmlFor: input.id }, name);
    const small = el("small", { id: `trust-${attribute.name}` }, trust(attribute));
    return { node: el("div", { class: "wish" }, label, says, input, small), reset: () => ((input.value = "0"), tell()) };
  }

  /** @type {ReturnType<typeof slider>[]} */
  let sliders = [];
  /** @param {import("./state.js").Offer} offer */
  function drawOffer({ phase, attributes, error }) {
    sliders = attributes.map(slider);
    const nodes = sliders.map(({ node }) => node);
    const rest = nodes.slice(SHOWN);
    const more = rest.length && el("details", {}, el("summary", {}, `${rest.length} more`), el("div", { class: "wishes" }, ...rest));
    wishes.replaceChildren(el("div", { class: "wishes" }, ...nodes.slice(0, SHOWN)), ...(more ? [more] : []));
    const words = {
      loading: "Asking what this space can change …",
      known: !attributes.length ? NOTHING_TO_CHANGE : attributes.some(({ r2 }) => r2 !== null) ? HONEST : ONLY_MEASURED,
      failed: error && `What this space can change is not known. ${error.title ?? ""}. ${error.detail ?? error.message}`,
    };
    note.textContent = words[phase];
    byId("wishes-again").hidden = phase !== "failed";
    byId("wish-from").hidden = start.hidden = !attributes.length;
  }

  function drawStart() {
    const state = store.get();
    const wished = Object.values(notches()).some(Boolean);
    start.disabled = !wished || !latentOf(state, state.view[chosenOf("wish-from") === "b" ? "b" : "a"]);
  }

  /** Runs what may be refused; says so beside where it was asked for. @param {HTMLElement} busy @param {HTMLElement} result @param {() => Promise<unknown>} run */
  async function trying(busy, result, run) {
    busy.setAttribute("aria-busy", "true");
    result.replaceChildren();
    try {
      await run();
      return true;
    } catch (error) {
      result.replaceChildren(el("div", { class: "failed", role: "alert" },
        el("strong", {}, error.title ?? "The job could not be started"), el("p", {}, error.detail || error.message)));
      return false;
    } finally {
      busy.removeAttribute("aria-busy");
    }
  }

  start.addEventListener("click", async () => {
    if (start.hasAttribute("aria-busy")) return;
    const state = store.get();
    const from = latentOf(state, state.view[chosenOf("wish-from") === "b" ? "b" : "a"]);
    if (from && await trying(start, byId("wish-result"), () => work.wish(from, notches()))) sliders.forEach(({ reset }) => reset());
  });

  /** @param {File} chosen */
  async function fit(chosen) {
    const { view } = store.get();
    const from = chosenOf("fit-from");
    zone.dataset.state = "busy";
    byId("points-words").textContent = `Reading ${chosen.name} …`;
    const how = { start: from === "a" || from === "b" ? view[from] : null, whole: chosenOf("fit-extent") === "whole" };
    await trying(zone, byId("fit-result"), () => work.fit(chosen, how));
    zone.dataset.state = "idle";
    byId("points-words").textContent = POINTS;
  }

  file.accept = CLOUD_FILES;
  byId("points-words").textContent = POINTS;
  file.addEventListener("change", () => {
    if (file.files?.[0]) fit(file.files[0]);
    file.value = ""; // the same file may be chosen again
  });
  byId("wishes-again").addEventListener("click", () => work.offer(store.get().view.space ?? ""));
  for (const input of document.querySelectorAll("input[name=wish-from]")) input.addEventListener("change", drawStart);

  store.subscribe((state, before) => {
    if (state.offer !== before.offer) drawOffer(state.offer);
    if (state.view === before.view && state.latents === before.latents && state.offer === before.offer) return;
    for (const end of ENDS) put(byId(`from-${end}`), latentOf(state, state.view[end])?.name ?? "–");
    drawStart();
  });
  drawOffer(store.get().offer);
  return { fit };
}

const HONEST = "R² says how well the latent tells an attribute, measured on networks that were left out: 1 is exactly, 0 not at all.";
const NOTHING_TO_CHANGE = "Nothing can be asked for here: none of what is known of this gallery’s networks can be told from their latents.";
const ONLY_MEASURED = "Nothing else is offered: what is known of this gallery’s networks cannot be told from their latents.";
const POINTS = "A mesh (.obj, .ply, .stl, .glb, .off) or points (.ply, .xyz, .csv, .npy). The job looks for the network whose surface passes through them.";
