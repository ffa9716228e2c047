/** The filmstrip: shapes along the line, at the slider's own places; with raw weights beside, a row of each. */

import { byId, darkScheme, el } from "./dom.js";
import { FrameCache } from "./frames.js";
import { fetchFrame, hasWebGL } from "./stage.js";
import { OFS, STEPS, reach, taskOf } from "./state.js";
import { position } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {{spot: import("./state.js").Spot, button: HTMLButtonElement, image: HTMLImageElement}} Still */

const RESOLUTION = 48;
/** Pictures to a row, by the width there is for one. */
const WIDTH = 62;
const [LEAST, MOST] = [5, 11];
const CACHE_BYTES = 24 * 2 ** 20;
/** Shapes that are waited for go first. */
const PATIENCE_MS = 120;

/** Where the pictures of a row are. Pure. @param {{beyond: boolean}} view @param {number} width @returns {number[]} */
export function stripOf(view, width) {
  const [low, high] = reach(view);
  const count = Math.min(MOST, Math.max(LEAST, Math.floor(width / WIDTH)));
  const odd = count - 1 + (count % 2); // so that the middle is one of them
  return Array.from({ length: odd }, (_, i) => Math.round((low + ((high - low) * i) / (odd - 1)) * STEPS) / STEPS);
}

/** @param {import("./state.js").Store} store @param {() => boolean} isPending whether the stage waits for a shape */
export function strip(store, isPending) {
  const host = byId("strip");
  const cache = new FrameCache(CACHE_BYTES);
  let controller = new AbortController();
  let drawn = "";
  /** Of the host: asked for at every step it would have the page laid out anew. */
  let width = host.clientWidth;
  /** @type {import("./stills.js").Stills|null} */
  let stills = null;
  if (!hasWebGL()) return;

  /** @param {import("./state.js").Spot} spot */
  function still(spot) {
    const image = el("img", { alt: "" });
    const outside = spot.t < 0 || spot.t > 1;
    const words = `t = ${position(spot.t)}${outside ? ", beyond the ends" : ""}${spot.of === "weights" ? ", raw weights" : ""}`;
    const button = el("button", { type: "button", class: outside ? "frame outside" : "frame", "aria-label": words, title: words }, image);
    button.dataset.t = String(spot.t);
    button.addEventListener("click", () => {
      store.set({ playing: false });
      store.look({ t: spot.t });
    });
    return { spot, button, image };
  }

  /** Fetches and draws one after another, as long as nobody waits for the stage. @param {Still[]} frames @param {AbortSignal} signal */
  async function develop(frames, signal) {
    const { Stills } = await import("./stills.js");
    stills ??= new Stills();
    for (const { spot, button, image } of middleOut(frames)) {
      while (isPending() && !signal.aborted) await pause(PATIENCE_MS);
      if (signal.aborted) return;
      const frame = cache.get(spot, RESOLUTION) ?? (await fetchFrame(spot, RESOLUTION, signal));
      cache.put(frame);
      if (signal.aborted) return;
      if (frame.mesh) image.src = stills.draw(frame.mesh, spot.t);
      button.dataset.state = frame.mesh ? "drawn" : "empty";
      if (!frame.mesh) button.title += ": no surface";
    }
    host.dataset.drawn = "true";
  }

  /** @param {State} state */
  function fill(state, again = false) {
    const { view } = state;
    if (taskOf(state) !== "sdf") return empty();
    const { a, b, of, beside } = view;
    const ts = stripOf(view, width);
    const key = [a, b, of, beside, ts].join("\n");
    if (!a || !b || (key === drawn && !again)) return;
    drawn = key;
    controller.abort();
    controller = new AbortController();
    const { signal } = controller;
    host.dataset.drawn = "false";
    const rows = (beside ? OFS : [of]).map((kind) => ts.map((t) => still({ a, b, t, of: kind })));
    host.replaceChildren(...rows.map((row) => el("div", { class: "frames" }, ...row.map(({ button }) => button))));
    mark(view);
    develop(rows.flat(), signal).catch(() => {
      // what the stage cannot show either is told there; the strip tries again with the next line
      if (!signal.aborted) drawn = "";
    });
  }

  /** Networks without a shape have no pictures. */
  function empty() {
    drawn = "";
    controller.abort();
    host.replaceChildren();
  }

  /** @param {import("./state.js").View} view */
  function mark({ t, at }) {
    for (const button of host.querySelectorAll("button")) {
      const here = !at && Math.abs(Number(button.dataset.t) - t) < 1e-6;
      button.toggleAttribute("aria-current", here);
    }
  }

  new ResizeObserver(() => {
    width = host.clientWidth;
    fill(store.get());
  }).observe(host);
  darkScheme.onChange(() => fill(store.get(), true));
  store.subscribe((state, before) => {
    if (state.view === before.view) return;
    fill(state);
    mark(state.view);
  });
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The middle tells most about a line; it comes first. @param {Still[]} frames */
const middleOut = (frames) => [...frames].sort((p, q) => Math.abs(p.spot.t - 0.5) - Math.abs(q.spot.t - 0.5));
