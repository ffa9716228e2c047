import assert from "node:assert/strict";
import test from "node:test";
import { emptyResult, lineSummary, mergePoints, pointAt } from "../js/words.js";

const point = (t, more = {}) => ({ t, volume: t, parts: 1, largest_share: 1, empty: false, ...more });

test("between two known points the volume is theirs, mixed", () => {
  const { point: p, exact } = pointAt([point(0), point(1, { volume: 3 })], 0.25);
  assert.equal(exact, false);
  assert.equal(p.volume, 0.75);
});

test("a known point is taken as it is", () => {
  assert.deepEqual(pointAt([point(0), point(0.5), point(1)], 0.5), { point: point(0.5), exact: true });
});

test("merged points are ordered by t, and the newer one replaces the older", () => {
  const merged = mergePoints([point(0), point(1)], [point(0.5), point(1, { parts: 2 })]);
  assert.deepEqual(merged.map((p) => [p.t, p.parts]), [[0, 1], [0.5, 1], [1, 2]]);
});

test("a line's summary names what is missing and what is in pieces", () => {
  assert.match(lineSummary([point(0.1), point(0.2)]), /All 2 networks give a shape in one part; .*0\.100 and 0\.200/);
  assert.match(lineSummary([point(0), point(1, { parts: 4 })]), /1 of 2 networks give a shape in one part, at most in 4/);
  assert.match(lineSummary([point(0), point(1, { empty: true, parts: 0, volume: 0 })]), /1 of 2 networks have no surface/);
  assert.match(lineSummary([point(0, { empty: true })]), /None of these/);
});

test("an empty surface between raw weights is told as a result", () => {
  assert.match(emptyResult("weights", 0.5), /t = 0\.50 the averaged weights .* usual result/);
  assert.match(emptyResult("latent", 0.5), /no surface inside the cube/);
});
