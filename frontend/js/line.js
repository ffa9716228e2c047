/** The line: its ends, slider, play and pause, swap, a pair by chance, and which line it is (latent, raw weights or both). */

import { pictureURL } from "./api.js";
import { byId, icon, put, reducedMotion } from "./dom.js";
import { remember } from "./memory.js";
import { ENDS, STEPS, latentOf, reach, snap, weightsObstacle } from "./state.js";
import { position } from "./words.js";

/** @typedef {import("./state.js").State} State */

/** A step while playing takes at least this long, at speed 1. */
const STEP_MS = 80;
const TURN_MS = 700;
/** Steps at a time beyond which speed is reached by longer ones. @param {number} speed */
const stride = (speed) => (speed > 2 ? 2 : 1);

/** @param {import("./state.js").Store} store @param {() => boolean} isPending whether a wanted shape is not there yet */
export function line(store, isPending) {
  const slider = /** @type {HTMLInputElement} */ (byId("slider"));
  const [play, bounce, beyond] = ["play", "bounce", "beyond"].map((id) => /** @type {HTMLButtonElement} */ (byId(id)));
  const speed = /** @type {HTMLSelectElement} */ (byId("speed"));

  slider.addEventListener("input", () => {
    store.set({ playing: false });
    store.look({ t: Number(slider.value) / STEPS });
  });
  play.addEventListener("click", () => store.set({ playing: !store.get().playing }));
  /** @param {Partial<State["pace"]>} patch */
  const setPace = (patch) => {
    const pace = { ...store.get().pace, ...patch };
    remember("localStorage", "pace", pace);
    store.set({ pace });
  };
  bounce.addEventListener("click", () => setPace({ bounce: !store.get().pace.bounce }));
  speed.addEventListener("change", () => setPace({ speed: Number(speed.value) }));
  beyond.addEventListener("click", () => {
    const { view } = store.get();
    const on = !view.beyond;
    const t = snap(view.t, on);
    store.look({ beyond: on, ...(t === view.t ? {} : { t }) });
  });
  byId("swap").addEventListener("click", () => {
    const { a, b, t, beyond: wide } = store.get().view;
    store.look({ a: b, b: a, t: snap(1 - t, wide) });
  });
  byId("chance").addEventListener("click", () => {
    const [a, b] = twoOf(store.get().latents);
    if (b) store.look({ a: a.id, b: b.id });
  });
  for (const end of ["a", "b"]) byId(`to-${end}`).addEventListener("click", () => store.look({ t: end === "a" ? 0 : 1 }));
  for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=of]"))) {
    input.addEventListener("change", () => {
      store.look({ of: input.value === "weights" ? "weights" : "latent", beside: input.value === "both" });
    });
  }

  /** @param {State} state */
  function draw(state) {
    const { view } = state;
    const { t, of } = view;
    drawSlider(view);
    for (const end of ENDS) drawEnd(end, latentOf(state, view[end]), !view.at && t === (end === "a" ? 0 : 1));
    const which = view.beside ? "both" : of;
    for (const input of /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("input[name=of]"))) input.checked = input.value === which;
    const obstacle = weightsObstacle(state);
    for (const id of ["of-weights", "of-both"]) /** @type {HTMLInputElement} */ (byId(id)).disabled = Boolean(obstacle);
    const where = t < 0 || t > 1 ? `${BEYOND_WORDS[t < 0 ? "a" : "b"]} ` : "";
    put(byId("of-why"), where + (obstacle && state.latents.length ? obstacle : OF_WORDS[which]));
    slider.disabled = play.disabled = !(view.a && view.b);
    beyond.setAttribute("aria-pressed", String(view.beyond));
  }

  /** @param {import("./state.js").View} view */
  function drawSlider({ t, beyond: wide }) {
    const [low, high] = reach({ beyond: wide });
    Object.assign(slider, { min: String(low * STEPS), max: String(high * STEPS), value: String(Math.round(t * STEPS)) });
    slider.style.setProperty("--t", String(Math.min(1, Math.max(0, t))));
    slider.style.setProperty("--low", `${(100 * (0 - low)) / (high - low)}%`);
    slider.style.setProperty("--high", `${(100 * (1 - low)) / (high - low)}%`);
    slider.dataset.beyond = String(wide);
    const outside = t < 0 ? ", beyond A" : t > 1 ? ", beyond B" : "";
    slider.setAttribute("aria-valuetext", `t = ${position(t)}${outside}`);
  }

  /** @param {State} state */
  function drawPlay({ playing, pace }) {
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", playing ? "Pause" : "Play the line");
    play.title = playing ? "Pause" : "Play the line";
    bounce.setAttribute("aria-pressed", String(pace.bounce));
    speed.value = String(pace.speed);
  }

  let timer = 0;
  function step() {
    const state = store.get();
    if (!state.playing) return;
    const pause = STEP_MS / Math.min(2, state.pace.speed);
    if (isPending()) return later(pause / 2);
    const { t, beyond: wide } = state.view;
    const next = snap(t + (state.direction * stride(state.pace.speed)) / STEPS, wide);
    if (next !== t) {
      store.look({ t: next });
      return later(pause);
    }
    if (reducedMotion.matches || !state.pace.bounce) return store.set({ playing: false });
    store.set({ direction: -state.direction });
    later(TURN_MS);
  }
  /** @param {number} ms */
  const later = (ms) => (timer = setTimeout(step, ms));

  /** @param {State} state */
  function start({ view, pace }) {
    const [low, high] = reach(view);
    const over = view.t >= high;
    store.set({ direction: over && pace.bounce ? -1 : 1 });
    if (over && !pace.bounce) store.look({ t: low });
    step();
  }

  store.subscribe((state, before) => {
    if (state.view !== before.view || state.latents !== before.latents) draw(state);
    if (state.pace !== before.pace) drawPlay(state);
    if (state.playing === before.playing) return;
    clearTimeout(timer);
    drawPlay(state);
    if (state.playing) start(state);
  });
  drawPlay(store.get());
}

/** The name and picture of an end, and whether the view is there. @param {"a"|"b"} end @param {import("./api.js").Latent|undefined} latent @param {boolean} here */
function drawEnd(end, latent, here) {
  byId(`to-${end}`).setAttribute("aria-current", String(here));
  const image = /** @type {HTMLImageElement} */ (byId(`still-${end}`));
  put(byId(`name-${end}`), latent?.name ?? "–");
  const source = latent ? (latent.picture ?? pictureURL(latent.id)) : "";
  image.hidden = !source;
  if (source && image.getAttribute("src") !== source) image.src = source;
}

const OF_WORDS = {
  latent: "Each point’s weights are decoded from a latent vector that is mixed of A’s and B’s: 1 − t of the one, t of the other.",
  weights: "Each point’s weights are (1 − t) · A + t · B of the two networks’ own weights, with no latent space between.",
  both: "Left, weights decoded from a mix of A’s and B’s latents; right, the average of the two networks’ own weights.",
};
const BEYOND_WORDS = {
  a: "Beyond A: nobody trained for this side of it, so the space is extrapolating.",
  b: "Beyond B: nobody trained for this side of it, so the space is extrapolating.",
};

/** Two different ones, by chance. @template T @param {T[]} items */
function twoOf(items) {
  if (items.length < 2) return [];
  const first = Math.floor(Math.random() * items.length);
  const second = (first + 1 + Math.floor(Math.random() * (items.length - 1))) % items.length;
  return [items[first], items[second]];
}
