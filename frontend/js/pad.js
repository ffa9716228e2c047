/** Three or four corners instead of two ends: a pad whose every point is a place between them. */

import { byId, el } from "./dom.js";
import { partsOf, written } from "./spots.js";
import { latentOf, spotOf } from "./state.js";

/** @typedef {[number, number]} Point in the unit square, right and up */

/** Corners in the order A, B, C, D: a square read like a book from below, or a triangle whose third corner is on top. */
export const SQUARE = /** @type {Point[]} */ ([[0, 0], [1, 0], [0, 1], [1, 1]]);
export const TRIANGLE = /** @type {Point[]} */ ([[0, 0], [1, 0], [0.5, 1]]);
export const cornersOf = (/** @type {number} */ count) => (count === 4 ? SQUARE : TRIANGLE);
/** How far the keys move the handle. */
const KEY_STEP = 0.05;
const KEYS = /** @type {Record<string, Point>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });

const clamp = (/** @type {number} */ x) => Math.min(1, Math.max(0, x));
const round = (/** @type {number} */ x) => Number(x.toFixed(4));

/** Weights of four corners, which sum to 1. @param {Point} point @returns {number[]} */
export const bilinear = ([u, v]) => [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v];

/** Weights of three corners, which sum to 1; negative outside of the triangle. @param {Point} point @returns {number[]} */
export const barycentric = ([u, v]) => [1 - u - v / 2, u - v / 2, v];

/** Where weights put the handle. Inverse: `bilinear`, `barycentric`. @param {number[]} weights @returns {Point} */
export function pointOf(weights) {
  const corners = cornersOf(weights.length);
  const along = (/** @type {0|1} */ axis) => weights.reduce((sum, weight, i) => sum + weight * corners[i][axis], 0);
  return [along(0), along(1)];
}

/** The nearest point that lies on the pad. @param {Point} point @param {number} count of corners @returns {Point} */
export function onPad([u, v], count) {
  if (count === 4) return [clamp(u), clamp(v)];
  const inside = barycentric([u, v]).every((weight) => weight >= 0);
  if (inside) return [u, v];
  const edges = TRIANGLE.map((from, i) => nearestOn(from, TRIANGLE[(i + 1) % 3], [u, v]));
  const far = (/** @type {Point} */ p) => Math.hypot(p[0] - u, p[1] - v);
  return edges.reduce((best, point) => (far(point) < far(best) ? point : best));
}

/** The nearest point of an edge. @param {Point} from @param {Point} to @param {Point} point @returns {Point} */
function nearestOn(from, to, point) {
  const edge = [to[0] - from[0], to[1] - from[1]];
  const share = clamp(((point[0] - from[0]) * edge[0] + (point[1] - from[1]) * edge[1]) / (edge[0] ** 2 + edge[1] ** 2));
  return [from[0] + share * edge[0], from[1] + share * edge[1]];
}

/** The place at a point between corners, rounded so that the weights still sum to 1. @param {string[]} ids @param {Point} point */
export function placeBetween(ids, point) {
  const weights = (ids.length === 4 ? bilinear : barycentric)(onPad(point, ids.length)).map(round);
  const largest = weights.indexOf(Math.max(...weights));
  weights[largest] = round(weights[largest] + 1 - weights.reduce((sum, weight) => sum + weight, 0));
  /** @type {Map<string, number>} */
  const sums = new Map();
  ids.forEach((id, i) => sums.set(id, round((sums.get(id) ?? 0) + weights[i])));
  return written({ terms: [...sums].filter(([, weight]) => weight > 0).map(([id, weight]) => ({ id, weight })), pushes: [] });
}

/** Where a spot lies between corners, or null where it is made of others too. @param {string[]} ids @param {import("./state.js").Spot} spot @returns {Point|null} */
export function pointBetween(ids, spot) {
  const { terms } = partsOf(spot);
  if (!terms.every(({ id, weight }) => ids.includes(id) && weight >= -1e-6)) return null;
  const weights = ids.map((id, i) => (ids.indexOf(id) === i ? (terms.find((term) => term.id === id)?.weight ?? 0) : 0));
  return Math.abs(weights.reduce((sum, weight) => sum + weight, 0) - 1) < 1e-3 ? pointOf(weights) : null;
}

const LETTERS = ["A", "B", "C", "D"];

/** @param {import("./state.js").Store} store */
export function pad(store) {
  const surface = byId("pad");
  const handle = el("button", { type: "button", class: "pad-handle", "aria-roledescription": "handle in two directions", "data-keys": "" });
  const words = byId("pad-words");
  const picks = ["c", "d"].map((end) => /** @type {HTMLSelectElement} */ (byId(`pick-${end}`)));
  const marks = LETTERS.map((letter) => el("span", { class: `pad-corner ${letter.toLowerCase()}` }, el("b", { class: `end ${letter.toLowerCase()}` }, letter), el("img", { alt: "", width: 56, height: 56 })));
  surface.append(...marks, handle);

  /** Ids of the corners, A and B first; empty where there are fewer than three. @param {any} state @returns {string[]} */
  const cornerIds = ({ view, latents }) => {
    const ids = ["a", "b", "c", "d"].map((end) => view[end]).filter((id) => id && latents.some((/** @type {any} */ latent) => latent.id === id));
    return ids.length > 2 ? ids : [];
  };

  /** @param {Point} point */
  function go(point) {
    const ids = cornerIds(store.get());
    if (ids.length) store.look({ at: placeBetween(ids, point) });
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

  /** @param {any} state */
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

  /** @param {any} state */
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

  /** @param {any} state @param {string[]} ids */
  function drawHandle(state, ids) {
    const point = ids.length ? pointBetween(ids, spotOf(state)) : null;
    handle.classList.toggle("away", !point);
    place(handle, point ?? pointOf(ids.map(() => 1 / ids.length)));
    const shares = point && (ids.length === 4 ? bilinear : barycentric)(point).map((weight, i) => `${Math.round(100 * weight)} % ${LETTERS[i]}`);
    const said = shares ? shares.join(", ") : "What is shown lies elsewhere: drag the handle to come here.";
    handle.setAttribute("aria-label", ids.length ? said : "");
    words.textContent = ids.length ? said : "Pick a third corner, and every point of the triangle between them is a network too.";
  }

  store.subscribe((state, before) => {
    const { view, latents } = state;
    const repicked = ["a", "b", "c", "d"].some((end) => view[end] !== before.view[end]);
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
