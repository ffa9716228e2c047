/** Marks of the map, each drawn once and then copied: thousands of points stay cheap. */

/** @typedef {import("./colouring.js").Mark} Mark */

/** @param {number} corners */
const polygon = (corners, turn = 0) => Array.from({ length: corners }, (_, i) => turn + (2 * Math.PI * i) / corners).map((a) => [Math.sin(a), -Math.cos(a)]);
const star = polygon(10).map(([x, y], i) => (i % 2 ? [x * 0.45, y * 0.45] : [x * 1.2, y * 1.2]));
const cross = [[-1, -0.35], [-0.35, -0.35], [-0.35, -1], [0.35, -1], [0.35, -0.35], [1, -0.35], [1, 0.35], [0.35, 0.35], [0.35, 1], [-0.35, 1], [-0.35, 0.35], [-1, 0.35]];
const CORNERS = {
  square: polygon(4, Math.PI / 4).map(([x, y]) => [x * 1.15, y * 1.15]),
  triangle: polygon(3).map(([x, y]) => [x * 1.2, y * 1.2 + 0.15]),
  diamond: polygon(4).map(([x, y]) => [x * 1.2, y * 1.2]),
  wedge: polygon(3, Math.PI).map(([x, y]) => [x * 1.2, y * 1.2 - 0.15]),
  pentagon: polygon(5).map(([x, y]) => [x * 1.1, y * 1.1]),
  star,
  cross: cross.map(([x, y]) => [(x - y) * 0.75, (x + y) * 0.75]),
};

/**
 * Adds a mark's outline to the path.
 * @param {CanvasRenderingContext2D} ink @param {import("./colouring.js").Shape} shape @param {number} x @param {number} y @param {number} radius
 */
export function outline(ink, shape, x, y, radius) {
  ink.beginPath();
  if (shape === "circle") return ink.arc(x, y, radius, 0, 2 * Math.PI);
  CORNERS[shape].forEach(([cx, cy], i) => (i ? ink.lineTo(x + cx * radius, y + cy * radius) : ink.moveTo(x + cx * radius, y + cy * radius)));
  ink.closePath();
}

/** @param {number} ratio device pixels a CSS pixel @param {string} rim the colour around every mark */
export function sprites(ratio, rim) {
  /** @type {Map<string, HTMLCanvasElement>} */
  const drawn = new Map();
  /** The mark as an image, and the half of its side in CSS pixels. @param {Mark} mark @param {number} radius */
  return ({ colour, shape }, radius) => {
    const key = `${colour} ${shape} ${radius}`;
    const half = Math.ceil(radius * 1.3) + 2;
    let image = drawn.get(key);
    if (!image) {
      image = document.createElement("canvas");
      image.width = image.height = 2 * half * ratio;
      const ink = /** @type {CanvasRenderingContext2D} */ (image.getContext("2d"));
      ink.scale(ratio, ratio);
      outline(ink, shape, half, half, radius);
      Object.assign(ink, { fillStyle: colour, strokeStyle: rim, lineWidth: 1.25 });
      ink.fill();
      ink.stroke();
      drawn.set(key, image);
    }
    return { image, half };
  };
}
