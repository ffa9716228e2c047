import assert from "node:assert/strict";
import test from "node:test";
import { START, STEPS, createStore, queryFromView, snap, viewFromQuery, weightsObstacle } from "../js/state.js";

test("a view survives the URL", () => {
  for (let step = 0; step <= STEPS; step += 1) {
    const view = { space: "chairs", a: "a b&c=d", b: "ü/é", t: snap(step / STEPS), of: step % 2 ? "weights" : "latent" };
    assert.deepEqual(viewFromQuery(queryFromView(view)), view);
  }
});

test("the view of the start has an empty query", () => {
  assert.equal(queryFromView(START), "");
  assert.deepEqual(viewFromQuery(""), START);
});

test("what makes no sense in a URL is as at the start", () => {
  assert.deepEqual(viewFromQuery("?t=x&of=nonsense&a="), START);
  assert.equal(viewFromQuery("?t=7").t, 1);
  assert.equal(viewFromQuery("?t=-1").t, 0);
});

test("listeners hear of every change in order, also of changes a listener makes", () => {
  const store = createStore({ view: START, n: 0 });
  const heard = [];
  store.subscribe(({ n }) => n === 1 && store.set({ n: 2 }));
  store.subscribe(({ n }, before) => heard.push([before.n, n]));
  store.set({ n: 1 });
  assert.deepEqual(heard, [[0, 1], [1, 2]]);
});

const latent = (id, more = {}) => ({ id, name: id, space: "s", architecture: "siren", has_network: true, ...more });
const stateOf = (...latents) => ({ spaces: [{ id: "s", architectures: [] }], latents, view: { ...START, a: "x", b: "y" } });

test("raw weights need both networks, of one architecture", () => {
  assert.equal(weightsObstacle(stateOf(latent("x"), latent("y"))), "");
  assert.match(weightsObstacle(stateOf(latent("x"), latent("y", { has_network: false }))), /latent vector of y/);
  assert.match(weightsObstacle(stateOf(latent("x"), latent("y", { architecture: "other" }))), /different architectures/);
  assert.match(weightsObstacle(stateOf(latent("x"))), /Pick A and B/);
});
