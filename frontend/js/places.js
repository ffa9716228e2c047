/**
 * Places of a space: linear combinations of its latents and directions, as the server reads them in `at=`. Pure.
 *
 * `chair-1:0.3,chair-2:0.7,~seat_height:0.5` is 0.3 of one latent, 0.7 of another, and a seat that is half a unit higher.
 */

/** @typedef {{id: string, weight: number}} Term weight times a latent */
/** @typedef {{direction: string, amount: number}} Push along a named direction, in its own unit */
/** @typedef {{terms: Term[], pushes: Push[]}} Place */
/** @typedef {{id: string, dx: number, dy: number}} Near a latent, and how far it lies from a point of the map */

export const MOST_TERMS = 16;
export const MOST_WEIGHT = 8;
const NEAREST = 4;
/** Weights below this are of points outside of which the place lies: there the plain weights are used. */
const LEAST_WEIGHT = -0.25;

/** @param {number} x */
const short = (x) => String(Number(x.toFixed(4)));

/** Place -> `id:weight,~direction:amount`. Inverse: `parsePlace`. @param {{terms: Term[], pushes?: Push[]}} place */
export function formatPlace({ terms, pushes = [] }) {
  const kept = terms.filter(({ weight }) => short(weight) !== "0" && short(weight) !== "-0");
  const latents = kept.map(({ id, weight }) => `${id}:${short(weight)}`);
  return [...latents, ...pushes.filter(({ amount }) => amount).map(({ direction, amount }) => `~${direction}:${short(amount)}`)].join(",");
}

/** `id:weight,..` -> Place; null for what is none. Inverse: `formatPlace`. @param {string|null} text @returns {Place|null} */
export function parsePlace(text) {
  /** @type {Place} */
  const place = { terms: [], pushes: [] };
  const parts = (text ?? "").split(",").filter(Boolean);
  if (!parts.length || parts.length > MOST_TERMS) return null;
  for (const part of parts) {
    const colon = part.lastIndexOf(":");
    const [name, value] = [part.slice(0, colon), Number(part.slice(colon + 1) || NaN)];
    if (colon < 1 || !Number.isFinite(value) || name === "~" || (!name.startsWith("~") && Math.abs(value) > MOST_WEIGHT)) return null;
    if (name.startsWith("~")) place.pushes.push({ direction: name.slice(1), amount: value });
    else place.terms.push({ id: name, weight: value });
  }
  return place.terms.length ? place : null;
}

/** The place that is this latent itself. @param {string} id */
export const placeOf = (id) => `${id}:1`;

/** The latent that a place is, or null for one between latents. @param {string|null} text */
export function latentAt(text) {
  const place = parsePlace(text);
  return place && place.terms.length === 1 && !place.pushes.length && place.terms[0].weight === 1 ? place.terms[0].id : null;
}

/**
 * Where a place lies on the map: the same combination of its latents' positions. Directions are not drawn.
 * @param {string|null} text @param {(id: string) => number[]|undefined} positionOf
 * @returns {[number, number]|null}
 */
export function positionAt(text, positionOf) {
  const terms = parsePlace(text)?.terms ?? [];
  const known = terms.flatMap(({ id, weight }) => {
    const at = positionOf(id);
    return at ? [{ at, weight }] : [];
  });
  if (!terms.length || known.length < terms.length) return null;
  /** @param {number} axis */
  const along = (axis) => known.reduce((sum, { at, weight }) => sum + weight * at[axis], 0);
  return [along(0), along(1)];
}

/**
 * The place under a point of the map: of its nearest latents, weighted by inverse distance, and then corrected as little
 * as possible so that the weighted mean of their positions is the point itself. Where the point lies outside of them it
 * stays with the inverse distances.
 * @param {{id: string, x: number, y: number}[]} points @param {number} x @param {number} y
 * @returns {string} `at=`
 */
export function placeUnder(points, x, y) {
  const near = points
    .map((p) => ({ id: p.id, dx: p.x - x, dy: p.y - y, distance: Math.hypot(p.x - x, p.y - y) }))
    .sort((p, q) => p.distance - q.distance)
    .slice(0, NEAREST);
  if (!near.length) return "";
  if (near[0].distance === 0) return placeOf(near[0].id);
  const raw = near.map(({ distance }) => 1 / distance);
  const total = raw.reduce((a, b) => a + b, 0);
  const plain = raw.map((w) => w / total);
  const weights = centred(near, plain) ?? plain;
  return formatPlace({ terms: summingToOne(near.map(({ id }, i) => ({ id, weight: weights[i] }))) });
}

/** plain[i] (m + l . d[i]) whose sum is one and whose mean offset is zero; null where that is far outside. @param {Near[]} near @param {number[]} plain */
function centred(near, plain) {
  /** @param {(p: Near) => number} f */
  const sum = (f) => near.reduce((total, p, i) => total + plain[i] * f(p), 0);
  const [sx, sy] = [sum((p) => p.dx), sum((p) => p.dy)];
  const [xx, xy, yy] = [sum((p) => p.dx * p.dx), sum((p) => p.dx * p.dy), sum((p) => p.dy * p.dy)];
  const solved = solve3([[1, sx, sy], [sx, xx, xy], [sy, xy, yy]], [1, 0, 0]);
  if (!solved) return null;
  const [m, lx, ly] = solved;
  const weights = near.map((p, i) => plain[i] * (m + lx * p.dx + ly * p.dy));
  return weights.every((w) => w >= LEAST_WEIGHT) ? weights : null;
}

/** Cramer's rule; null where there is no one solution. @param {number[][]} m @param {number[]} v */
function solve3(m, v) {
  /** @param {number[][]} r */
  const det = (r) => r[0][0] * (r[1][1] * r[2][2] - r[1][2] * r[2][1]) - r[0][1] * (r[1][0] * r[2][2] - r[1][2] * r[2][0]) + r[0][2] * (r[1][0] * r[2][1] - r[1][1] * r[2][0]);
  const whole = det(m);
  if (Math.abs(whole) < 1e-12 * Math.abs(m[1][1] * m[2][2] || 1) || !whole) return null;
  return [0, 1, 2].map((column) => det(m.map((row, i) => row.map((x, j) => (j === column ? v[i] : x)))) / whole);
}

/** Rounded as they are sent, the largest taking what rounding left over. @param {Term[]} terms */
function summingToOne(terms) {
  const rounded = terms.map(({ id, weight }) => ({ id, weight: Number(weight.toFixed(4)) })).filter(({ weight }) => weight);
  const largest = rounded.reduce((a, b) => (b.weight > a.weight ? b : a));
  largest.weight += 1 - rounded.reduce((sum, { weight }) => sum + weight, 0);
  return rounded;
}
