import assert from "node:assert/strict";
import test from "node:test";
import { amountWords, nameOf, pushed, pushesOf, trustWords, unpushed, withoutAttributes } from "../js/pushes.js";

const SEAT = { name: "seat_height", title: "Seat height", kind: "attribute", r2: 0.93, low: 0.2, high: 0.6, unit: "", deviation: 0.08 };
const TILT = { ...SEAT, name: "back_tilt", title: "Back tilt", unit: "degrees", deviation: 5, r2: 0.6 };
const PC = { name: "pc1", title: "Principal component 1", kind: "component", r2: 0.31, low: -2, high: 2, unit: "standard deviations", deviation: 1 };
const stateOf = (view) => ({ view: { a: "x", b: "y", t: 0.25, of: "latent", at: null, job: null, ...view }, jobs: { items: [] } });

test("an amount is told in words and in its own unit", () => {
  assert.equal(amountWords(SEAT, 0.04), "taller seat, +0.04");
  assert.equal(amountWords(TILT, -7.5), "more upright, −7.5°");
  assert.equal(amountWords(PC, 1.2), "+1.2 σ");
  assert.equal(amountWords(PC, 0), "as it is");
  assert.equal(nameOf(SEAT), "Seat height");
});

test("how far a direction can be trusted is told with its R²", () => {
  assert.match(trustWords(SEAT), /almost exactly, R² 0\.93/);
  assert.match(trustWords(TILT), /roughly, R² 0\.60/);
  assert.match(trustWords({ ...SEAT, r2: 0.34 }), /poorly/);
  assert.equal(trustWords(PC), "31 % of how the gallery varies");
});

test("a slider pushes what is shown, and back where it was it is the line again", () => {
  const state = stateOf({});
  const at = pushed(state, "seat_height", 0.1);
  assert.equal(at, "x:0.75,y:0.25,~seat_height:0.1");
  const there = stateOf({ at });
  assert.deepEqual(pushesOf({ a: at, b: at, t: 0.5, of: "latent", at }), { seat_height: 0.1 });
  assert.equal(pushed(there, "seat_height", 0.2), "x:0.75,y:0.25,~seat_height:0.2");
  assert.equal(pushed(there, "pc1", -1), "x:0.75,y:0.25,~seat_height:0.1,~pc1:-1");
  assert.equal(pushed(there, "seat_height", 0), null);
  assert.equal(unpushed(there), null);
});

test("a place of its own stays where it is when nothing pushes it any longer", () => {
  const at = "x:0.5,z:0.5,~seat_height:0.1";
  assert.equal(unpushed(stateOf({ at })), "x:0.5,z:0.5");
  assert.equal(pushed(stateOf({ at }), "seat_height", 0), "x:0.5,z:0.5");
});

test("what a job has found is pushed from where it is", () => {
  const state = { view: { a: "x", b: "y", t: 0, of: "latent", at: null, job: "j" }, jobs: { items: [{ id: "j", result: "best" }] } };
  assert.equal(pushed(state, "pc1", 1), "best:1,~pc1:1");
});

test("a gallery without a slider for a property says why", () => {
  const least = { fewest: 12, least_r2: 0.3 };
  assert.match(withoutAttributes(10, least), /10 networks; from 12 on/);
  assert.match(withoutAttributes(64, least), /R² of 0\.3 or more/);
  for (const count of [10, 64]) assert.match(withoutAttributes(count, least), /only principal components/);
});
