/** How a property colours the map: kinds by colour and shape, numbers by a ramp. Readable without colour vision. Pure. */

/** @typedef {"light"|"dark"} Theme */
/** @typedef {import("./api.js").Latent} Latent */
/** @typedef {{colour: string, shape: Shape}} Mark */
/** @typedef {"circle"|"square"|"triangle"|"diamond"|"wedge"|"pentagon"|"star"|"cross"} Shape */
/**
 * @typedef {object} Colouring
 * @property {string} name               of the property; "none"
 * @property {"kinds"|"numbers"|"none"} kind
 * @property {(latent: Latent) => Mark} markOf
 * @property {(latent: Latent) => string} groupOf   the kind in words; "" for numbers
 * @property {{label: string, count: number, mark: Mark}[]} legend   of kinds, the most frequent first
 * @property {{low: string, high: string, ramp: string[]}|null} scale   of numbers
 */

/** @type {Shape[]} */
export const SHAPES = ["circle", "square", "triangle", "diamond", "wedge", "pentagon", "star", "cross"];
/** Okabe and Ito's order of hues, each with a contrast of 3 : 1 to the page's ground. */
export const KINDS = {
  light: ["#0067b1", "#c84a00", "#00845f", "#b8558f", "#a97000", "#3a8dc2", "#6a4fa3", "#6b6b6b"],
  dark: ["#5aa9e6", "#ff8a4c", "#2fc49a", "#e59cc8", "#f2b632", "#9ad4f5", "#b79df0", "#b5b5b5"],
};
/** Viridis, without its end that is hard to tell from the page's ground. */
const RAMPS = {
  light: ["#440154", "#443a83", "#31688e", "#21908c", "#35b779", "#6ccd5a"],
  dark: ["#3f5c9a", "#31708e", "#21908c", "#35b779", "#8fd744", "#fde725"],
};
const UNKNOWN = { light: "#8b8b8b", dark: "#8b8b8b" };
/** More kinds than these are no kinds, but names. */
const MOST_KINDS = 24;

/** What is known of a latent, its own properties and those that all have. @param {Latent} latent @returns {Record<string, any>} */
export function factsOf(latent) {
  const { architecture, iou, agreement, accuracy, split, origin, properties } = latent;
  const name = typeof architecture === "object" ? architecture?.name : architecture;
  const measured = { accuracy: accuracy ?? properties.accuracy, "agreement (IoU)": iou ?? undefined, agreement: agreement ?? undefined };
  return { ...properties, ...measured, architecture: name, split: split ?? undefined, origin };
}

/** "seat_height" -> "seat height" @param {string} name */
export const wordsOf = (name) => name.replaceAll("_", " ");

/** @param {unknown} value */
const isKind = (value) => typeof value === "string" || typeof value === "boolean";
/** @param {Latent[]} latents @param {string} name @returns {any[]} kinds or numbers */
const valuesOf = (latents, name) => latents.map((latent) => factsOf(latent)[name]).filter((v) => v !== undefined && v !== null);

/** What people look for even where all are alike: that they are is worth knowing. */
const ALWAYS = ["architecture", "split"];

/** Properties by which these latents can be told apart, kinds before numbers; then what all have alike. @param {Latent[]} latents @returns {string[]} */
export function colourable(latents) {
  const names = [...new Set(latents.flatMap((latent) => Object.keys(factsOf(latent))))];
  const apart = names.filter((name) => {
    const different = new Set(valuesOf(latents, name));
    return different.size > 1 && ([...different].every((v) => typeof v === "number") || different.size <= MOST_KINDS);
  });
  const kinds = apart.filter((name) => isKind(valuesOf(latents, name)[0]));
  const alike = ALWAYS.filter((name) => !apart.includes(name) && valuesOf(latents, name).length);
  return [...kinds, ...apart.filter((name) => !kinds.includes(name)), ...alike];
}

/**
 * @param {Latent[]} latents @param {string|null} asked the property; null for the first, "none" for none @param {"light"|"dark"} theme @param {string[]} [architectures] in the order of their inks elsewhere
 * @returns {Colouring}
 */
