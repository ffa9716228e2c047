/** Three or four corners instead of two ends: a pad whose every point is a place between them. */

import { cornersOf, placeBetween, pointBetween, pointOf, weightsAt } from "./corners.js";
import { byId, el, put } from "./dom.js";
import { partsOf } from "./spots.js";
import { latentOf, spotOf } from "./state.js";

/** @typedef {import("./corners.js").Point} Point */

/** How far the keys move the handle. */
const KEY_STEP = 0.05;
const KEYS = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
const LETTERS = ["A", "B", "C", "D"];

const CORNERS = /** @type {const} */ (["a", "b", "c", "d"]);

/** @param {import("./state.js").Store} store */
export function pad(store) {
  const surface = byId("pad");
  const handle = el("button", { type: "button", class: "pad-handle", "aria-roledescription": "handle in two directions", "data-keys": "" });
  const words = byId("pad-words");
  const picks = ["c", "d"].map((end) => /** @type {HTMLSelectElement} */ (byId(`pick-${end}`)));
  const marks = LETTERS.map((letter) => el("span", { class: `pad-corner ${letter.toLowerCase()}` }, el("b", { class: `end ${letter.toLowerCase()}` }, letter), el("img", { alt: "", width: 56, height: 56 })));
  surface.append(...marks, handle);

  /** Ids of the corners, A and B first; empty where there are fewer than three. @param {import("./state.js").State} state @returns {string[]} */
  const cornerIds = ({ view, latents }) => {
    const ids = CORNERS.map((end) => view[end] ?? "").filter((id) => latents.some((latent) => latent.id === id));
    return ids.length > 2 ? ids : [];
  };

  /** @param {Point} point */
  function go(point) {
    const ids = cornerIds(store.get());
    if (ids.length) store.look({ of: "latent", at: placeBetween(ids, point, partsOf(spotOf(store.get())).pushes) });
  }

  /** @param {PointerEvent} event @returns {Point} */
  const under = (event) => {
    const box = surface.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
  };
  surface.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    surface.setPointerCapture(event.pointerId);
    go(under(event));
    handle.focus({ preventScroll: true });
    event.preventDefault();
  });
  surface.addEventListener("pointermove", (event) => surface.hasPointerCapture(event.pointerId) && go(under(event)));
  handle.addEventListener("keydown", (event) => {
    const step = KEYS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const state = store.get();
    const [u, v] = pointBetween(cornerIds(state), spotOf(state)) ?? [0.5, 0.5];
    go([u + KEY_STEP * step[0], v + KEY_STEP * step[1]]);
  });
  picks.forEach((pick, i) => pick.addEventListener("change", () => store.look({ [i ? "d" : "c"]: pick.value || null })));

  /** @param {import("./state.js").State} state */
  function drawPicks(state) {
    const { a, b, c } = state.view;
    picks.forEach((pick, i) => {
      const taken = i ? [a, b, c] : [a, b, state.view.d];
      const options = state.latents.filter((/** @type {any} */ latent) => !taken.includes(latent.id)).map((/** @type {any} */ latent) => el("option", { value: latent.id }, latent.name));
      pick.replaceChildren(el("option", { value: "" }, i ? "No fourth corner" : "No third corner"), ...options);
      pick.value = state.view[i ? "d" : "c"] ?? "";
    });
    picks[1].disabled = !c;
  }

  /** @param {import("./state.js").State} state */
  function draw(state) {
    const ids = cornerIds(state);
    const corners = cornersOf(ids.length);
    surface.hidden = !ids.length;
    surface.dataset.corners = String(ids.length);
    marks.forEach((mark, i) => {
      mark.hidden = i >= ids.length;
      if (mark.hidden) return;
      place(mark, corners[i]);
      const latent = latentOf(state, ids[i]);
      const image = /** @type {HTMLImageElement} */ (mark.lastChild);
      if (latent?.picture && image.getAttribute("src") !== latent.picture) image.src = latent.picture;
      mark.title = latent?.name ?? "";
    });
    drawHandle(state, ids);
  }

  /** @param {import("./state.js").State} state @param {string[]} ids */
  function drawHandle(state, ids) {
    const point = ids.length ? pointBetween(ids, spotOf(state)) : null;
    handle.classList.toggle("away", !point);
    place(handle, point ?? pointOf(ids.map(() => 1 / ids.length)));
    const shares = point && weightsAt(point, ids.length).map((weight, i) => `${Math.round(100 * weight)} % ${LETTERS[i]}`);
    const said = shares ? shares.join(", ") : "What is shown lies elsewhere: drag the handle to come here.";
    handle.setAttribute("aria-label", ids.length ? said : "");
    put(words, ids.length ? said : "Pick a third corner, and every point of the triangle between them is a network too.");
  }

  store.subscribe((state, before) => {
    const { view, latents } = state;
    const repicked = CORNERS.some((end) => view[end] !== before.view[end]);
    if (latents !== before.latents || repicked) drawPicks(state);
    if (view !== before.view || latents !== before.latents || state.jobs !== before.jobs) draw(state);
  });
  drawPicks(store.get());
  draw(store.get());
}

/** @param {HTMLElement} node @param {Point} point */
function place(node, [u, v]) {
  node.style.setProperty("--u", String(u));
  node.style.setProperty("--v", String(v));
}
