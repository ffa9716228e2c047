/**
 * Which shape to show next: a cache, at most one wanted and one anticipated request under way, the newest wins.
 *
 * Along one line, or from place to place, a request under way is let finish and shown, since it lies on the way, and of the wishes made
 * meanwhile only the newest is fetched next; aborting it would leave nothing to see during a drag. A change of the
 * line aborts what is under way. At rest the same point is fetched finely, then a few points around it in advance.
 */

import { isAbort } from "./api.js";
import { BEYOND, STEPS, sameLine } from "./state.js";

/** @typedef {import("./mesh.js").Mesh} Mesh */
/** @typedef {import("./state.js").Spot} Spot */
/** @typedef {{spot: Spot, resolution: number, mesh: Mesh|null, reason: string}} Frame mesh is null where there is no surface */
/** @typedef {{key: string, controller: AbortController, promise: Promise<Frame>}} Flight a request under way */

export const COARSE = 64;
export const FINE = 128;
const CACHE_BYTES = 128 * 2 ** 20;
/** Steps away from a point at rest, in the order in which they are fetched in advance. */
const AROUND = [1, -1, 2, -2, 3, -3, 5, -5, 8, -8, 12, -12, 20, -20, 30, -30];

/** A line to itself is one point. @param {Spot} spot @param {number} resolution */
const keyOf = ({ a, b, of, t }, resolution) => [a, b, of, a === b ? 0 : Math.round(t * STEPS), resolution].join("\n");
/** A shape that was shown has normals, as many as positions. @param {Frame} frame */
const sizeOf = (frame) => 64 + (frame.mesh ? 2 * frame.mesh.positions.byteLength + frame.mesh.indices.byteLength : 0);

/** Whether one spot is on the way to the other: both on one line, or both places, as while a handle is dragged. @param {Spot|null} x @param {Spot} y */
const onTheWay = (x, y) => x !== null && (sameLine(x, y) || Boolean(x.at && y.at));

/** The neighbours of a point, on its line; beyond the ends only for one that lies there. @param {Spot} spot @returns {Spot[]} */
function around(spot) {
  const [low, high] = spot.t < 0 || spot.t > 1 ? [-BEYOND, 1 + BEYOND] : [0, 1];
  const steps = AROUND.map((d) => Math.round(spot.t * STEPS) + d).filter((step) => step >= low * STEPS && step <= high * STEPS);
  return steps.map((step) => ({ ...spot, t: step / STEPS }));
}

/** Frames by key, the least recently used dropped beyond `limit` bytes. */
export class FrameCache {
  /** @type {Map<string, Frame>} */
  #frames = new Map();
  #bytes = 0;

  constructor(limit = CACHE_BYTES) {
    this.limit = limit;
  }

  get size() {
    return this.#frames.size;
  }

  /** @param {Spot} spot @param {number} resolution @returns {Frame|undefined} */
  get(spot, resolution) {
    const key = keyOf(spot, resolution);
    const frame = this.#frames.get(key);
    if (frame) this.#frames.delete(key) && this.#frames.set(key, frame);
    return frame;
  }

