import assert from "node:assert/strict";
import test from "node:test";
import { solidOf } from "../js/solid.js";

const FACES = [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4], [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6], [1, 3, 5], [3, 7, 5]];
const corners = ([x, y, z], side) => Array.from({ length: 8 }, (_, i) => [x + (i & 1) * side, y + ((i >> 1) & 1) * side, z + ((i >> 2) & 1) * side]).flat();

/** Boxes as one mesh; one turned inside out encloses nothing, but leaves out. */
function mesh(...boxes) {
  const positions = Float32Array.from(boxes.flatMap(({ at, side }) => corners(at, side)));
  const faces = boxes.flatMap(({ inside }, n) => FACES.map((face) => (inside ? [...face].reverse() : face).map((i) => i + 8 * n)));
  return { positions, indices: Uint32Array.from(faces.flat()) };
}

test("a box has the volume of a box, wherever it stands", () => {
  for (const at of [[0, 0, 0], [-0.9, 0.4, 0.2]]) {
    const { volume, parts } = solidOf(mesh({ at, side: 0.5 }));
    assert.ok(Math.abs(volume - 0.125) < 1e-6, String(volume));
    assert.equal(parts, 1);
  }
});

test("two boxes are two parts, and a bubble is none", () => {
  assert.equal(solidOf(mesh({ at: [0, 0, 0], side: 0.2 }, { at: [0.5, 0, 0], side: 0.2 })).parts, 2);
  const hollow = solidOf(mesh({ at: [0, 0, 0], side: 0.8 }, { at: [0.2, 0.2, 0.2], side: 0.4, inside: true }));
  assert.equal(hollow.parts, 1);
  assert.ok(Math.abs(hollow.volume - (0.512 - 0.064)) < 1e-6);
});

test("nothing has no volume", () => {
  assert.deepEqual(solidOf({ positions: new Float32Array(), indices: new Uint32Array() }), { volume: 0, parts: 0 });
});
