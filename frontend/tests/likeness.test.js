import assert from "node:assert/strict";
import test from "node:test";
import { inWords, placesOf, rows } from "../js/likeness.js";

const found = { iou: 0.934, chamfer: 0.01234, f_score: 0.8, volume_a: 0.5, volume_b: 0.25, latent_distance: 3.14159 };
const stateOf = (view) => ({ view: { a: "x", b: "y", t: 0.5, of: "latent", at: null, job: null, ...view }, jobs: { items: [] } });

test("every number is told with what it is", () => {
  assert.deepEqual(rows(found).map(({ value }) => value), ["93 %", "80 %", "0.0123", "0.500 and 0.250", "3.14"]);
  assert.ok(rows(found).every(({ name, meant }) => name && meant));
});

test("the more two shapes overlap, the more alike they are called", () => {
  const told = [1, 0.9, 0.6, 0.3, 0.1].map((iou) => inWords({ ...found, iou }));
  assert.equal(new Set(told).size, 5);
});

test("a pair is of latents or of the place that is shown", () => {
  assert.deepEqual(placesOf(stateOf({}), "ab"), ["x", "y"]);
  assert.deepEqual(placesOf(stateOf({}), "as"), ["x", "x:0.5,y:0.5"]);
  assert.deepEqual(placesOf(stateOf({ at: "x:0.5,z:0.5" }), "bs"), ["y", "x:0.5,z:0.5"]);
});

test("averaged raw weights are no latent, and nothing is compared with nothing", () => {
  assert.equal(placesOf(stateOf({ of: "weights" }), "as"), null);
  assert.deepEqual(placesOf(stateOf({ of: "weights" }), "ab"), ["x", "y"]);
  assert.equal(placesOf(stateOf({ b: null }), "ab"), null);
});
