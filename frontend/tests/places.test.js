import assert from "node:assert/strict";
import test from "node:test";
import { formatPlace, latentAt, parsePlace, placeOf, placeUnder, positionAt } from "../js/places.js";

test("a place survives its text", () => {
  const place = { terms: [{ id: "chairs.a:b", weight: 0.3 }, { id: "b", weight: -1.25 }], pushes: [{ direction: "seat_height", amount: 0.5 }] };
  assert.deepEqual(parsePlace(formatPlace(place)), place);
});

test("what is no place is none", () => {
  for (const text of [null, "", "a", "a:", ":1", "a:x", "a:9", "~:1", "~seat:1", Array(17).fill("a:1").join(",")]) assert.equal(parsePlace(text), null, text);
});

test("only a whole latent alone is a latent", () => {
  assert.equal(latentAt(placeOf("chairs.x")), "chairs.x");
  assert.equal(latentAt("x:0.5,y:0.5"), null);
  assert.equal(latentAt("x:1,~seat:1"), null);
  assert.equal(latentAt(null), null);
});

const points = Array.from({ length: 40 }, (_, i) => ({ id: `p${i}`, x: Math.sin(i * 12.9898) * 2, y: Math.cos(i * 78.233) * 2 }));
const positionOf = (id) => points.filter((p) => p.id === id).map(({ x, y }) => [x, y])[0];
const weightsOf = (at) => parsePlace(at).terms.map(({ weight }) => weight);

test("the weights of a place under the pointer sum to one, wherever it is", () => {
  for (const [x, y] of [[0, 0], [0.3, -0.7], [50, 50], [-2, 2], [points[3].x, points[3].y]]) {
    const weights = weightsOf(placeUnder(points, x, y));
    assert.ok(weights.length <= 4);
    assert.ok(Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-3);
    assert.ok(weights.every((w) => w > -0.3 && w < 1.5));
  }
});

test("a place among its points lies where the pointer is", () => {
  const square = [[0, 0], [1, 0], [0, 1], [1, 1]].map(([x, y], i) => ({ id: `p${i}`, x, y }));
  const at = placeUnder(square, 0.3, 0.6);
  const [x, y] = positionAt(at, (id) => square.filter((p) => p.id === id).map((p) => [p.x, p.y])[0]);
  assert.ok(Math.hypot(x - 0.3, y - 0.6) < 1e-3);
});

test("a place far outside stays among its nearest points", () => {
  const [x, y] = positionAt(placeUnder(points, 90, 90), positionOf);
  assert.ok(Math.hypot(x, y) < 4);
});

test("the place under a point is the point", () => {
  assert.equal(placeUnder(points, points[7].x, points[7].y), "p7:1");
});
