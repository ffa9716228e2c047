/** Points on two canvases: the points themselves, and above them what changes with the pointer. Knows no latents. */

import { PICTURE, drawRound, pictures } from "./roundels.js";
import { sprites } from "./sprites.js";

/** @typedef {import("./colouring.js").Mark} Mark */
/** @typedef {{id: string, x: number, y: number, mark: Mark, faded: boolean, own: boolean, name: string, picture: string}} Dot */
/** @typedef {{dot: Dot, x: number, y: number}} Seen a point where it is drawn, in pixels */
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

export class Scatter {
  /** @type {Dot[]} */
  dots = [];
  /** @type {Map<string, Dot>} */
  dotOf = new Map();
  pictures = true;
  #zoom = { x: 0, y: 0, scale: 1 };
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
    for (const canvas of [this.base, this.over]) Object.assign(canvas, { width: width * this.ratio, height: height * this.ratio });
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
    this.#zoom = { x: x - dx / scale, y: y + dy / scale, scale };
    this.#fitted = false;
    this.draw();
  }

  /** @param {number} factor @param {number} [px] @param {number} [py] what stays where it is, in pixels */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toData(px, py);
    const scale = Math.min(this.fitScale * MOST_ZOOM, Math.max(this.fitScale / 2, this.#zoom.scale * factor));
    this.#zoom = { x: x - (px - this.width / 2) / scale, y: y + (py - this.height / 2) / scale, scale };
    this.#fitted = false;
    this.draw();
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
    if (this.#queued) return;
    this.#queued = true;
    requestAnimationFrame(() => {
      this.#queued = false;
      if (!this.width) return;
      if (this.#stale.base) this.#drawBase();
      const ink = this.#clear(this.over);
      this.drawOver(this, ink);
      this.#stale = { base: false, over: false };
      this.host.dataset.drawn = String(this.dots.length > 0);
      if (this.#moving) this.draw();
    });
  }

  /** @param {HTMLCanvasElement} canvas */
  #clear(canvas) {
    const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    ink.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    ink.clearRect(0, 0, this.width, this.height);
    return ink;
  }

  /** Where a dot is drawn now: on its way, if it glides. @param {Dot} dot @param {number} progress */
  #now(dot, progress) {
    const from = this.#moving?.before.get(dot.id) ?? dot;
    return this.toScreen(from.x + (dot.x - from.x) * progress, from.y + (dot.y - from.y) * progress);
  }

  #drawBase() {
    const ink = this.#clear(this.base);
    const inks = this.inks();
    const passed = this.#moving ? Math.min(1, (performance.now() - this.#moving.since) / MOVE_MS) : 1;
    const progress = 1 - (1 - passed) ** 3;
    const radius = this.dots.length > MANY ? 3.5 : 5;
    const sprite = sprites(this.ratio, inks.rim);
    /** @type {Seen[]} */
    const seen = [];
    for (const dot of this.dots) {
      const [x, y] = this.#now(dot, progress);
      if (x < -20 || y < -20 || x > this.width + 20 || y > this.height + 20) continue;
      seen.push({ dot, x, y });
      const { image, half } = sprite(dot.mark, dot.own ? radius + 3 : radius);
      ink.globalAlpha = dot.faded ? 0.15 : 1;
      ink.drawImage(image, x - half, y - half, 2 * half, 2 * half);
    }
    ink.globalAlpha = 1;
    if (passed === 1) this.#moving = null;
    this.placed = new Set();
    if (this.pictures) this.#drawPictures(ink, seen, inks);
    this.#drawNames(ink, seen.filter(({ dot }) => dot.own && !dot.faded).slice(0, MOST_NAMES), inks);
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
      const at = left + ink.measureText(name).width > this.width ? x - (left - x) - ink.measureText(name).width : left;
      ink.strokeText(name, at, y);
      ink.fillText(name, at, y);
    }
  }
}

/** The least and the largest of many: spreading thousands into Math.min would overflow the stack. @param {number[]} values */
const ends = (values) => values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, -Infinity]);
