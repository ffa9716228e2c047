import assert from "node:assert/strict";
import test from "node:test";

globalThis.matchMedia = () => ({ matches: false });
const { bestSoFar, curveSummary } = await import("../js/curve.js");

test("the best so far never grows", () => {
  assert.deepEqual(bestSoFar([[1, 0, 3], [2, 0, 5], [3, 0, 2], [4, 0, 2.5]]), [3, 3, 2, 2]);
});

test("a curve is summed up in a sentence", () => {
  assert.equal(curveSummary([[1, 1, 0.5214], [40, 1, 0.01324]]), "Best value 0.0132, from 0.521, in 40 steps; the smaller, the better.");
  assert.match(curveSummary([]), /No step/);
});
