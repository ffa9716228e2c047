/** The map's round pictures: a shape without colour, in a ring of its point's colour. */

import { outline } from "./sprites.js";

/** Their radius, in CSS pixels. */
export const PICTURE = 19;

/**
 * Pictures by their address: null until they are there, each asked for once.
 * @param {() => void} arrived
 * @returns {(source: string) => HTMLCanvasElement|null}
 */
export function pictures(arrived) {
  /** @type {Map<string, HTMLCanvasElement|null>} */
  const known = new Map();
  return (source) => {
    if (!known.has(source)) {
      known.set(source, null);
      const image = new Image();
      image.onload = () => {
        known.set(source, grey(image));
        arrived();
      };
      image.src = source;
    }
    return known.get(source) ?? null;
  };
}

/** Without colour, since the ring around it has one; small, since it is drawn often. @param {HTMLImageElement} image */
function grey(image) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 4 * PICTURE;
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  ink.filter = "grayscale(1)";
  ink.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/**
 * @param {CanvasRenderingContext2D} ink @param {HTMLCanvasElement} image @param {number} x @param {number} y
 * @param {import("./scatter.js").Dot} dot @param {import("./scatter.js").Inks} inks
 */
export function drawRound(ink, image, x, y, { mark, own }, { ground, text }) {
  ink.beginPath();
  ink.arc(x, y, PICTURE, 0, 2 * Math.PI);
  ink.fillStyle = ground;
  ink.fill();
  ink.save();
  ink.clip();
  ink.drawImage(image, x - PICTURE, y - PICTURE, 2 * PICTURE, 2 * PICTURE);
  ink.restore();
  Object.assign(ink, { strokeStyle: own ? text : mark.colour, lineWidth: own ? 3 : 2 });
  ink.stroke();
  outline(ink, mark.shape, x + PICTURE * 0.72, y + PICTURE * 0.72, 4.5);
  Object.assign(ink, { fillStyle: mark.colour, strokeStyle: ground, lineWidth: 1.5 });
  ink.fill();
  ink.stroke();
}
