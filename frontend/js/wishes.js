/** What can be asked of a job: attributes in words, and requests. Pure. */

/** @typedef {{name: string, r2: number|null, low: number|null, high: number|null}} Attribute */
/** @typedef {{name: string, less: string, more: string}} Words of an attribute, e.g. "lower seat", "higher seat" */

/** A slider goes so many steps to either side. */
export const NOTCHES = 5;
/** Volume's scale is the start's own: the outermost notch is half of it. */
const VOLUME_SHARE = 0.5;
/** Any other attribute's is the gallery: the outermost notch is this share of its range. */
const RANGE_SHARE = 0.5;

/** [noun, less, more] of what chairs are known by; all others are "less x", "more x". @type {Record<string, string[]>} */
const KNOWN = {
  volume: ["volume", "less volume", "more volume"],
  height: ["height", "shorter", "taller"],
  width: ["width", "narrower", "wider"],
  seat_height: ["seat height", "lower seat", "taller seat"],
  seat_width: ["seat width", "narrower seat", "wider seat"],
  seat_depth: ["seat depth", "shallower seat", "deeper seat"],
  seat_thickness: ["seat thickness", "thinner seat", "thicker seat"],
  back_height: ["back height", "lower back", "higher back"],
  back_width: ["back width", "narrower back", "wider back"],
  back_thickness: ["back thickness", "thinner back", "thicker back"],
  back_tilt: ["back tilt", "more upright", "leaning back"],
  arm_height: ["arm height", "lower arms", "higher arms"],
  leg_radius: ["leg radius", "thinner legs", "thicker legs"],
  leg_splay: ["leg splay", "straighter legs", "more splayed legs"],
};

/** `star base` of base.star, `seat height` of seat_height. @param {string} name @returns {Words} */
export function wordsOf(name) {
  const noun = name.split(".").reverse().join(" ").replaceAll("_", " ");
  const [as, less, more] = KNOWN[name] ?? [noun, `less ${noun}`, `more ${noun}`];
  return { name: as, less, more };
}

/** How far the latent tells an attribute, as the server measured it on networks that were left out. @param {Attribute} attribute */
export const trust = ({ r2 }) => (r2 === null ? "measured on the shape" : `R² ${r2.toFixed(2)}`);

/** The change that a notch, -NOTCHES to NOTCHES, stands for; in the attribute's units, for volume as a share of it. @param {Attribute} attribute @param {number} notch */
export function change({ name, low, high }, notch) {
  const share = notch / NOTCHES;
  return name === "volume" ? VOLUME_SHARE * share : RANGE_SHARE * ((high ?? 0) - (low ?? 0)) * share;
}

/** @param {number} x @param {number} digits */
const signed = (x, digits) => `${x < 0 ? "−" : "+"}${Math.abs(x).toFixed(digits)}`;

/** A notch in words: "wider seat, +0.05". @param {Attribute} attribute @param {number} notch */
export function wish(attribute, notch) {
  if (!notch) return "as it is";
  const { less, more } = wordsOf(attribute.name);
  const by = change(attribute, notch);
  const amount = attribute.name === "volume" ? `${signed(100 * by, 0)} %` : signed(by, Math.abs(by) >= 10 ? 0 : Math.abs(by) >= 1 ? 1 : 3);
  return `${notch < 0 ? less : more}, ${amount}`;
}

/**
 * The request for the wishes that are not zero.
 * @param {import("./api.js").Latent} start
 * @param {Attribute[]} attributes
 * @param {Record<string, number>} notches by name
 * @param {number} volume   the start's own, which the wish for more or less of it is a share of
 */
export function attributesRequest(start, attributes, notches, volume) {
  const wanted = attributes.filter(({ name }) => notches[name]);
  const by = (/** @type {Attribute} */ attribute) => change(attribute, notches[attribute.name]) * (attribute.name === "volume" ? volume : 1);
  const words = wanted.map(({ name }) => wordsOf(name)[notches[name] < 0 ? "less" : "more"]);
  return {
    objective: "attributes",
    start: start.id,
    name: `${words.join(", ")}, from ${start.name}`.slice(0, 200),
    targets: Object.fromEntries(wanted.map((attribute) => [attribute.name, { by: Number(by(attribute).toPrecision(6)) }])),
  };
}

/**
 * @param {{id: string, name: string}} cloud   that POST /points answered with
 * @param {{start: string|null, space: string, whole: boolean}} how   `whole`: all of an object, in any units; else a part
 *   of one, in the cube already, such as a scan from one side
 */
export function pointsRequest(cloud, { start, space, whole }) {
  const from = start ? { start } : { space };
  return { objective: "fit_points", upload: cloud.id, name: `${cloud.name}, fitted`.slice(0, 200), normalise: whole, complete: whole, ...from };
}

/** The request to distil a teacher. @param {import("./api.js").Latent} start @param {import("./api.js").Latent} [teacher] by default the server's choice */
export const distillRequest = (start, teacher) => ({
  objective: "distill",
  start: start.id,
  name: `${start.name}, taught`.slice(0, 200),
  ...(teacher ? { teacher: teacher.id } : {}),
});

const CLOUDS = [".obj", ".ply", ".stl", ".glb", ".off", ".xyz", ".txt", ".csv", ".npy"];
export const CLOUD_FILES = CLOUDS.join(",");

/** Whether a file of this name holds a mesh or points, not a network. @param {string} name */
export const isCloud = (name) => CLOUDS.some((suffix) => name.toLowerCase().endsWith(suffix));
