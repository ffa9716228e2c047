/** Places between three or four corners: weights, and points of a triangle or a square. Pure. */

import { partsOf, written } from "./spots.js";

/** @typedef {[number, number]} Point in the unit square, right and up */

/** Corners in the order A, B, C, D: a square read like a book from below, or a triangle whose third corner is on top. */
export const SQUARE = /** @type {Point[]} */ ([[0, 0], [1, 0], [0, 1], [1, 1]]);
export const TRIANGLE = /** @type {Point[]} */ ([[0, 0], [1, 0], [0.5, 1]]);
export const cornersOf = (/** @type {number} */ count) => (count === 4 ? SQUARE : TRIANGLE);

/** Weights that differ by less are the same: they were rounded. */
const SAME = 2e-3;

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

/** Weights of the corners at a point. @param {Point} point @param {number} count of corners @returns {number[]} */
export const weightsAt = (point, count) => (count === 4 ? bilinear : barycentric)(point);

/**
 * The place at a point between corners, rounded so that the weights still sum to 1.
 * @param {string[]} ids @param {Point} point @param {import("./places.js").Push[]} [pushes]
 */
export function placeBetween(ids, point, pushes = []) {
  const weights = weightsAt(onPad(point, ids.length), ids.length).map(round);
  const largest = weights.indexOf(Math.max(...weights));
  weights[largest] = round(weights[largest] + 1 - weights.reduce((sum, weight) => sum + weight, 0));
  /** @type {Map<string, number>} */
  const sums = new Map();
  ids.forEach((id, i) => sums.set(id, round((sums.get(id) ?? 0) + weights[i])));
  return written({ terms: [...sums].filter(([, weight]) => weight > 0).map(([id, weight]) => ({ id, weight })), pushes });
}

/** Where a spot lies between corners, or null where it is made otherwise. @param {string[]} ids @param {import("./state.js").Spot} spot @returns {Point|null} */
export function pointBetween(ids, spot) {
  const { terms } = partsOf(spot);
  if (!terms.every(({ id, weight }) => ids.includes(id) && weight >= -1e-6)) return null;
  const weights = ids.map((id, i) => (ids.indexOf(id) === i ? (terms.find((term) => term.id === id)?.weight ?? 0) : 0));
  const point = pointOf(weights);
  return weightsAt(point, ids.length).every((weight, i) => Math.abs(weight - weights[i]) < SAME) ? point : null;
}
