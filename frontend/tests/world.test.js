import assert from "node:assert/strict";
import test from "node:test";

import { companion } from "../js/world.js";

const chair = (id, position, properties, rest = {}) =>
  ({ id, position, properties, origin: "gallery", represented: true, has_network: true, ...rest });
const first = chair("first", [0, 0], { base: "legs", arms: "none", width: 0.5 });

test("the line that nobody chose goes to a network alike but for one kind, however far others are", () => {
  const twin = chair("twin", [9, 0], { base: "legs", arms: "none", width: 0.9 });
  const armed = chair("armed", [1, 0], { base: "legs", arms: "bar", width: 0.5 });
  const other = chair("other", [9, 9], { base: "star", arms: "bar", width: 0.5 });
  assert.equal(companion([first, twin, armed, other], "first"), "armed");
});

test("of those that are as much alike the farthest is taken", () => {
  const near = chair("near", [1, 0], { base: "legs", arms: "bar" });
  const far = chair("far", [0, 5], { base: "legs", arms: "bar" });
  assert.equal(companion([first, near, far], "first"), "far");
});

test("networks whose own weights are kept come before those that are only latents, and own ones are no choice", () => {
  const only = chair("only", [1, 0], { base: "legs", arms: "bar" }, { has_network: false });
  const whole = chair("whole", [1, 0], { base: "star", arms: "bar" });
  const mine = chair("mine", [1, 0], { base: "legs", arms: "bar" }, { origin: "upload" });
  assert.equal(companion([first, only, whole, mine], "first"), "whole");
});

test("alone in its gallery a network has no companion", () => {
  assert.equal(companion([first], "first"), null);
  assert.equal(companion([], null), null);
});
