/** Numbers and results, in words. Pure. */

const whole = new Intl.NumberFormat("en");

/** 67073 -> "67,073" @param {number|null|undefined} n */
export const count = (n) => (n === null || n === undefined ? "?" : whole.format(n));

/** t -> "0.50" @param {number} t */
export const position = (t) => t.toFixed(2);

/** Volume in the cube's units: three digits. @param {number} v */
export const volume = (v) => v.toFixed(3);

/** 0.9342 -> "93 %" @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** As the beginning of a sentence. @param {string} words */
export const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

/** (3, "part") -> "3 parts" @param {number} n @param {string} noun */
export const plural = (n, noun) => `${count(n)} ${noun}${n === 1 ? "" : "s"}`;

/** What a whole line is like, in a sentence or two. @param {import("./api.js").Point[]} points */
export function lineSummary(points) {
  const empty = points.filter((p) => p.empty).length;
  if (empty === points.length) return `None of these ${points.length} networks has a surface.`;
  const solid = points.filter((p) => !p.empty);
  const volumes = solid.map((p) => p.volume);
  const parts = solid.map((p) => p.parts);
  const onePart = solid.filter((p) => p.parts === 1).length;
  const holes = empty ? `${empty} of ${points.length} networks have no surface at all. ` : "";
  const which = onePart === points.length ? `All ${points.length}` : `${onePart} of ${points.length}`;
  const most = Math.max(...parts) > 1 ? `, at most in ${Math.max(...parts)}` : "";
  const [least, largest] = [volume(Math.min(...volumes)), volume(Math.max(...volumes))];
  return `${holes}${which} networks give a shape in one part${most}; the volume stays between ${least} and ${largest}.`;
}

/** Why there is nothing to see, as the result it is. @param {import("./state.js").Of} of @param {number} t */
export function emptyResult(of, t) {
  const where = `At t = ${position(t)}`;
  if (of === "weights") {
    if (t === 0 || t === 1) return `${where} this network has no surface inside the cube.`;
    return [
      `${where} the averaged weights give a network with no surface.`,
      "That is the usual result between two networks that were trained separately: their neurons do not correspond.",
      "Along the latent line they do not have to.",
    ].join(" ");
  }
  return `${where} the decoded network has no surface inside the cube: its value is of one sign everywhere.`;
}

/**
 * Of points by t: the one at t where there is one, else one mixed of its two neighbours, or null outside of them.
 * @template {{t: number}} P
 * @param {P[]} points @param {number} t
 * @param {(p: P, q: P, w: number, near: P) => P} mix   (1 - w) of p and w of q
 * @returns {{point: P|null, exact: boolean}}
 */
export function mixedAt(points, t, mix) {
  const exact = points.find((p) => Math.abs(p.t - t) < 1e-6);
  if (exact) return { point: exact, exact: true };
  const after = points.findIndex((p) => p.t > t);
  if (after <= 0) return { point: null, exact: false };
  const [p, q] = [points[after - 1], points[after]];
  const w = (t - p.t) / (q.t - p.t);
  return { point: { ...mix(p, q, w, w < 0.5 ? p : q), t }, exact: false };
}

/** The value of a point's number at t: exact where known, else between its neighbours. @param {import("./api.js").Point[]} points @param {number} t */
export const pointAt = (points, t) => mixedAt(points, t, (p, q, w, near) => ({
  ...near, volume: p.empty || q.empty ? near.volume : (1 - w) * p.volume + w * q.volume,
}));

/** Two lists of points as one, by t; where both know a point, the newer. @template {{t: number}} P @param {P[]} old @param {P[]} fresh */
export function mergePoints(old, fresh) {
  const kept = old.filter((p) => !fresh.some((q) => Math.abs(p.t - q.t) < 1e-6));
  return [...kept, ...fresh].sort((p, q) => p.t - q.t);
}

/** "star base" from {base: "star"}: what is known of a shape in words. @param {Record<string, any>} properties */
export function traits(properties = {}) {
  return Object.entries(properties)
    .filter(([, value]) => typeof value === "string" && value !== "none" && value.length < 24)
    .map(([key, value]) => `${value} ${key.replaceAll("_", " ")}`);
}
