/** Numbers and results, in words. Pure. */

const whole = new Intl.NumberFormat("en");

/** 67073 -> "67,073" */
export const count = (n) => (n === null || n === undefined ? "?" : whole.format(n));

/** t -> "0.50" */
export const position = (t) => t.toFixed(2);

/** Volume in the cube's units: three digits. */
export const volume = (v) => v.toFixed(3);

/** 0.9342 -> "93 %" */
export const percent = (share) => `${Math.round(100 * share)} %`;

/** (3, "part") -> "3 parts" */
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

/** Why there is nothing to see, as the result it is. */
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

/** The value of a point's number at t: exact where known, else between its neighbours. */
export function pointAt(points, t) {
  const exact = points.find((p) => Math.abs(p.t - t) < 1e-6);
  if (exact) return { point: exact, exact: true };
  const after = points.findIndex((p) => p.t > t);
  if (after <= 0) return { point: null, exact: false };
  const [p, q] = [points[after - 1], points[after]];
  const w = (t - p.t) / (q.t - p.t);
  const near = w < 0.5 ? p : q;
  const mixed = p.empty || q.empty ? near.volume : (1 - w) * p.volume + w * q.volume;
  return { point: { ...near, t, volume: mixed }, exact: false };
}

/** Two lists of points as one, by t; where both know a point, the newer. */
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
