/** What is known of lines: volume and parts of their points, measured once and kept in the store. */

import * as api from "./api.js";
import { newest } from "./newest.js";
import { STEPS, lineKey, pointsOf, reach, taskOf } from "./state.js";
import { mergePoints } from "./words.js";

/** Points of a line's [0, 1] that are measured for the plot. */
const PLOTTED = { sdf: 21, classifier: 13 };
/** Lines that are remembered. */
const REMEMBERED = 40;

/**
 * Where a line is measured: classifiers where their lines were measured before they shipped.
 * @param {{beyond: boolean}} view @param {"sdf"|"classifier"} [task]
 * @returns {number[]}
 */
export function measuredAt({ beyond }, task = "sdf") {
  const every = 1 / (PLOTTED[task] - 1);
  const [low, high] = reach({ beyond });
  return Array.from({ length: Math.round((high - low) / every) + 1 }, (_, i) => Math.round((low + i * every) * STEPS) / STEPS);
}

/**
 * @param {import("./state.js").Store} store
 * @param {(error: unknown, action?: {label: string, run: () => void}) => void} fail
 */
export function measurements(store, fail) {
  const ask = { latent: newest((signal, line, ts) => api.interpolate(line, { ts }, signal)), weights: newest((signal, line, ts) => api.interpolate(line, { ts }, signal)) };
  const askOne = newest((signal, line, t) => api.interpolate(line, { ts: [t] }, signal));
  /** @type {Map<string, Promise<import("./api.js").Point[]|undefined>>} */
  const underWay = new Map();

  /** @param {import("./state.js").Line} line @param {import("./state.js").AnyPoint[]} points */
  function learn(line, points) {
    const lines = new Map(store.get().lines);
    const known = lines.get(lineKey(line)) ?? [];
    lines.delete(lineKey(line));
    lines.set(lineKey(line), mergePoints(known, points));
    for (const oldest of lines.keys()) if (lines.size > REMEMBERED) lines.delete(oldest);
    store.set({ lines });
  }

  /** @param {import("./state.js").Line} line @param {readonly number[]} ts */
  const missing = (line, ts) => {
    const known = pointsOf(store.get(), line) ?? [];
    return ts.filter((t) => !known.some((point) => Math.abs(point.t - t) < 1e-6));
  };

  /** The points of this line that are neither known nor under way. @param {import("./state.js").Line} line */
  async function measureLine({ a, b, of }) {
    const line = { a, b, of };
    const ts = missing(line, measuredAt(store.get().view, taskOf(store.get())));
    if (!ts.length) return;
    const key = `${lineKey(line)}\n${ts.length}`;
    if (!underWay.has(key)) underWay.set(key, ask[of](line, ts));
    const asked = underWay.get(key);
    try {
      const found = await asked;
      if (found && missing(line, ts).length) learn(line, found);
    } catch (error) {
      fail(error, { label: "Try again", run: () => measureLine(line) });
    } finally {
      underWay.delete(key);
    }
  }

  return {
    measureLine,
    /** First the line, if it is new and one; then this very point, if it is none of the line's. @param {import("./state.js").Spot} spot */
    async measureSpot({ a, b, of, t }) {
      const line = { a, b, of };
      if (a !== b) await measureLine(line);
      if ((a !== b && !pointsOf(store.get(), line)) || !missing(line, [t]).length) return;
      try {
        const points = await askOne(line, t);
        if (points) learn(line, points);
      } catch (error) {
        fail(error);
      }
    },
  };
}
