import assert from "node:assert/strict";
import test from "node:test";
import { START, createStore } from "../js/state.js";
import { timeline } from "../js/timeline.js";

function setUp() {
  const clock = { now: 0 };
  const store = createStore({ view: Object.freeze({ ...START, space: "s", a: "a", b: "b" }), past: [], future: [], playing: false });
  return { store, clock, ...timeline(store, (view) => view, () => clock.now) };
}

test("undo gives back the view before, redo the one after", () => {
  const { store, undo, redo } = setUp();
  const views = [store.get().view];
  for (const patch of [{ a: "c" }, { of: "weights" }, { colour: "back" }]) {
    store.look(patch);
    views.push(store.get().view);
  }
  for (const view of views.slice(0, -1).reverse()) {
    assert.equal(undo(), true);
    assert.deepEqual(store.get().view, view);
  }
  assert.equal(undo(), false);
  for (const view of views.slice(1)) {
    assert.equal(redo(), true);
    assert.deepEqual(store.get().view, view);
  }
  assert.equal(redo(), false);
});

test("a slide is one step, and another slide later is another", () => {
  const { store, clock, undo } = setUp();
  for (const t of [0.1, 0.2, 0.3]) store.look({ t: (clock.now += 50) && t });
  clock.now += 5000;
  for (const t of [0.4, 0.5]) store.look({ t: (clock.now += 50) && t });
  undo();
  assert.equal(store.get().view.t, 0.3);
  undo();
  assert.equal(store.get().view.t, 0);
  assert.equal(undo(), false);
});

test("a new view after undo forgets what was undone", () => {
  const { store, undo, redo } = setUp();
  store.look({ a: "c" });
  undo();
  store.look({ b: "d" });
  assert.equal(redo(), false);
});

test("playing is one step however long it takes", () => {
  const { store, clock, undo } = setUp();
  store.set({ playing: true });
  for (const t of [0.1, 0.2, 0.3]) store.look({ t: (clock.now += 5000) && t });
  undo();
  assert.equal(store.get().view.t, 0);
});

test("the first view is not undone to none", () => {
  const store = createStore({ view: START, past: [], future: [], playing: false });
  const { undo } = timeline(store, (view) => view);
  store.look({ space: "s", a: "a", b: "b" });
  assert.equal(undo(), false);
});

test("a view that is no other is no step", () => {
  const { store, undo } = setUp();
  store.look({ ...store.get().view });
  assert.equal(undo(), false);
});
