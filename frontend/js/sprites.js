/** Marks of the map, each drawn once; their pixels are then laid over a picture, so that thousands of points stay cheap. */

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
  /** @type {Map<string, ImageData>} */
  const drawn = new Map();
  /** The mark as a square of device pixels. @param {Mark} mark @param {number} radius in CSS pixels @returns {ImageData} */
  return (mark, radius) => {
    const key = `${mark.colour} ${mark.shape} ${radius}`;
    const known = drawn.get(key) ?? draw(mark, radius, ratio, rim);
    drawn.set(key, known);
    return known;
  };
}

/** @param {Mark} mark @param {number} radius @param {number} ratio @param {string} rim */
function draw({ colour, shape }, radius, ratio, rim) {
  const canvas = document.createElement("canvas");
  const half = Math.ceil(radius * 1.3) + 2;
  canvas.width = canvas.height = Math.round(2 * half * ratio);
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  ink.scale(ratio, ratio);
  outline(ink, shape, half, half, radius);
  Object.assign(ink, { fillStyle: colour, strokeStyle: rim, lineWidth: 1.25 });
  ink.fill();
  ink.stroke();
  return ink.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * Lays a mark over a picture, where it is inside it. Thousands of `drawImage` take a browser a fifth of a second. Pure but for `onto`.
 * @param {Pick<ImageData, "data"|"width"|"height">} onto @param {Pick<ImageData, "data"|"width"|"height">} mark
 * @param {number} x @param {number} y its middle, in pixels @param {number} alpha 0 to 1
 */
export function stamp(onto, mark, x, y, alpha) {
  const [left, top] = [Math.round(x - mark.width / 2), Math.round(y - mark.height / 2)];
  const [first, last] = [Math.max(0, -left), Math.min(mark.width, onto.width - left)];
  for (let row = Math.max(0, -top); row < Math.min(mark.height, onto.height - top); row++) {
    let from = 4 * (row * mark.width + first);
    let to = 4 * ((row + top) * onto.width + left + first);
    for (let column = first; column < last; column++, from += 4, to += 4) blend(onto.data, to, mark.data, from, alpha);
  }
}

/** One pixel over another. @param {Uint8ClampedArray} below @param {number} to @param {Uint8ClampedArray} above @param {number} from @param {number} alpha */
function blend(below, to, above, from, alpha) {
  const share = (above[from + 3] / 255) * alpha;
  if (!share) return;
  const rest = (below[to + 3] / 255) * (1 - share);
  for (let c = 0; c < 3; c++) below[to + c] = (above[from + c] * share + below[to + c] * rest) / (share + rest);
  below[to + 3] = 255 * (share + rest);
}
