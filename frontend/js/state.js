/** What is looked at, and what is known: one store, and the part of it that lives in the URL. */

import { shownLatent } from "./job.js";

/** @typedef {"latent"|"weights"} Of */
/** @typedef {{space: string|null, a: string|null, b: string|null, t: number, of: Of, job: string|null}} View */
/** @typedef {{a: string, b: string, of: Of}} Line */

/** Positions on the line are multiples of 1 / STEPS, so that what was fetched can be shown again. */
export const STEPS = 60;
export const OFS = /** @type {const} */ (["latent", "weights"]);
/** @type {View} */
export const START = { space: null, a: null, b: null, t: 0, of: "latent", job: null };

/** Nearest multiple of 1 / STEPS in [0, 1]; 0 for what is no number. @param {number} t */
export const snap = (t) => (Number.isFinite(t) ? Math.min(STEPS, Math.max(0, Math.round(t * STEPS))) / STEPS : 0);

/** `?a=..&b=..&t=..` -> View; what is missing or makes no sense is as at the start. Inverse: `queryFromView`. */
export function viewFromQuery(search) {
  const values = new URLSearchParams(search);
  const of = OFS.find((o) => o === values.get("of")) ?? START.of;
  const [space, a, b, job] = ["space", "a", "b", "job"].map((key) => values.get(key) || null);
  return { space, a, b, t: snap(Number(values.get("t") ?? 0)), of, job };
}

/** View -> `?a=..&b=..`, without what is as at the start. Inverse: `viewFromQuery`. @param {View} view */
export function queryFromView(view) {
  const values = new URLSearchParams();
  for (const key of ["space", "a", "b"]) if (view[key]) values.set(key, view[key]);
  if (view.t) values.set("t", String(Number(view.t.toFixed(4))));
  if (view.of !== START.of) values.set("of", view.of);
  if (view.job) values.set("job", view.job);
  return values.size ? `?${values}` : "";
}

/** Whether two views are of the same line, at whatever t. */
export const sameLine = (x, y) => x.a === y.a && x.b === y.b && x.of === y.of;

/** The job that is watched, or undefined. */
export const watchedJob = ({ view, jobs }) => (view.job ? jobs.items.find((job) => job.id === view.job) : undefined);

/** What the stage shows: what the watched job has found so far, as the middle of a line to itself; else the view's point. */
export function spotOf(state) {
  const found = shownLatent(watchedJob(state));
  const { a, b, t, of } = state.view;
  return found ? { a: found, b: found, t: 0.5, of: "latent" } : { a, b, t, of };
}

/**
 * State
 *   view     View
 *   spaces   Space[]
 *   latents  Latent[] of the view's space; the gallery first
 *   line     {line: Line, points: Point[]} | null    what is known of the line's points, by t
 *   frame    Frame | null     the shape that is shown
 *   upload   {phase: "idle"|"busy"|"done"|"failed", file?, latent?, error?}
 *   playing  boolean
 *   jobs     {phase: "loading"|"known"|"failed", items: Job[], dismissed: string[], error?, lost, unworked}
 *   tray     {open: boolean, opened: string|null}    whether it is unfolded, and which job is
 *   offer    {phase: "loading"|"known"|"failed", attributes: Attribute[], error?}    what jobs can change in the space
 */
export function createStore(initial) {
  let state = Object.freeze({ ...initial });
  let told = state;
  let telling = false;
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

  const set = (patch) => {
    state = Object.freeze({ ...state, ...patch });
    tell();
  };
  return {
    get: () => state,
    /** Merges `patch` and tells every listener (state, before). */
    set,
    /** Changes part of the view. Who looks elsewhere no longer watches a job. */
    look: (patch) => set({ view: Object.freeze({ ...state.view, job: null, ...patch }) }),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** @typedef {ReturnType<typeof createStore>} Store */

/** The latent of this id, or undefined. */
export const latentOf = (state, id) => state.latents.find((latent) => latent.id === id);

/** The latent's architecture, as its space describes it. */
export function architectureOf(state, latent) {
  const given = latent?.architecture;
  if (!given || typeof given === "object") return given ?? null;
  const space = state.spaces.find((s) => s.id === latent.space);
  return space?.architectures.find((a) => a.id === given || a.name === given) ?? { id: given, name: given, parameters: null };
}

/** Why this line's raw weights cannot be interpolated, in words; "" where they can. */
export function weightsObstacle(state) {
  const [a, b] = [latentOf(state, state.view.a), latentOf(state, state.view.b)];
  if (!a || !b) return "Pick A and B first.";
  const without = [a, b].filter((latent) => !latent.has_network).map((latent) => latent.name);
  if (without.length) return `Only the latent vector of ${without.join(" and ")} is kept here, not the network’s own weights.`;
  const [x, y] = [architectureOf(state, a), architectureOf(state, b)];
  if (x?.id !== y?.id) return `A and B are of different architectures (${x?.name}, ${y?.name}), so their weights cannot be averaged.`;
  return "";
}
