/** The binary mesh of the wire: magic, counts, half-precision positions, indices; little-endian. */

const MAGIC = "NSM2";
const HEADER = 16;

/** @typedef {{positions: Float32Array, indices: Uint32Array}} Mesh positions [V * 3] in [-1, 1], indices [F * 3] */

/**
 * Value of the half-precision number with these 16 bits: sign, 5 bits of exponent, 10 of fraction.
 * @param {number} bits
 */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Every half-precision number by its bits: looking up is many times faster than computing. */
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));

/** Bytes of V positions, filled up so that the indices start at a multiple of four. @param {number} vertices */
const positionBytes = (vertices) => 4 * Math.ceil((6 * vertices) / 4);

/**
 * ArrayBuffer -> Mesh. Throws RangeError for anything malformed.
 * @param {ArrayBuffer} buffer
 * @returns {Mesh}
 */
export function decodeMesh(buffer) {
  if (buffer.byteLength < HEADER) throw new RangeError(`mesh: expected at least ${HEADER} bytes, got ${buffer.byteLength}`);
  const view = new DataView(buffer);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== MAGIC) throw new RangeError(`mesh: expected ${MAGIC}, got ${JSON.stringify(magic)}`);
  const vertices = view.getUint32(4, true);
  const faces = view.getUint32(8, true);
  const expected = HEADER + positionBytes(vertices) + 12 * faces;
  if (buffer.byteLength !== expected) {
    throw new RangeError(`mesh: ${vertices} vertices and ${faces} triangles take ${expected} bytes, got ${buffer.byteLength}`);
  }
  const indices = new Uint32Array(buffer, HEADER + positionBytes(vertices), 3 * faces);
  const largest = indices.reduce((a, b) => (b > a ? b : a), 0);
  if (faces && largest >= vertices) throw new RangeError(`mesh: index ${largest}, but only ${vertices} vertices`);
  const halves = new Uint16Array(buffer, HEADER, 3 * vertices);
  const positions = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) positions[i] = HALVES[halves[i]];
  return { positions, indices };
}
