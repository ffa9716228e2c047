/** What is known of classifiers, in words and colours. Pure. */

import { KINDS } from "./colouring.js";
import { count, mixedAt, percent } from "./words.js";

/** @typedef {import("./api.js").ClassifierPoint} Point */

/** @type {Record<string, string>} */
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
  return mixedAt(points, t, (p, q, w, near) => ({
    ...near, accuracy: p.accuracy !== null && q.accuracy !== null ? (1 - w) * p.accuracy + w * q.accuracy : null,
  }));
}

/** Those that are known. @param {Point[]} points */
const accuraciesOf = (points) => points.flatMap(({ accuracy }) => (accuracy === null ? [] : [accuracy]));

/** How a whole line goes, in a sentence or two. @param {Point[]} points @param {Point[]} [weights] the same line through raw weights */
export function accuracySummary(points, weights = []) {
  const known = accuraciesOf(points);
  if (!known.length) return "No accuracy is known on this line: this server has no images to measure it on.";
  const names = [...new Set(points.map((p) => p.architecture))];
  const estimates = points.filter((p) => p.accuracy !== null && p.accuracy_from === "estimate").length;
  const between = accuraciesOf(weights.filter((p) => p.t > 0 && p.t < 1));
  return [
    `Between ${accuracyWords(Math.min(...known))} and ${accuracyWords(Math.max(...known))} of the images are put into the right class`,
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
