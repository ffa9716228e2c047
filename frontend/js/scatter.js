/**
 * Points on two canvases: the points themselves, and above them what changes with the pointer. Knows no latents.
 * While the map is dragged, the points are moved as they are drawn; once it rests, they are drawn anew.
 */

import { PICTURE, drawRound, pictures } from "./roundels.js";
import { sprites, stamp } from "./sprites.js";

/** @typedef {import("./colouring.js").Mark} Mark */
/** @typedef {{id: string, x: number, y: number, mark: Mark, faded: boolean, own: boolean, name: string, picture: string}} Dot */
/** @typedef {{dot: Dot, x: number, y: number}} Seen a point where it is drawn, in pixels */
/** @typedef {{x: number, y: number, scale: number}} Zoom the data in the middle, pixels a unit */
/** @typedef {{ground: string, panel: string, text: string, muted: string, rim: string, font: string}} Inks */

const MARGIN = 34;
const MOST_ZOOM = 60;
const MOVE_MS = 450;
/** The distance that two round pictures keep. */
const APART = 42;
/** More cells of that side than a map is high: a cell is known by one number. */
const CELLS = 4096;
/** From this many points on, they are drawn smaller. */
const MANY = 400;
const MOST_NAMES = 12;
/** This share of the map is drawn beyond each of its edges, for what a drag brings into sight. */
const SPARE = 0.3;
/** After so many frames without a movement the map rests. */
const REST = 8;

export class Scatter {
  /** @type {Dot[]} */
  dots = [];
  /** @type {Map<string, Dot>} */
  dotOf = new Map();
  pictures = true;
  /** @type {Zoom} */
  #zoom = { x: 0, y: 0, scale: 1 };
  /** With which the points were drawn. @type {Zoom} */
  #drawn = this.#zoom;
  /** Frames since the map was moved. */
  #still = 0;
  #fitted = true;
  #queued = false;
  #stale = { base: true, over: true };
  /** What glides: from where, and since when. @type {{before: Map<string, Dot>, since: number}|null} */
  #moving = null;

  /**
   * @param {HTMLElement} host
   * @param {() => Inks} inks
   * @param {(scatter: Scatter, ink: CanvasRenderingContext2D) => void} drawOver what stands above the points
   */
  constructor(host, inks, drawOver) {
    this.host = host;
    this.inks = inks;
    this.drawOver = drawOver;
    /** In CSS pixels; zero until the map is seen. */
    this.width = this.height = 0;
    this.ratio = 1;
    /** Points that are drawn as pictures. @type {Set<string>} */
    this.placed = new Set();
    /** Points that have their picture before all others. @type {Set<string>} */
    this.front = new Set();
    this.fitScale = 1;
    this.imageOf = pictures(() => this.draw());
    this.base = this.#layer();
    this.base.className = "points";
    this.over = this.#layer();
    new ResizeObserver(() => this.#resize()).observe(host);
  }

  #layer() {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    this.host.append(canvas);
    return canvas;
  }

  #resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (!width || !height) return;
    this.ratio = Math.min(2, devicePixelRatio);
    this.width = width;
    this.height = height;
    Object.assign(this.over, { width: width * this.ratio, height: height * this.ratio });
    const [spareX, spareY] = this.#spare();
    Object.assign(this.base, { width: (width + 2 * spareX) * this.ratio, height: (height + 2 * spareY) * this.ratio });
    Object.assign(this.base.style, { left: `${-spareX}px`, top: `${-spareY}px`, width: `${width + 2 * spareX}px`, height: `${height + 2 * spareY}px` });
    if (this.#fitted) this.fit();
    else this.draw();
  }

