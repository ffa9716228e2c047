/** How alike two decoded networks are, in numbers and words. Pure. */

import { placeText } from "./spots.js";
import { spotOf } from "./state.js";
import { percent, volume } from "./words.js";

/** @typedef {{iou: number, chamfer: number, f_score: number, volume_a: number, volume_b: number, latent_distance: number}} Comparison */
/** @typedef {"ab"|"as"|"bs"} Pair   A and B; A or B and what is shown */

/** What each number is, for those who have not met it. */
const MEANT = {
  iou: "volume that both fill, of the volume that either fills",
  chamfer: "mean distance of one surface from the other, there and back; the cube is 2 wide",
  f_score: "surface that lies close to the other's",
  volume: "of the first, and of the second",
  latent_distance: "between the two latents",
};

/** @param {Comparison} found @returns {{name: string, value: string, meant: string}[]} */
export function rows({ iou, chamfer, f_score: fScore, volume_a: first, volume_b: second, latent_distance: distance }) {
  return [
    { name: "IoU", value: percent(iou), meant: MEANT.iou },
    { name: "F-score", value: percent(fScore), meant: MEANT.f_score },
    { name: "Chamfer distance", value: chamfer.toFixed(4), meant: MEANT.chamfer },
    { name: "Volume", value: `${volume(first)} and ${volume(second)}`, meant: MEANT.volume },
    { name: "Latent distance", value: distance.toFixed(2), meant: MEANT.latent_distance },
  ];
}

/** The comparison in a sentence. @param {Comparison} found */
export function inWords({ iou }) {
  if (iou > 0.97) return "As good as the same shape.";
  if (iou > 0.8) return "Much the same shape.";
  if (iou > 0.5) return "Shapes of one kind that differ.";
  return iou > 0.2 ? "Different shapes." : "Shapes that share hardly any space.";
}

/**
 * The places that a pair is of; null where one is not there or is no latent.
 * @param {import("./state.js").State} state @param {Pair} pair
 * @returns {[string, string]|null}
 */
export function placesOf(state, pair) {
  const { a, b } = state.view;
  const spot = spotOf(state);
  if (!a || !b) return null;
  const shown = spot.of === "weights" && !spot.at ? null : placeText(spot);
  const both = { ab: [a, b], as: [a, shown], bs: [b, shown] }[pair];
  return both.every(Boolean) ? /** @type {[string, string]} */ (both) : null;
}
