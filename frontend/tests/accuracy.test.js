import assert from "node:assert/strict";
import { test } from "node:test";

import { accuracySummary, accuracyWords, classifierAt, sourceWords, twinsSummary } from "../js/accuracy.js";
import { measuredAt } from "../js/measure.js";
import { latentHere, snap } from "../js/state.js";
import { distillRequest } from "../js/wishes.js";

const point = (t, accuracy, architecture = "LeNetLike", accuracy_from = "gallery") => ({ t, accuracy, architecture, accuracy_from, probabilities: {} });

test("an accuracy has one digit, and one that is not known is none", () => {
  assert.equal(accuracyWords(0.2234), "22.3 %");
  assert.equal(accuracyWords(0), "0.0 %");
  assert.equal(accuracyWords(null), "?");
  assert.match(sourceWords("estimate"), /estimate/);
  assert.match(sourceWords(null), /not known/);
});

test("between two points an accuracy is between theirs, and not exact", () => {
  const points = [point(0, 0.2), point(1, 0.6, "ResNet8")];
  assert.equal(classifierAt(points, 0).exact, true);
  const found = classifierAt(points, 0.75);
  assert.equal(found.exact, false);
  assert.equal(found.point.architecture, "ResNet8");
  assert.ok(Math.abs(found.point.accuracy - 0.5) < 1e-9);
  assert.equal(classifierAt([point(0, null), point(1, 0.6)], 0.5).point.accuracy, null);
  assert.equal(classifierAt([], 0.5).point, null);
});

test("a line's summary names its range, its architectures, estimates and what raw weights do", () => {
  const words = accuracySummary([point(0, 0.2), point(0.5, 0.3, "ResNet8", "estimate"), point(1, 0.4, "ResNet8")], [point(0, 0.2), point(0.5, 0.1), point(1, 0.4)]);
  for (const part of ["20.0 %", "40.0 %", "LeNetLike, then ResNet8", "1 of 3 are estimates", "fall to 10.0 %"]) assert.ok(words.includes(part), words);
  assert.match(accuracySummary([point(0, null)]), /No accuracy is known/);
});

test("twins are as far off as they are on average", () => {
  assert.match(twinsSummary([{ input: 0.5, decoded: 0.48 }, { input: 0.5, decoded: 0.54 }]), /3\.0 points/);
  assert.match(twinsSummary([]), /does not tell/);
});

test("classifiers are measured at twelfths, where the slider can stand and lines ship", () => {
  const ts = measuredAt({ beyond: false }, "classifier");
  assert.equal(ts.length, 13);
  ts.forEach((t, i) => assert.ok(Math.abs(t - i / 12) < 1e-9 && snap(t) === t));
  assert.equal(measuredAt({ beyond: false }).length, 21);
});

test("the latent that is looked at is an end, a place's only one, or none", () => {
  const at = (view) => latentHere({ view: { a: "x", b: "y", t: 0, of: "latent", at: null, job: null, ...view }, jobs: { items: [] } });
  assert.equal(at({}), "x");
  assert.equal(at({ t: 1 }), "y");
  assert.equal(at({ t: 0.5 }), null);
  assert.equal(at({ at: "z:1" }), "z");
});

test("a distillation names its start, and its teacher only if one was chosen", () => {
  const start = { id: "cifar.net-0", name: "Network 0" };
  assert.deepEqual(distillRequest(start), { objective: "distill", start: "cifar.net-0", name: "Network 0, taught" });
  assert.equal(distillRequest(start, { id: "t" }).teacher, "t");
});