export function colouring(latents, asked, theme, architectures = []) {
  const names = colourable(latents);
  const name = asked === "none" || !names.length ? "none" : asked !== null && names.includes(asked) ? asked : names[0];
  if (name === "none") return { ...PLAIN, markOf: () => ({ colour: KINDS[theme][0], shape: "circle" }) };
  return isKind(valuesOf(latents, name)[0]) ? byKind(latents, name, theme, name === "architecture" ? architectures : []) : byNumber(latents, name, theme);
}

/** @type {Omit<Colouring, "markOf">} */
const PLAIN = { name: "none", kind: "none", groupOf: () => "", legend: [], scale: null };

/** @param {unknown} value */
const label = (value) => (value === undefined || value === null ? "not known" : value === true ? "yes" : value === false ? "no" : String(value));

/**
 * The most frequent kinds first; those that have an ink elsewhere before all others.
 * @param {string[]} first @param {Latent[]} latents @param {string} name @param {Theme} theme
 * @returns {Colouring}
 */
function byKind(latents, name, theme, first) {
  /** @param {Latent} latent */
  const groupOf = (latent) => label(factsOf(latent)[name]);
  const counts = new Map();
  for (const latent of latents) counts.set(groupOf(latent), (counts.get(groupOf(latent)) ?? 0) + 1);
  const ordered = [...counts].sort(([x, m], [y, n]) => Number(x === "not known") - Number(y === "not known") || n - m || x.localeCompare(y));
  const ranks = [...new Set([...first, ...ordered.map(([group]) => group)])];
  const legend = ordered.map(([group, count]) => ({ label: group, count, mark: markOfRank(ranks.indexOf(group), group, theme) }));
  const marks = Object.fromEntries(legend.map(({ label, mark }) => [label, mark]));
  return { name, kind: "kinds", groupOf, legend, scale: null, markOf: (latent) => marks[groupOf(latent)] };
}

/** The rarest kinds, where there are many, share the last grey. @param {number} rank @param {string} group @param {Theme} theme @returns {Mark} */
function markOfRank(rank, group, theme) {
  const last = KINDS[theme].length - 1;
  if (group === "not known") return { colour: UNKNOWN[theme], shape: "cross" };
  return { colour: KINDS[theme][Math.min(rank, last)], shape: SHAPES[Math.min(rank, last)] };
}

/** @param {Latent[]} latents @param {string} name @param {Theme} theme @returns {Colouring} */
function byNumber(latents, name, theme) {
  const values = valuesOf(latents, name);
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const ramp = RAMPS[theme];
  /** @param {Latent} latent @returns {Mark} */
  const markOf = (latent) => {
    const value = factsOf(latent)[name];
    if (typeof value !== "number") return { colour: UNKNOWN[theme], shape: "cross" };
    return { colour: shade(ramp, (value - low) / (high - low)), shape: "circle" };
  };
  return { name, kind: "numbers", groupOf: () => "", legend: [], scale: { low: short(low), high: short(high), ramp }, markOf };
}

/** Few steps, so that few marks need to be drawn. */
const SHADES = 32;

/** The ramp's colour at a share of it, 0 to 1. @param {string[]} ramp @param {number} share */
export function shade(ramp, share) {
  const at = (Math.round(Math.min(1, Math.max(0, share)) * SHADES) / SHADES) * (ramp.length - 1);
  const [i, w] = [Math.min(ramp.length - 2, Math.floor(at)), at - Math.min(ramp.length - 2, Math.floor(at))];
  /** @param {string} hex @param {number} c */
  const channel = (hex, c) => parseInt(hex.slice(1 + 2 * c, 3 + 2 * c), 16);
  const mixed = [0, 1, 2].map((c) => Math.round((1 - w) * channel(ramp[i], c) + w * channel(ramp[i + 1], c)));
  return `rgb(${mixed.join(" ")})`;
}

/** A number as it is read: three digits. @param {number} x */
export const short = (x) => (Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(3))));

/** A property's value in words. @param {any} value */
export const inWords = (value) => (typeof value === "number" ? short(value) : label(value));
