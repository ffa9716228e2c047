/** What is looked at, and what is known: one store, and the part of it that lives in the URL. */

import { shownLatent } from "./job.js";
import { latentAt, parsePlace } from "./places.js";

/** @typedef {"latent"|"weights"} Of */
/**
 * What is looked at. All of it is in the URL.
 * @typedef {object} View
 * @property {string|null} space
 * @property {string|null} a          latents at the ends of the line
 * @property {string|null} b
 * @property {string|null} c          a third and a fourth corner beside A and B
 * @property {string|null} d
 * @property {number} t               on the line: 0 is A, 1 is B; a multiple of 1 / STEPS
 * @property {boolean} beyond         whether t may leave [0, 1]
 * @property {Of} of                  what is interpolated
 * @property {boolean} beside         whether the same line through raw weights is shown beside it
 * @property {string|null} at         a place that is shown instead of the line's point, as `places.js` writes it
 * @property {string|null} job        a job that is watched instead
 * @property {number} detail          cells a side of the grid at rest
 * @property {string|null} colour     the property that colours the map; null for the first that is there
 * @property {string|null} projection of the map; null for the server's first
 * @property {boolean} plain          the map without pictures
 * @property {readonly string[]} shut panels that are folded, by their `data-panel`
 */
/** @typedef {{a: string, b: string, of: Of}} Line from latent to latent; "" where none is chosen yet */
/** @typedef {{a: string|null, b: string|null, of: Of, at?: string|null}} Ends a line, or a view of one */
/** @typedef {Line & {t: number, at?: string|null}} Spot a point of a line, or a place */
/** @typedef {ReturnType<typeof createStore>} Store */

/** Positions on the line are multiples of 1 / STEPS, so that what was fetched can be shown again. */
export const STEPS = 60;
/** How far t goes beyond the ends. */
export const BEYOND = 0.5;
export const ENDS = /** @type {const} */ (["a", "b"]);
export const OFS = /** @type {const} */ (["latent", "weights"]);
export const DETAILS = /** @type {const} */ ([64, 128, 192, 256]);
/** @type {View} */
export const START = Object.freeze({
  space: null, a: null, b: null, c: null, d: null, t: 0, beyond: false, of: "latent", beside: false, at: null, job: null,
  detail: 128, colour: null, projection: null, plain: false, shut: Object.freeze([]),
});
/** Changes of these are moves: they leave the job or the place that is shown. The others change how things look. */
const MOVES = ["space", "a", "b", "t", "of", "at", "job"];

/** The t that a line can be walked. @param {{beyond: boolean}} view @returns {[number, number]} */
export const reach = ({ beyond }) => (beyond ? [-BEYOND, 1 + BEYOND] : [0, 1]);

/** Nearest multiple of 1 / STEPS within reach; 0 for what is no number. @param {number} t @param {boolean} [beyond] */
export function snap(t, beyond = false) {
  if (!Number.isFinite(t)) return 0;
  const [low, high] = reach({ beyond });
  return Math.min(high, Math.max(low, Math.round(t * STEPS) / STEPS)) || 0;
}

/** Names of the URL's values, where they are not the view's own. */
const TEXTS = /** @type {const} */ ({ space: "space", a: "a", b: "b", c: "c", d: "d", at: "at", job: "job", colour: "colour", projection: "map" });

const TEXT_KEYS = /** @type {(keyof typeof TEXTS)[]} */ (Object.keys(TEXTS));
const FLAGS = /** @type {const} */ (["beyond", "beside", "plain"]);

