/** What a closed surface encloses, measured on its triangles. Pure. */

/** @typedef {import("./mesh.js").Mesh} Mesh */
/** @type {WeakMap<Mesh, {volume: number, parts: number}>} */
const known = new WeakMap();

/**
 * Volume in the cube's units (the cube [-1, 1]^3 has 8), and the number of solid parts: a bubble inside of one is a
 * surface of its own, of negative volume, and no part.
 * @param {Mesh} mesh
 */
export function solidOf(mesh) {
  const solid = known.get(mesh) ?? measure(mesh);
  known.set(mesh, solid);
  return solid;
}

/** @param {Mesh} mesh */
function measure({ positions, indices }) {
  const root = components(positions.length / 3, indices);
  const volumes = new Map();
  for (let i = 0; i < indices.length; i += 3) {
    const part = root(indices[i]);
    volumes.set(part, (volumes.get(part) ?? 0) + sixfold(positions, 3 * indices[i], 3 * indices[i + 1], 3 * indices[i + 2]) / 6);
  }
  const all = [...volumes.values()];
  return { volume: all.reduce((a, b) => a + b, 0), parts: all.filter((v) => v > 0).length };
}

/** Six times the signed volume between the origin and a triangle. @param {Float32Array} p @param {number} a @param {number} b @param {number} c */
function sixfold(p, a, b, c) {
  const x = p[b + 1] * p[c + 2] - p[b + 2] * p[c + 1];
  const y = p[b + 2] * p[c] - p[b] * p[c + 2];
  const z = p[b] * p[c + 1] - p[b + 1] * p[c];
  return p[a] * x + p[a + 1] * y + p[a + 2] * z;
}

/** Union-find: the vertex that stands for all that are joined to this one. @param {number} vertices @param {Uint32Array} indices */
function components(vertices, indices) {
  const parent = Uint32Array.from({ length: vertices }, (_, i) => i);
  /** @param {number} vertex */
  const root = (vertex) => {
    let i = vertex;
    while (parent[i] !== i) i = parent[i] = parent[parent[i]];
    return i;
  };
  for (let i = 0; i < indices.length; i += 3) {
    parent[root(indices[i])] = root(indices[i + 1]);
    parent[root(indices[i + 1])] = root(indices[i + 2]);
  }
  return root;
}
