import assert from "node:assert/strict";
import test from "node:test";
import { NOTCHES, attributesRequest, change, isCloud, pointsRequest, trust, wish, wordsOf } from "../js/wishes.js";

const SEAT = { name: "seat_width", r2: 0.934, low: 0.4, high: 0.6 };
const VOLUME = { name: "volume", r2: null, low: null, high: null };
const start = { id: "chairs.chair-1", name: "chair-1" };

test("a wish is told in words with its amount", () => {
  assert.equal(wish(SEAT, NOTCHES), "wider seat, +0.100");
  assert.equal(wish(SEAT, -1), "narrower seat, −0.020");
  assert.equal(wish(VOLUME, -NOTCHES), "less volume, −50 %");
  assert.equal(wish(SEAT, 0), "as it is");
  assert.deepEqual(wordsOf("number_of_bars"), { name: "number of bars", less: "less number of bars", more: "more number of bars" });
  assert.equal(wordsOf("base.star").more, "more star base");
});

test("the outermost notches are half of the gallery's range away, to either side", () => {
  assert.ok(Math.abs(change(SEAT, NOTCHES) - 0.1) < 1e-12);
  assert.equal(change(SEAT, -2), -change(SEAT, 2));
});

test("R² is told as it is, and not where nothing was regressed", () => {
  assert.equal(trust(SEAT), "R² 0.93");
  assert.doesNotMatch(trust(VOLUME), /R²/);
});

test("a request holds only what is wished for; volume is a share of the start's own", () => {
  const request = attributesRequest(start, [VOLUME, SEAT, { ...SEAT, name: "back_height" }], { volume: 5, seat_width: -5, back_height: 0 }, 0.4);
  assert.deepEqual(request, {
    objective: "attributes", start: "chairs.chair-1", name: "more volume, narrower seat, from chair-1",
    targets: { volume: { by: 0.2 }, seat_width: { by: -0.1 } },
  });
});

test("points are fitted from one latent, or from the best of the space; a part is not moved", () => {
  const cloud = { id: "c", name: "scan" };
  assert.deepEqual(pointsRequest(cloud, { start: null, space: "chairs", whole: true }), {
    objective: "fit_points", upload: "c", name: "scan, fitted", normalise: true, complete: true, space: "chairs",
  });
  assert.deepEqual(pointsRequest(cloud, { start: "z", space: "chairs", whole: false }), {
    objective: "fit_points", upload: "c", name: "scan, fitted", normalise: false, complete: false, start: "z",
  });
});

test("files of points are told from networks by their names", () => {
  assert.deepEqual(["a.PLY", "b.obj", "c.npy", "d.pt", "e.safetensors", "ply"].map(isCloud), [true, true, true, false, false, false]);
});
