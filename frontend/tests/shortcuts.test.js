import assert from "node:assert/strict";
import test from "node:test";
import { SHORTCUTS, actionOf, chordName } from "../js/shortcuts.js";

/** An element that is an instance of some selectors. */
const target = (...kinds) => ({ closest: (selector) => (kinds.some((kind) => selector.split(", ").some((part) => part.startsWith(kind))) ? {} : null) });
const body = target();
const press = (key, more = {}) => ({ key, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false, target: body, ...more });

test("every chord means one thing only", () => {
  for (const { action, chords } of SHORTCUTS) {
    for (const { key, shift = false, control = false } of chords) {
      assert.equal(actionOf(press(key, { shiftKey: shift, ctrlKey: control })), action, chordName({ key, shift, control }));
    }
  }
});

test("undo and redo are known by their usual keys, on a Mac too", () => {
  assert.equal(actionOf(press("z", { ctrlKey: true })), "undo");
  assert.equal(actionOf(press("z", { metaKey: true })), "undo");
  assert.equal(actionOf(press("Z", { metaKey: true, shiftKey: true })), "redo");
  assert.equal(actionOf(press("y", { ctrlKey: true })), "redo");
  assert.equal(actionOf(press("z")), null);
});

test("what the browser does with Ctrl or Alt stays the browser's", () => {
  for (const key of ["a", "c", "v", "x", "r", "d", "1", "w", "n"]) {
    assert.equal(actionOf(press(key, { ctrlKey: true })), null);
    assert.equal(actionOf(press(key, { altKey: true })), null);
  }
});

test("whoever types, types", () => {
  for (const key of ["x", " ", "ArrowLeft", "?", "1"]) assert.equal(actionOf(press(key, { target: target("textarea") })), null);
  assert.equal(actionOf(press("z", { ctrlKey: true, target: target("textarea") })), null);
});

test("a slider keeps its arrows, a button its space, and the page the rest", () => {
  const slider = target("input[type=range]");
  assert.equal(actionOf(press("ArrowLeft", { target: slider })), null);
  assert.equal(actionOf(press("x", { target: slider })), "swap");
  assert.equal(actionOf(press(" ", { target: target("button") })), null);
  assert.equal(actionOf(press("ArrowRight", { target: target("button") })), "on");
});

test("a key that is held repeats only where it moves", () => {
  assert.equal(actionOf(press("ArrowRight", { repeat: true })), "on");
  assert.equal(actionOf(press("x", { repeat: true })), null);
});

test("a chord is told as it stands on the keys", () => {
  assert.equal(chordName({ key: "z", control: true, shift: true }), "Ctrl+Shift+Z");
  assert.equal(chordName({ key: " " }), "Space");
  assert.equal(chordName({ key: "ArrowLeft" }), "←");
});
