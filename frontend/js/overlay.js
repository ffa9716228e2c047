/** What stands above the map's points: the line with its ends, the place that is shown, the pointer, a line being drawn. */

import { token } from "./dom.js";
import { latentAt, positionAt } from "./places.js";

/** @typedef {import("./scatter.js").Dot} Dot */
/** @typedef {import("./scatter.js").Scatter} Scatter */
/** @typedef {[x: number, y: number]} Pixel */

/**
 * @typedef {object} Above
 * @property {import("./state.js").View} view
 * @property {string|null} hover
 * @property {boolean} straight    whether lines of the space are straight on this map
 * @property {{from: import("./scatter.js").Dot, x: number, y: number, to: import("./scatter.js").Dot|null}|null} drag
 */

/** @param {import("./scatter.js").Scatter} scatter @param {CanvasRenderingContext2D} ink @param {Above} above */
export function drawAbove(scatter, ink, { view, hover, straight, drag }) {
  const dots = scatter.dotOf;
  /** @param {string|null} id */
  const where = (id) => {
    const dot = dots.get(id ?? "");
    return dot && scatter.toScreen(dot.x, dot.y);
  };
  const [a, b] = [where(view.a), where(view.b)];
  if (a && b && a !== b) drawLine(ink, a, b, view, straight);
  const pointedAt = where(hover);
  if (pointedAt) ring(ink, pointedAt, 24, token("--text"), 2);
  if (view.at) drawPlace(scatter, ink, view.at, dots);
  if (a) badge(ink, a, "A", token("--a"));
  if (b) badge(ink, b, "B", token("--b"));
  if (drag) drawDrag(scatter, ink, drag);
}

/**
 * The line on the map, and where on it the view is.
 * @param {CanvasRenderingContext2D} ink @param {Pixel} a @param {Pixel} b @param {import("./state.js").View} view @param {boolean} straight
 */
function drawLine(ink, a, b, { t, at, beyond }, straight) {
  /** @param {number} s @returns {Pixel} */
  const point = (s) => [a[0] + s * (b[0] - a[0]), a[1] + s * (b[1] - a[1])];
  /** @param {number} from @param {number} to @param {number[]} dash */
  const stroke = (from, to, dash) => {
    ink.beginPath();
    ink.moveTo(...point(from));
    ink.lineTo(...point(to));
    ink.setLineDash(dash);
    ink.stroke();
    ink.setLineDash([]);
  };
  const gradient = ink.createLinearGradient(...a, ...b);
  gradient.addColorStop(0, token("--a"));
  gradient.addColorStop(1, token("--b"));
  Object.assign(ink, { lineWidth: 6, strokeStyle: token("--panel"), lineCap: "round" });
  if (straight) stroke(0, 1, []);
  Object.assign(ink, { lineWidth: 3, strokeStyle: gradient });
  stroke(0, 1, straight ? [] : [2, 8]);
  if (beyond && straight) {
    stroke(-0.5, 0, [2, 8]);
    stroke(1, 1.5, [2, 8]);
  }
  if (at) return;
  ink.beginPath();
  ink.arc(...point(t), 7, 0, 2 * Math.PI);
  Object.assign(ink, { fillStyle: token("--panel"), strokeStyle: token("--accent"), lineWidth: 4 });
  ink.fill();
  ink.stroke();
}

/**
 * What is looked at: a ring around a latent; a cross-hair, tied to its latents, for a place between them.
 * @param {Scatter} scatter @param {CanvasRenderingContext2D} ink @param {string} at @param {Map<string, Dot>} dots
 */
function drawPlace(scatter, ink, at, dots) {
  /** @param {string} id @returns {Pixel|undefined} */
  const positionOf = (id) => {
    const dot = dots.get(id);
    return dot && [dot.x, dot.y];
  };
  const place = positionAt(at, positionOf);
  if (!place) return;
  const here = scatter.toScreen(...place);
  const accent = token("--accent");
  if (latentAt(at)) return ring(ink, here, 23, accent, 4);
  Object.assign(ink, { strokeStyle: accent, lineWidth: 1.5 });
  for (const [, id] of at.matchAll(/(?:^|,)([^~][^,]*):/g)) {
    const from = positionOf(id);
    if (!from) continue;
    ink.beginPath();
    ink.moveTo(...here);
    ink.lineTo(...scatter.toScreen(...from));
    ink.globalAlpha = 0.55;
    ink.stroke();
    ink.globalAlpha = 1;
  }
  ink.beginPath();
  ink.arc(...here, 8, 0, 2 * Math.PI);
  Object.assign(ink, { fillStyle: accent, strokeStyle: token("--panel"), lineWidth: 3 });
  ink.fill();
  ink.stroke();
}

/** @param {Scatter} scatter @param {CanvasRenderingContext2D} ink @param {NonNullable<Above["drag"]>} drag */
function drawDrag(scatter, ink, { from, x, y, to }) {
  const start = scatter.toScreen(from.x, from.y);
  /** @type {Pixel} */
  const end = to ? scatter.toScreen(to.x, to.y) : [x, y];
  Object.assign(ink, { strokeStyle: token("--accent"), lineWidth: 3, lineCap: "round" });
  ink.setLineDash(to ? [] : [6, 7]);
  ink.beginPath();
  ink.moveTo(...start);
  ink.lineTo(...end);
  ink.stroke();
  ink.setLineDash([]);
  badge(ink, start, "A", token("--a"));
  if (to) badge(ink, end, "B", token("--b"));
}

/** @param {CanvasRenderingContext2D} ink @param {Pixel} at @param {number} radius @param {string} colour @param {number} width */
function ring(ink, [x, y], radius, colour, width) {
  ink.beginPath();
  ink.arc(x, y, radius, 0, 2 * Math.PI);
  Object.assign(ink, { strokeStyle: colour, lineWidth: width });
  ink.stroke();
}

/** @param {CanvasRenderingContext2D} ink @param {Pixel} at @param {string} letter @param {string} colour */
function badge(ink, [x, y], letter, colour) {
  ring(ink, [x, y], 21, colour, 3);
  const [cx, cy] = [x - 15, y - 15];
  ink.beginPath();
  ink.arc(cx, cy, 9, 0, 2 * Math.PI);
  Object.assign(ink, { fillStyle: colour, strokeStyle: token("--panel"), lineWidth: 2 });
  ink.fill();
  ink.stroke();
  Object.assign(ink, { fillStyle: token("--panel"), font: `700 11px ${token("--font")}`, textAlign: "center", textBaseline: "middle" });
  ink.fillText(letter, cx, cy + 0.5);
}
