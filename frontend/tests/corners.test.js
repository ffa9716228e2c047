import assert from "node:assert/strict";
import test from "node:test";
import { SQUARE, TRIANGLE, barycentric, bilinear, onPad, placeBetween, pointBetween, pointOf } from "../js/corners.js";
import { parsePlace } from "../js/places.js";

const close = (x, y) => x.forEach((value, i) => assert.ok(Math.abs(value - y[i]) < 1e-9, `${x} is not ${y}`));
const grid = Array.from({ length: 36 }, (_, i) => [(i % 6) / 5, Math.floor(i / 6) / 5]);
const spot = (at) => ({ a: at, b: at, t: 0.5, of: "latent", at });

test("weights sum to one and are the corner's alone in a corner", () => {
  for (const [corners, weigh] of [[SQUARE, bilinear], [TRIANGLE, barycentric]]) {
    corners.forEach((corner, i) => close(weigh(corner), corners.map((_, j) => Number(i === j))));
    for (const point of grid) close([weigh(point).reduce((a, b) => a + b)], [1]);
  }
});

test("weights and points are each other's inverse", () => {
  for (const point of grid) {
    close(pointOf(bilinear(point)), point);
    close(pointOf(barycentric(point)), point);
  }
});

test("a point outside of the pad is taken to the nearest on it", () => {
  close(onPad([1.4, -2], 4), [1, 0]);
  close(onPad([0.5, 2], 3), [0.5, 1]);
  close(onPad([-1, -1], 3), [0, 0]);
  close(onPad([0.5, -0.3], 3), [0.5, 0]);
  for (const point of grid) assert.ok(barycentric(onPad(point, 3)).every((weight) => weight > -1e-9));
});

test("a place on the pad is found there again, whatever was rounded", () => {
  for (const ids of [["a", "b", "c"], ["a", "b", "c", "d"]]) {
    for (const point of grid.map((p) => onPad(p, ids.length))) {
      const at = placeBetween(ids, point);
      const sum = parsePlace(at).terms.reduce((total, { weight }) => total + weight, 0);
      assert.ok(Math.abs(sum - 1) < 1e-6, at);
      pointBetween(ids, spot(at)).forEach((x, i) => assert.ok(Math.abs(x - point[i]) < 1e-3, at));
    }
  }
});

test("the line from A to B is the lower edge", () => {
  close(pointBetween(["a", "b", "c"], { a: "a", b: "b", t: 0.25, of: "latent" }), [0.25, 0]);
});

test("what is made of others too, or lies beyond a corner, is not on the pad", () => {
  assert.equal(pointBetween(["a", "b", "c"], spot("a:0.5,x:0.5")), null);
  assert.equal(pointBetween(["a", "b", "c"], spot("a:1.5,b:-0.5")), null);
  assert.equal(pointBetween(["a", "b", "c", "d"], spot("a:0.2,b:0.3,c:0.3,d:0.2")), null);
});

test("moving between corners keeps the directions that are pushed along", () => {
  assert.equal(placeBetween(["a", "b", "c"], [1, 0], [{ direction: "seat_height", amount: 0.1 }]), "b:1,~seat_height:0.1");
});