/** `?a=..&b=..&t=..` -> View; what is missing or makes no sense is as at the start. Inverse: `queryFromView`. @param {string} search @returns {View} */
export function viewFromQuery(search) {
  const values = new URLSearchParams(search);
  const texts = /** @type {Record<keyof typeof TEXTS, string|null>} */ (Object.fromEntries(TEXT_KEYS.map((key) => [key, values.get(TEXTS[key]) || null])));
  const t = Number(values.get("t") ?? 0);
  const beyond = values.has("beyond") || t < 0 || t > 1;
  return {
    ...START, ...texts, beyond, t: snap(t, beyond),
    of: OFS.find((of) => of === values.get("of")) ?? START.of,
    beside: values.has("beside"),
    plain: values.has("plain"),
    at: parsePlace(texts.at) ? texts.at : null,
    detail: DETAILS.find((detail) => String(detail) === values.get("detail")) ?? START.detail,
    shut: (values.get("shut") ?? "").split(",").filter(Boolean).sort(),
  };
}

/** View -> `?a=..&b=..`, without what is as at the start. Inverse: `viewFromQuery`. @param {View} view */
export function queryFromView(view) {
  const values = new URLSearchParams();
  for (const key of TEXT_KEYS) if (view[key]) values.set(TEXTS[key], view[key]);
  if (view.t) values.set("t", String(Number(view.t.toFixed(4))));
  if (view.of !== START.of) values.set("of", view.of);
  for (const key of FLAGS) if (view[key]) values.set(key, "1");
  if (view.detail !== START.detail) values.set("detail", String(view.detail));
  if (view.shut.length) values.set("shut", view.shut.join(","));
  // Commas and colons may stand in a query as they are, and places are read by people.
  return values.size ? `?${String(values).replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%7E", "~")}` : "";
}

/** Whether two are of the same line, at whatever t, or the same place. @param {Ends} x @param {Ends} y */
export const sameLine = (x, y) => x.a === y.a && x.b === y.b && x.of === y.of && (x.at ?? null) === (y.at ?? null);

/** Names a line; its measured points are kept by it. @param {Ends} line */
export const lineKey = ({ a, b, of }) => [a ?? "", b ?? "", of].join("\n");

/** What is measured of a line, by t; undefined where nothing is. @param {State} state @param {Ends} line */
export const pointsOf = (state, line) => state.lines.get(lineKey(line));

/** The job that is watched, or undefined. @param {Pick<State, "view"|"jobs">} state */
export const watchedJob = ({ view, jobs }) => (view.job ? jobs.items.find((job) => job.id === view.job) : undefined);

/**
 * What the stage shows: what the watched job has found so far, as the middle of a line to itself; or a place; else the
 * view's point of the line.
 * @param {State} state
 * @returns {Spot}
 */
export function spotOf(state) {
  const found = shownLatent(watchedJob(state));
  if (found) return { a: found, b: found, t: 0.5, of: "latent" };
  const { a, b, t, of, at } = state.view;
  return at ? { a: at, b: at, t: 0.5, of: "latent", at } : { a: a ?? "", b: b ?? "", t, of };
}

/**
 * @typedef {object} State
 * @property {View} view
 * @property {import("./api.js").Space[]} spaces
 * @property {Latent[]} latents     of the view's space; the gallery first
 * @property {"loading"|"ready"|"empty"|"failed"} phase   whether the space is there
 * @property {Map<string, AnyPoint[]>} lines   what is measured of lines, each by t, under `lineKey`; replaced, never changed
 * @property {Frame|null} frame     the shape that is shown
 * @property {Frame|null} beside    the same point of the line through raw weights
 * @property {MapState} map
 * @property {string|null} hover    the latent under the pointer, on the map or in a list
 * @property {Upload} upload
 * @property {boolean} playing
 * @property {number} direction     in which it plays: 1 or -1
 * @property {{bounce: boolean, speed: number}} pace   how a line is played
 * @property {View[]} past          what `undo` goes back to, the newest last
 * @property {View[]} future        what `redo` goes on to, the nearest last
 * @property {JobsState} jobs
 * @property {{open: boolean, opened: string|null}} tray   whether it is unfolded, and which job is
 * @property {Offer} offer          what jobs can change in the space
 */