  /** New points; those that were there before glide to where they are now. @param {Dot[]} dots @param {boolean} glide */
  show(dots, glide) {
    const before = this.dotOf;
    this.dots = dots;
    this.dotOf = new Map(dots.map((dot) => [dot.id, dot]));
    const moved = glide && dots.some(({ id, x, y }) => {
      const old = before.get(id);
      return old && (old.x !== x || old.y !== y);
    });
    this.#moving = moved ? { before, since: performance.now() } : null;
    if (this.#fitted) this.fit();
    else this.draw();
  }

  /** All points within sight. */
  fit() {
    this.#fitted = true;
    if (this.dots.length && this.width) {
      const [xs, ys] = [this.dots.map(({ x }) => x), this.dots.map(({ y }) => y)];
      const [left, right] = ends(xs);
      const [bottom, top] = ends(ys);
      const scale = Math.min((this.width - 2 * MARGIN) / (right - left || 1), (this.height - 2 * MARGIN) / (top - bottom || 1));
      this.fitScale = scale;
      this.#zoom = { x: (left + right) / 2, y: (bottom + top) / 2, scale };
    }
    this.draw();
  }

  /** Data -> pixels. Inverse: `toData`. @param {number} x @param {number} y @returns {[number, number]} */
  toScreen(x, y) {
    const { x: cx, y: cy, scale } = this.#zoom;
    return [this.width / 2 + (x - cx) * scale, this.height / 2 - (y - cy) * scale];
  }

  /** Pixels -> data. Inverse: `toScreen`. @param {number} px @param {number} py @returns {[number, number]} */
  toData(px, py) {
    const { x, y, scale } = this.#zoom;
    return [x + (px - this.width / 2) / scale, y - (py - this.height / 2) / scale];
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    const { x, y, scale } = this.#zoom;
    this.#move({ x: x - dx / scale, y: y + dy / scale, scale });
  }

  /** @param {number} factor @param {number} [px] @param {number} [py] what stays where it is, in pixels */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toData(px, py);
    const scale = Math.min(this.fitScale * MOST_ZOOM, Math.max(this.fitScale / 2, this.#zoom.scale * factor));
    this.#move({ x: x - (px - this.width / 2) / scale, y: y + (py - this.height / 2) / scale, scale });
  }

  /** @param {Zoom} zoom */
  #move(zoom) {
    this.#zoom = zoom;
    this.#fitted = false;
    this.#still = 0;
    this.drawAbove();
  }

  /** The nearest point within this many pixels, or null. @param {number} px @param {number} py @returns {Dot|null} */
  dotAt(px, py, within = 14) {
    /** @type {Dot|null} */
    let best = null;
    let least = within * within;
    for (const dot of this.dots) {
      const [x, y] = this.toScreen(dot.x, dot.y);
      const distance = (x - px) ** 2 + (y - py) ** 2;
      const reach = this.placed.has(dot.id) ? PICTURE * PICTURE : 0;
      if (distance < Math.max(least, best ? 0 : reach)) [best, least] = [dot, distance];
    }
    return best;
  }

  /** Draws all in the next animation frame. */
  draw() {
    this.#stale.base = true;
    this.drawAbove();
  }

  /** Draws what stands above the points in the next animation frame, once however often it is asked. */
  drawAbove() {
    this.#stale.over = true;
    this.#queue();
  }

  #queue() {
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      if (this.width) this.#frame();
    });
  }

  #frame() {
    const moved = this.#drawn !== this.#zoom;
    if (this.#stale.base || (moved && ++this.#still > REST) || !this.#shift()) this.#drawBase();
    if (this.#stale.over) this.drawOver(this, this.#clear(this.over, 0, 0));
    this.#stale = { base: false, over: false };
    this.host.dataset.drawn = String(this.dots.length > 0);
    if (this.#moving) this.draw();
    else if (this.#drawn !== this.#zoom) this.#queue();
  }

  /** Pixels that the points' canvas has beyond the map's edges, to the left and right, above and below. @returns {[number, number]} */
  #spare() {
    return [Math.ceil(this.width * SPARE), Math.ceil(this.height * SPARE)];
  }

  /** Moves the points as they are drawn to where they are now; false where that shows less than all, or where they were zoomed. */
  #shift() {
    const [x, y] = this.toScreen(this.#drawn.x, this.#drawn.y);
    const [right, down] = [x - this.width / 2, y - this.height / 2].map((moved) => Math.round(moved * this.ratio) / this.ratio);
    const [spareX, spareY] = this.#spare();
    if (this.#zoom.scale !== this.#drawn.scale || Math.abs(right) > spareX || Math.abs(down) > spareY) return false;
    this.base.style.transform = `translate(${right}px, ${down}px)`;
    return true;
  }

  /** An empty canvas, whose origin is the map's. @param {HTMLCanvasElement} canvas @param {number} spareX @param {number} spareY */
  #clear(canvas, spareX, spareY) {
    const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    ink.setTransform(1, 0, 0, 1, 0, 0);
    ink.clearRect(0, 0, canvas.width, canvas.height);
    ink.setTransform(this.ratio, 0, 0, this.ratio, spareX * this.ratio, spareY * this.ratio);
    return ink;
  }

  /** Where a dot is drawn now: on its way, if it glides. @param {Dot} dot @param {number} progress */
  #now(dot, progress) {
    const from = this.#moving?.before.get(dot.id) ?? dot;
    return this.toScreen(from.x + (dot.x - from.x) * progress, from.y + (dot.y - from.y) * progress);
  }

  #drawBase() {
    const [spareX, spareY] = this.#spare();
    const ink = this.#clear(this.base, spareX, spareY);
    this.#drawn = this.#zoom;
    this.base.style.transform = "";
    const inks = this.inks();
    const passed = this.#moving ? Math.min(1, (performance.now() - this.#moving.since) / MOVE_MS) : 1;
    const seen = this.#seen(1 - (1 - passed) ** 3);
    ink.putImageData(this.#points(seen, inks.rim), 0, 0);
    if (passed === 1) this.#moving = null;
    this.placed = new Set();
    if (this.pictures) this.#drawPictures(ink, seen, inks);
    this.#drawNames(ink, seen.filter(({ dot }) => dot.own && !dot.faded).slice(0, MOST_NAMES), inks);
  }

  /** What lies on the points' canvas. @param {number} progress of what glides, 0 to 1 @returns {Seen[]} */
  #seen(progress) {
    const [reachX, reachY] = this.#spare().map((spare, i) => [this.width, this.height][i] / 2 + spare + PICTURE);
    const seen = [];
    for (const dot of this.dots) {
      const [x, y] = this.#now(dot, progress);
      if (Math.abs(x - this.width / 2) <= reachX && Math.abs(y - this.height / 2) <= reachY) seen.push({ dot, x, y });
    }
    return seen;
  }

  /** All points as the pixels of their canvas. @param {Seen[]} seen @param {string} rim */
  #points(seen, rim) {
    const [spareX, spareY] = this.#spare();
    const pixels = new ImageData(this.base.width, this.base.height);
    const sprite = sprites(this.ratio, rim);
    const radius = this.dots.length > MANY ? 3.5 : 5;
    for (const { dot, x, y } of seen) {
      const mark = sprite(dot.mark, dot.own ? radius + 3 : radius);
      stamp(pixels, mark, (x + spareX) * this.ratio, (y + spareY) * this.ratio, dot.faded ? 0.15 : 1);
    }
    return pixels;
  }

  /** Round pictures where there is room for them, in the points' colours. @param {CanvasRenderingContext2D} ink @param {Seen[]} seen @param {Inks} inks */
  #drawPictures(ink, seen, inks) {
    /** @type {Map<number, [number, number][]>} */
    const taken = new Map();
    /** @param {number} x @param {number} y */
    const cell = (x, y) => Math.floor(x / APART) * CELLS + Math.floor(y / APART);
    /** @param {number} x @param {number} y */
    const free = (x, y) => [-1, 0, 1].every((i) => [-1, 0, 1].every((j) => (taken.get(cell(x + i * APART, y + j * APART)) ?? []).every(([u, v]) => Math.hypot(u - x, v - y) >= APART)));
    const rank = (/** @type {Seen} */ { dot }) => (this.front.has(dot.id) ? 0 : dot.own ? 1 : 2);
    const ordered = [0, 1, 2].flatMap((now) => seen.filter((one) => rank(one) === now));
    for (const { dot, x, y } of ordered) {
      if (dot.faded || !free(x, y)) continue;
      taken.set(cell(x, y), [...(taken.get(cell(x, y)) ?? []), [x, y]]);
      const image = this.imageOf(dot.picture);
      if (!image) continue;
      this.placed.add(dot.id);
      drawRound(ink, image, x, y, dot, inks);
    }
  }

  /** @param {CanvasRenderingContext2D} ink @param {Seen[]} own @param {Inks} inks */
  #drawNames(ink, own, { text, panel, font }) {
    Object.assign(ink, { font: `600 12px ${font}`, textBaseline: "middle", textAlign: "left", fillStyle: text, strokeStyle: panel, lineWidth: 4, lineJoin: "round" });
    for (const { dot, x, y } of own) {
      const name = dot.name.length > 18 ? `${dot.name.slice(0, 17)}…` : dot.name;
      const left = x + (this.placed.has(dot.id) ? PICTURE + 6 : 12);
      const at = x < this.width && left + ink.measureText(name).width > this.width ? x - (left - x) - ink.measureText(name).width : left;
      ink.strokeText(name, at, y);
      ink.fillText(name, at, y);
    }
  }
}

/** The least and the largest of many: spreading thousands into Math.min would overflow the stack. @param {number[]} values */
const ends = (values) => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
