/** The binary mesh of the wire, both directions: magic, counts, positions, indices; little-endian. */

const MAGIC = "NSM1";
const HEADER = 16;

/** @typedef {{positions: Float32Array, indices: Uint32Array}} Mesh positions [V * 3] in [-1, 1], indices [F * 3] */

/**
 * ArrayBuffer -> Mesh, views into the buffer. Inverse: `encodeMesh`. Throws RangeError for anything malformed.
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
  const expected = HEADER + 12 * (vertices + faces);
  if (buffer.byteLength !== expected) {
    throw new RangeError(`mesh: ${vertices} vertices and ${faces} triangles take ${expected} bytes, got ${buffer.byteLength}`);
  }
  const indices = new Uint32Array(buffer, HEADER + 12 * vertices, 3 * faces);
  const largest = indices.reduce((a, b) => (b > a ? b : a), 0);
  if (faces && largest >= vertices) throw new RangeError(`mesh: index ${largest}, but only ${vertices} vertices`);
  return { positions: new Float32Array(buffer, HEADER, 3 * vertices), indices };
}

/**
 * Mesh -> ArrayBuffer. Inverse: `decodeMesh`.
 * @param {Mesh} mesh
 * @returns {ArrayBuffer}
 */
export function encodeMesh({ positions, indices }) {
  const buffer = new ArrayBuffer(HEADER + 4 * (positions.length + indices.length));
  new Uint8Array(buffer).set([...MAGIC].map((c) => c.charCodeAt(0)));
  new DataView(buffer).setUint32(4, positions.length / 3, true);
  new DataView(buffer).setUint32(8, indices.length / 3, true);
  new Float32Array(buffer, HEADER, positions.length).set(positions);
  new Uint32Array(buffer, HEADER + 4 * positions.length, indices.length).set(indices);
  return buffer;
}
