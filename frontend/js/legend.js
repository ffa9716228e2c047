/** What the map's colours mean. A kind can be picked out: the others fade. */

import { el } from "./dom.js";
import { outline } from "./sprites.js";

/** @typedef {import("./colouring.js").Colouring} Colouring */

const SIDE = 14;

/** @param {HTMLElement} host @param {(group: string) => void} pick */
export function legend(host, pick) {
  /** @param {import("./colouring.js").Mark} mark */
  function swatch({ colour, shape }) {
    const canvas = el("canvas", { width: 2 * SIDE, height: 2 * SIDE, "aria-hidden": "true" });
    const ink = canvas.getContext("2d", { willReadFrequently: true }); // one that the graphics card drew would be a layer of the page
    if (!ink) return canvas;
    outline(ink, shape, SIDE, SIDE, SIDE * 0.68);
    ink.fillStyle = colour;
    ink.fill();
    return canvas;
  }

  /** @param {string|null} only */
  const kind = (only) => (/** @type {Colouring["legend"][number]} */ { label, count, mark }) =>
    el("button", { type: "button", class: "kind", "aria-pressed": String(only === label), onclick: () => pick(label) }, swatch(mark), el("span", {}, label), el("small", {}, String(count)));

  /** @param {NonNullable<Colouring["scale"]>} scale */
  function scale({ low, high, ramp }) {
    const bar = el("span", { class: "ramp" });
    bar.style.background = `linear-gradient(90deg, ${ramp.join(", ")})`;
    return [el("span", {}, low), bar, el("span", {}, high)];
  }

  return {
    /** @param {import("./colouring.js").Colouring} colouring @param {string|null} only the kind that is picked out */
    show(colouring, only) {
      host.dataset.picked = String(only !== null);
      host.replaceChildren(...(colouring.scale ? scale(colouring.scale) : colouring.legend.map(kind(only))));
    },
  };
}
