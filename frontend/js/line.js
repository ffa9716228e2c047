/** The line: slider, play and pause, swap, a pair by chance, and which line it is (latent or raw weights). */

import { byId, icon, reducedMotion } from "./dom.js";
import { STEPS, latentOf, snap, weightsObstacle } from "./state.js";
import { position } from "./words.js";

/** A step while playing takes at least this long. */
const STEP_MS = 80;
const TURN_MS = 700;

/** @param {import("./state.js").Store} store @param {() => boolean} isPending */
export function line(store, isPending) {
  const slider = /** @type {HTMLInputElement} */ (byId("slider"));
  const play = byId("play");
  slider.max = String(STEPS);

  slider.addEventListener("input", () => {
    store.set({ playing: false });
    store.look({ t: Number(slider.value) / STEPS });
  });
  play.addEventListener("click", () => store.set({ playing: !store.get().playing }));
  byId("swap").addEventListener("click", () => {
    const { a, b, t } = store.get().view;
    store.look({ a: b, b: a, t: snap(1 - t) });
  });
  byId("chance").addEventListener("click", () => {
    const [a, b] = twoOf(store.get().latents);
    if (b) store.look({ a: a.id, b: b.id });
  });
  for (const end of ["a", "b"]) byId(`to-${end}`).addEventListener("click", () => store.look({ t: end === "a" ? 0 : 1 }));
  for (const input of document.querySelectorAll("input[name=of]")) {
    input.addEventListener("change", () => store.look({ of: input.value }));
  }

  function draw(state) {
    const { t, of } = state.view;
    slider.value = String(Math.round(t * STEPS));
    slider.style.setProperty("--t", String(t));
    slider.setAttribute("aria-valuetext", `t = ${position(t)}`);
    byId("name-a").textContent = latentOf(state, state.view.a)?.name ?? "–";
    byId("name-b").textContent = latentOf(state, state.view.b)?.name ?? "–";
    for (const input of document.querySelectorAll("input[name=of]")) input.checked = input.value === of;
    const obstacle = weightsObstacle(state);
    byId("of-weights").disabled = Boolean(obstacle);
    byId("of-why").textContent = obstacle && state.latents.length ? obstacle : OF_WORDS[of];
    slider.disabled = play.disabled = !(state.view.a && state.view.b);
  }

  function drawPlay(playing) {
    play.replaceChildren(icon(playing ? "pause" : "play"));
    play.setAttribute("aria-label", playing ? "Pause" : "Play the line");
    play.title = playing ? "Pause" : "Play the line";
  }

  let timer = 0;
  function step() {
    const state = store.get();
    if (!state.playing) return;
    if (isPending()) return later(STEP_MS / 2);
    const { t } = state.view;
    const next = snap(t + state.direction / STEPS);
    if (next !== t) {
      store.look({ t: next });
      return later(STEP_MS);
    }
    if (reducedMotion.matches) return store.set({ playing: false });
    store.set({ direction: -state.direction });
    later(TURN_MS);
  }
  const later = (ms) => (timer = setTimeout(step, ms));

  store.subscribe((state, before) => {
    if (state.view !== before.view || state.latents !== before.latents) draw(state);
    if (state.playing === before.playing) return;
    clearTimeout(timer);
    drawPlay(state.playing);
    if (!state.playing) return;
    const { t } = state.view;
    store.set({ direction: t >= 1 ? -1 : 1 });
    step();
  });
  drawPlay(false);
}

const OF_WORDS = {
  latent: "Each point’s weights are decoded from the latent vector (1 − t) · A + t · B.",
  weights: "Each point’s weights are (1 − t) · A + t · B of the two networks’ own weights, with no latent space between.",
};

/** Two different ones, by chance. */
function twoOf(items) {
  if (items.length < 2) return [];
  const first = Math.floor(Math.random() * items.length);
  const second = (first + 1 + Math.floor(Math.random() * (items.length - 1))) % items.length;
  return [items[first], items[second]];
}
