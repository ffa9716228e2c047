/** What a spot is made of: weighted latents and pushes along directions. Pure. */

import { parsePlace } from "./places.js";

/** @typedef {import("./state.js").Spot} Spot */
/** @typedef {import("./places.js").Place} Place */

/** The latents of a spot by weight, without rounding. @param {Spot} spot @returns {Place} */
export function partsOf({ a, b, t, at }) {
  const place = at ? parsePlace(at) : null;
  if (place) return place;
  const terms = a === b ? [{ id: a, weight: 1 }] : [{ id: a, weight: 1 - t }, { id: b, weight: t }];
  return { terms: terms.filter(({ weight }) => weight), pushes: [] };
}

/** As `at=` takes it, without rounding. @param {Place} place @param {(id: string) => string} [name] */
export const written = ({ terms, pushes }, name = (id) => id) =>
  [...terms.map(({ id, weight }) => `${name(id)}:${weight}`), ...pushes.map(({ direction, amount }) => `~${direction}:${amount}`)].join(",");

/** A spot as `at=` takes it. @param {Spot} spot */
export const placeText = (spot) => written(partsOf(spot));
