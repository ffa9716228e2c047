/** What is known of classifiers, in words and colours. Pure. */

import { KINDS } from "./colouring.js";
import { count, percent, pointAt } from "./words.js";

/** @typedef {import("./api.js").ClassifierPoint} Point */

const SOURCES = {
  gallery: "measured on test images before this space shipped",
  images: "measured on this server’s own test images",
  estimate: "an estimate, linear in the latent: this server has no images to measure it on",
};
const UNKNOWN = "not known: this server has no images to measure it on";

/** Where an accuracy comes from. @param {string|null|undefined} source */
export const sourceWords = (source) => SOURCES[source ?? ""] ?? UNKNOWN;

/** 0.2234 -> "22.3 %" @param {number|null|undefined} accuracy */
export const accuracyWords = (accuracy) => (accuracy === null || accuracy === undefined ? "?" : `${(100 * accuracy).toFixed(1)} %`);

/** The ink of a space's n-th architecture, the smallest first. @param {number} n @param {boolean} dark */
export const inkOf = (n, dark) => {
  const inks = KINDS[dark ? "dark" : "light"];
  return inks[Math.max(0, n) % inks.length];
};

/** The network at t: exact where it was measured, its accuracy between its neighbours' elsewhere. @param {Point[]} points @param {number} t */
export function classifierAt(points, t) {
  const { point, exact } = pointAt(points, t);
  if (!point || exact) return { point, exact };
  const after = points.findIndex((p) => p.t > t);
  const [p, q] = [points[after - 1], points[after]];
  const w = (t - p.t) / (q.t - p.t);
  const known = p.accuracy !== null && q.accuracy !== null;
  return { point: { ...point, accuracy: known ? (1 - w) * p.accuracy + w * q.accuracy : null }, exact };
}

/** How a whole line goes, in a sentence or two. @param {Point[]} points @param {Point[]} [weights] the same line through raw weights */
export function accuracySummary(points, weights = []) {
  const known = points.filter((p) => p.accuracy !== null);
  if (!known.length) return "No accuracy is known on this line: this server has no images to measure it on.";
  const order = [...known].sort((p, q) => p.accuracy - q.accuracy);
  const names = [...new Set(points.map((p) => p.architecture))];
  const estimates = known.filter((p) => p.accuracy_from === "estimate").length;
  const between = weights.filter((p) => p.accuracy !== null && p.t > 0 && p.t < 1).map((p) => p.accuracy);
  return [
    `Between ${accuracyWords(order[0].accuracy)} and ${accuracyWords(order.at(-1).accuracy)} of the images are put into the right class`,
    names.length > 1 ? `, by ${names.join(", then ")}.` : `, all by ${names[0]}.`,
    estimates ? ` ${estimates === known.length ? "All" : `${count(estimates)} of ${count(known.length)}`} are estimates.` : "",
    between.length ? ` Averaged raw weights fall to ${accuracyWords(Math.min(...between))} in between.` : "",
  ].join("");
}

/** How well decoded networks follow their inputs, in a sentence. @param {{input: number, decoded: number}[]} twins */
export function twinsSummary(twins) {
  if (!twins.length) return "The gallery does not tell how well its decoded networks do.";
  const off = twins.reduce((sum, { input, decoded }) => sum + Math.abs(input - decoded), 0) / twins.length;
  return `${count(twins.length)} networks that the space has not seen: decoded ones are ${(100 * off).toFixed(1)} points off on average.`;
}

/** How alike a network and its decoded twin are. @param {number} agreement */
export const agreementWords = (agreement) => `Same class as its decoded twin: ${percent(agreement)} of the images`;