/** @typedef {{projection: string|null, projections: {name: string, title: string}[], axes: {title: string}[], places: Map<string, [number, number]>}} MapState */
/** @typedef {{phase: "idle"}|{phase: "busy", file: string, share: number}|{phase: "done", latent: Latent}|{phase: "failed", file: string, error: any}} Upload */
/** @typedef {{phase: "loading"|"known"|"failed", items: import("./job.js").Job[], dismissed: string[], error?: any, lost: boolean, unworked: boolean}} JobsState */
/** @typedef {{phase: "loading"|"known"|"failed", attributes: import("./wishes.js").Attribute[], error?: any}} Offer */
/** @typedef {import("./api.js").Latent} Latent */
/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./api.js").Point|import("./api.js").ClassifierPoint} AnyPoint */

/** One state, and who is told of its changes. @param {State} initial */
export function createStore(initial) {
  /** @type {State} */
  let state = Object.freeze({ ...initial });
  let told = state;
  let telling = false;
  /** @type {Set<(state: State, before: State) => unknown>} */
  const listeners = new Set();

  /** Every listener hears of every change in the same order, also of changes that listeners make. */
  function tell() {
    if (telling) return;
    telling = true;
    try {
      while (told !== state) {
        const [now, before] = [state, told];
        told = now;
        for (const listener of listeners) listener(now, before);
      }
    } finally {
      telling = false;
    }
  }

  /** @param {Partial<State>} patch */
  const set = (patch) => {
    state = Object.freeze({ ...state, ...patch });
    tell();
  };
  return {
    get: () => state,
    /** Merges `patch` and tells every listener (state, before). */
    set,
    /** Changes part of the view. Who moves elsewhere leaves the job or the place that was shown. @param {Partial<View>} patch */
    look(patch) {
      const left = MOVES.some((key) => key in patch) ? { job: null, at: null } : {};
      set({ view: Object.freeze({ ...state.view, ...left, ...patch }) });
    },
    /** Returns what ends it. @param {(state: State, before: State) => unknown} listener */
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** What the networks of the space that is looked at do. @param {Pick<State, "spaces"|"view">} state @returns {"sdf"|"classifier"} */
export const taskOf = (state) => state.spaces.find((space) => space.id === state.view.space)?.task ?? "sdf";

/** Those of the space that is looked at, the smallest first. @param {State} state @returns {string[]} */
export const architectureNames = (state) => state.spaces.find((space) => space.id === state.view.space)?.architectures.map(({ name }) => name) ?? [];

/** The latent that the view is at, if it is at one. @param {State} state @returns {string|null} */
export function latentHere(state) {
  const { a, b, t, at } = spotOf(state);
  if (at) return latentAt(at);
  return a === b || t === 0 ? a : t === 1 ? b : null;
}

/** The latent of this id, or undefined. @param {Pick<State, "latents">} state @param {string|null|undefined} id @returns {import("./api.js").Latent|undefined} */
export const latentOf = (state, id) => state.latents.find((latent) => latent.id === id);

/**
 * The latent's architecture, as its space describes it.
 * @param {State} state @param {Latent|undefined} latent
 * @returns {{id: string, name: string, parameters: number|null}|null}
 */
export function architectureOf(state, latent) {
  const given = latent?.architecture;
  if (!given) return null;
  if (typeof given === "object") return given;
  const space = state.spaces.find((s) => s.id === latent.space);
  return space?.architectures.find((a) => a.id === given || a.name === given) ?? { id: given, name: given, parameters: null };
}

/** Why this line's raw weights cannot be interpolated, in words; "" where they can. @param {State} state */
export function weightsObstacle(state) {
  const [a, b] = [latentOf(state, state.view.a), latentOf(state, state.view.b)];
  if (!a || !b) return "Pick A and B first.";
  const without = [a, b].filter((latent) => !latent.has_network).map((latent) => latent.name);
  if (without.length) return `Only the latent vector of ${without.join(" and ")} is kept here, not the network’s own weights.`;
  const [x, y] = [architectureOf(state, a), architectureOf(state, b)];
  if (x?.id !== y?.id) return `A and B are of different architectures (${x?.name}, ${y?.name}), so their weights cannot be averaged.`;
  return "";
}
