/** Pushes along directions of a space: in words, and the places that they lead to. Pure. */

import { formatPlace } from "./places.js";
import { partsOf } from "./spots.js";
import { latentOf, spotOf } from "./state.js";
import { wordsOf } from "./wishes.js";
import { percent } from "./words.js";

/**
 * @typedef {object} Direction
 * @property {string} name
 * @property {string} title
 * @property {"attribute"|"component"} kind
 * @property {number} r2          of the regression on networks that were left out; of a component its share of the variance
 * @property {number} low         over the gallery, in `unit`
 * @property {number} high
 * @property {string} unit
 * @property {number} deviation   over the gallery, in `unit`
 */

/** How far a direction does what it says, in words. @param {Direction} direction */
export function trustWords({ kind, r2 }) {
  if (kind === "component") return `${percent(r2)} of how the gallery varies`;
  const r = `R² ${r2.toFixed(2)}`;
  if (r2 >= 0.9) return `told almost exactly, ${r}`;
  if (r2 >= 0.75) return `told well, ${r}`;
  return r2 >= 0.5 ? `told roughly, ${r}` : `told poorly, ${r}`;
}

/** An amount in the direction's own unit, in words: "taller seat, +0.050". @param {Direction} direction @param {number} amount */
export function amountWords(direction, amount) {
  if (!amount) return "as it is";
  const digits = direction.deviation >= 10 ? 0 : direction.deviation >= 0.5 ? 1 : direction.deviation >= 0.05 ? 2 : 3;
  const number = `${amount < 0 ? "−" : "+"}${Math.abs(amount).toFixed(digits)}`;
  const unit = { degrees: "°", "standard deviations": " σ" }[direction.unit] ?? (direction.unit ? ` ${direction.unit}` : "");
  if (direction.kind === "component") return `${number}${unit}`;
  const { less, more } = wordsOf(direction.name.includes(".") ? direction.title.toLowerCase() : direction.name);
  return `${amount < 0 ? less : more}, ${number}${unit}`;
}

/** What a direction is called. @param {Direction} direction */
export const nameOf = ({ name, title, kind }) => (kind === "component" ? title : title || wordsOf(name).name);

/** The pushes of what is shown, by direction. @param {import("./state.js").Spot} spot @returns {Record<string, number>} */
export const pushesOf = (spot) => Object.fromEntries(partsOf(spot).pushes.map(({ direction, amount }) => [direction, amount]));

/**
 * The place of terms and pushes; null where nothing is pushed and it is the line's own point, which then is shown as such.
 * @param {import("./places.js").Place} place @param {import("./state.js").View} view
 */
function settled({ terms, pushes }, view) {
  const at = formatPlace({ terms, pushes });
  const { a, b, t, of } = view;
  const line = a && b ? formatPlace(partsOf({ a, b, t, of })) : "";
  return !pushes.length && at === line ? null : at;
}

/** The `at` that a slider leads to: what is shown, with one push changed. @param {import("./state.js").State} state @param {string} direction @param {number} amount */
export function pushed(state, direction, amount) {
  const { terms, pushes } = partsOf(spotOf(state));
  const others = pushes.filter((push) => push.direction !== direction);
  return settled({ terms, pushes: amount ? [...others, { direction, amount }] : others }, state.view);
}

/** The `at` of what is shown without any push. @param {import("./state.js").State} state */
export const unpushed = (state) => settled({ terms: partsOf(spotOf(state)).terms, pushes: [] }, state.view);

/** A name for what is shown, when none was given. @param {import("./state.js").State} state */
export function suggested(state) {
  const { terms, pushes } = partsOf(spotOf(state));
  const heaviest = terms.reduce((x, y) => (y.weight > x.weight ? y : x));
  const near = latentOf(state, heaviest.id)?.name ?? "a place";
  if (pushes.length) return `${near}, ${pushes.map(({ direction, amount }) => wordsOf(direction)[amount < 0 ? "less" : "more"]).join(", ")}`.slice(0, 100);
  return (terms.length > 1 ? `Near ${near}` : near).slice(0, 100);
}

/** Why a gallery of so many networks has no property for a slider. @param {number} networks @param {{fewest: number, least_r2: number}} least */
export function withoutAttributes(networks, { fewest, least_r2: r2 }) {
  const why = networks < fewest
    ? `This gallery has ${networks} networks; from ${fewest} on it can be tested whether a property can be told from a latent.`
    : `Nothing that is known of this gallery’s networks can be told from their latents with an R² of ${r2} or more.`;
  return `${why} So there is no slider for a property, only principal components: what differs most between these networks, whatever it means.`;
}