  /** @param {Frame} frame */
  put(frame) {
    const key = keyOf(frame.spot, frame.resolution);
    if (this.#frames.has(key)) return;
    this.#frames.set(key, frame);
    this.#bytes += sizeOf(frame);
    for (const [oldest, dropped] of this.#frames) {
      if (this.#bytes <= this.limit || oldest === key) break;
      this.#frames.delete(oldest);
      this.#bytes -= sizeOf(dropped);
    }
  }
}

export class Frames {
  #cache;
  /** @type {Spot|null} */
  #wanted = null;
  /** `main` is the wanted frame, coarse; `side` refines or anticipates. @type {{main: Flight|null, side: Flight|null}} */
  #lanes = { main: null, side: null };
  #timer = 0;

  /**
   * @param {object} how
   * @param {(spot: Spot, resolution: number, signal: AbortSignal) => Promise<Frame>} how.fetch
   * @param {(frame: Frame) => void} how.show
   * @param {(error: unknown, spot: Spot) => void} how.fail
   * @param {(pending: boolean) => void} [how.pending]
   * @param {(spot: Spot) => void} [how.rested]   called once the fine shape of a spot is shown
   * @param {number} [how.rest]   milliseconds after which a point counts as at rest
   * @param {FrameCache} [how.cache]
   */
  constructor({ fetch, show, fail, pending = () => {}, rested = () => {}, rest = 250, cache = new FrameCache() }) {
    this.fetch = fetch;
    this.show = show;
    this.fail = fail;
    this.pending = pending;
    this.rested = rested;
    this.rest = rest;
    this.fine = FINE;
    this.#cache = cache;
  }

  /**
   * Show this spot as soon as possible.
   * @param {Spot} spot
   * @param {Spot[]} [ahead] what will likely be wanted next, fetched meanwhile
   * @param {number} [fine] cells a side of the grid once it rests
   */
  want(spot, ahead = [], fine = FINE) {
    clearTimeout(this.#timer);
    this.fine = fine;
    const { main, side } = this.#lanes;
    if (main && !onTheWay(this.#wanted, spot)) this.#drop("main");
    if (side && ![spot, ...ahead].some((s) => keyOf(s, COARSE) === side.key)) this.#drop("side");
    this.#wanted = spot;
    this.#pump();
    if (ahead.length) this.#anticipate(ahead, spot);
  }

  /** @param {Flight} flight */
  #isWanted({ key }) {
    return this.#wanted !== null && keyOf(this.#wanted, COARSE) === key;
  }

  /** @param {"main"|"side"} lane */
  #drop(lane) {
    const flight = this.#lanes[lane];
    this.#lanes[lane] = null;
    flight?.controller.abort();
  }

  /** @param {Spot} spot */
  #known(spot) {
    return this.#cache.get(spot, this.fine) ?? this.#cache.get(spot, COARSE);
  }

  /** Shows the wanted frame if it is known, else sees to it that it is under way. */
  async #pump() {
    const spot = this.#wanted;
    if (!spot) return;
    const known = this.#known(spot);
    if (known) return this.#arrived(known, spot);
    this.pending(true);
    const { main, side } = this.#lanes;
    if (main) return;
    const flight = side?.key === keyOf(spot, COARSE) ? side : this.#start(spot, COARSE);
    this.#lanes.main = flight;
    try {
      const frame = await flight.promise;
      if (this.#lanes.main !== flight) return;
      this.#lanes.main = null;
      if (!this.#isWanted(flight)) this.show(frame);
      this.#pump();
    } catch (error) {
      if (this.#lanes.main !== flight) return;
      this.#lanes.main = null;
      if (!this.#isWanted(flight)) return void this.#pump();
      this.pending(false);
      this.fail(error, spot);
    }
  }

  /** @param {Spot} spot @param {number} resolution @returns {Flight} */
  #start(spot, resolution) {
    const controller = new AbortController();
    const promise = this.fetch(spot, resolution, controller.signal).then((frame) => {
      this.#cache.put(frame);
      return frame;
    });
    promise.catch(() => {});
    return { key: keyOf(spot, resolution), controller, promise };
  }

  /** @param {Frame} frame @param {Spot} spot */
  #arrived(frame, spot) {
    this.pending(false);
    this.show(frame);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(spot), this.rest);
  }

  /** @param {Spot} spot */
  async #settle(spot) {
    this.#drop("side");
    try {
      const known = this.#cache.get(spot, this.fine);
      const frame = known ?? (await this.#aside(spot, this.fine));
      if (this.#wanted !== spot) return;
      if (!known) this.show(frame);
      this.rested(spot);
      if (!frame.mesh) return; // its neighbours are likely to be as empty
    } catch (error) {
      if (this.#wanted === spot && !isAbort(error)) this.fail(error, spot);
      return;
    }
    if (spot.a !== spot.b) this.#anticipate(around(spot), spot);
  }

  /** One at a time, as long as `spot` stays wanted; a failure here is no news, it will be if the spot is wanted. @param {Spot[]} spots @param {Spot} spot */
  async #anticipate(spots, spot) {
    for (const next of spots) {
      if (this.#wanted !== spot || this.#lanes.side) return;
      if (!this.#known(next)) await this.#aside(next, COARSE).catch(() => null);
    }
  }

  /** A frame, fetched beside what is wanted. @param {Spot} spot @param {number} resolution */
  async #aside(spot, resolution) {
    const flight = this.#start(spot, resolution);
    this.#lanes.side = flight;
    try {
      return await flight.promise;
    } finally {
      if (this.#lanes.side === flight) this.#lanes.side = null;
    }
  }
}
