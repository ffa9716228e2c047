/** A stage: a 3-D view, the shapes it shows in turn, and words where there is nothing to draw. */

import * as api from "./api.js";
import { el } from "./dom.js";
import { Frames } from "./frames.js";
import { decodeMesh } from "./mesh.js";

/** @typedef {import("./frames.js").Frame} Frame */
/** @typedef {import("./state.js").Spot} Spot */

let webgl;
/** Whether this browser can draw in 3-D. */
export const hasWebGL = () => (webgl ??= Boolean(document.createElement("canvas").getContext("webgl2")));

/** @param {Spot} spot @param {number} resolution @param {AbortSignal} [signal] @returns {Promise<Frame>} a missing surface is a frame too */
export async function fetchFrame(spot, resolution, signal) {
  try {
    const mesh = decodeMesh(await api.mesh(spot, resolution, signal));
    return { spot, resolution, mesh: mesh.indices.length ? mesh : null, reason: "" };
  } catch (error) {
    if (error.slug !== "empty-level-set") throw error;
    return { spot, resolution, mesh: null, reason: error.detail };
  }
}

/** One element in which shapes are shown; its `data-*` say which. */
export class Stage {
  /** @type {import("./viewer.js").Viewer|null} null until it is there, or for good where there is no WebGL */
  viewer = null;
  /** @type {Frame|null} */
  frame = null;

  /**
   * @param {HTMLElement} host
   * @param {object} how
   * @param {(frame: Frame) => void} how.shown
   * @param {(error: unknown) => void} how.fail
   * @param {(spot: Spot) => void} [how.rested]
   */
  constructor(host, { shown, fail, rested }) {
    this.host = host;
    this.shown = shown;
    this.frames = new Frames({
      fetch: fetchFrame,
      show: (frame) => this.#show(frame),
      pending: (pending) => (host.dataset.pending = String(pending)),
      rested,
      fail,
    });
  }

  get isPending() {
    return this.host.dataset.pending === "true";
  }

  /** Starts to draw. Rejects where the viewer cannot start; shapes are fetched and told of all the same. */
  async start() {
    if (!hasWebGL()) {
      this.host.dataset.webgl = "false";
      this.#unveil();
      return;
    }
    const { Viewer } = await import("./viewer.js");
    this.viewer ??= new Viewer(this.host);
    if (this.frame) this.#draw(this.frame);
  }

  /** Shows a latent's picture until its shape can be drawn; settles once it is there, or is known not to come. @param {string} url */
  async poster(url) {
    const image = el("img", { class: "poster", alt: "", src: url });
    this.host.prepend(image);
    await image.decode().catch(() => image.remove());
    if (image.isConnected) this.host.dataset.poster = "true";
  }

  /** @param {Spot} spot @param {Spot[]} ahead @param {number} detail cells a side of the grid at rest */
  want(spot, ahead, detail) {
    this.frames.want(spot, ahead, detail);
  }

  /** @param {Frame} frame */
  #draw({ mesh, spot }) {
    if (!this.viewer) return;
    this.viewer.show(mesh, spot.t);
    this.#unveil();
  }

  #unveil() {
    this.host.querySelector(".poster")?.remove();
    delete this.host.dataset.poster;
  }

  /** @param {Frame} frame */
  #show(frame) {
    const { mesh, spot, resolution } = frame;
    this.frame = frame;
    this.#draw(frame);
    Object.assign(this.host.dataset, {
      t: spot.t.toFixed(4), of: spot.of, a: spot.a, b: spot.b, at: spot.at ?? "", resolution,
      vertices: mesh ? mesh.positions.length / 3 : 0,
    });
    this.shown(frame);
  }
}
