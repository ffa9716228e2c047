import assert from "node:assert/strict";
import test from "node:test";
import { DETAILS, START, STEPS, createStore, queryFromView, sameLine, snap, spotOf, viewFromQuery, weightsObstacle } from "../js/state.js";

test("a view survives the URL", () => {
  for (let step = 0; step <= STEPS; step += 1) {
    const view = {
      space: "chairs", a: "a b&c=d", b: "ü/é", c: step % 3 ? "third" : null, d: step % 6 ? null : "fourth", t: snap(1.5 - step / 30, true), beyond: true, of: step % 2 ? "weights" : "latent",
      beside: step % 5 === 0, at: step % 4 ? null : "chairs.x-1:0.25,a b&c=d:0.75,~seat height:-1.5", job: step % 3 ? null : "j-1_2",
      detail: DETAILS[step % 4], plain: step % 2 === 0, colour: step % 2 ? "back,kind" : null, projection: step % 3 ? "tsne" : null, shut: step % 2 ? ["lists", "plot"] : [],
    };
    assert.deepEqual(viewFromQuery(queryFromView(view)), view);
  }
});

test("the view of the start has an empty query", () => {
  assert.equal(queryFromView(START), "");
  assert.deepEqual(viewFromQuery(""), START);
});

test("what makes no sense in a URL is as at the start", () => {
  assert.deepEqual(viewFromQuery("?t=x&of=nonsense&a="), START);
  assert.deepEqual(viewFromQuery("?at=nowhere&detail=77"), START);
});

test("t beyond the ends is kept within its reach, and says so", () => {
  assert.deepEqual(viewFromQuery("?t=7"), { ...START, t: 1.5, beyond: true });
  assert.deepEqual(viewFromQuery("?t=-0.25"), { ...START, t: -0.25, beyond: true });
  assert.equal(snap(7), 1);
  assert.equal(snap(-1), 0);
  assert.equal(snap(-1, true), -0.5);
});

test("another colour of the map leaves the place that is shown, another t does not", () => {
  const store = createStore({ view: { ...START, at: "x:1" } });
  store.look({ colour: "back", shut: ["plot"] });
  assert.equal(store.get().view.at, "x:1");
  store.look({ t: 0.5 });
  assert.equal(store.get().view.at, null);
});

test("a place is shown instead of the line", () => {
  const view = { ...START, a: "x", b: "y", t: 0.25, at: "x:0.5,y:0.5" };
  assert.equal(spotOf({ view, jobs: { items: [] } }).at, view.at);
  assert.equal(sameLine(spotOf({ view, jobs: { items: [] } }), view), false);
});

test("listeners hear of every change in order, also of changes a listener makes", () => {
  const store = createStore({ view: START, n: 0 });
  const heard = [];
  store.subscribe(({ n }) => n === 1 && store.set({ n: 2 }));
  store.subscribe(({ n }, before) => heard.push([before.n, n]));
  store.set({ n: 1 });
  assert.deepEqual(heard, [[0, 1], [1, 2]]);
});

test("who looks elsewhere no longer watches a job", () => {
  const store = createStore({ view: { ...START, a: "x", job: "j" } });
  store.look({ job: "j", b: "y" });
  assert.equal(store.get().view.job, "j");
  store.look({ t: 0.5 });
  assert.deepEqual(store.get().view, { ...START, a: "x", b: "y", t: 0.5 });
});

test("the stage shows what the watched job has found, and the line where there is nothing yet", () => {
  const view = { ...START, a: "x", b: "y", t: 0.25, job: "j" };
  const spot = (job) => spotOf({ view, jobs: { items: [job] } });
  assert.deepEqual(spot({ id: "j", result: null, latent: "found", start: "x" }), { a: "found", b: "found", t: 0.5, of: "latent" });
  assert.equal(spot({ id: "j", result: "best", latent: "found" }).a, "best");
  assert.equal(spot({ id: "j", result: null, latent: null, start: "s" }).a, "s");
  const line = { a: "x", b: "y", t: 0.25, of: "latent" };
  assert.deepEqual(spot({ id: "j", result: null, latent: null, start: null }), line);
  assert.deepEqual(spot({ id: "other", result: "best" }), line);
});

const latent = (id, more = {}) => ({ id, name: id, space: "s", architecture: "siren", has_network: true, ...more });
const stateOf = (...latents) => ({ spaces: [{ id: "s", architectures: [] }], latents, view: { ...START, a: "x", b: "y" } });

test("raw weights need both networks, of one architecture", () => {
  assert.equal(weightsObstacle(stateOf(latent("x"), latent("y"))), "");
  assert.match(weightsObstacle(stateOf(latent("x"), latent("y", { has_network: false }))), /latent vector of y/);
  assert.match(weightsObstacle(stateOf(latent("x"), latent("y", { architecture: "other" }))), /different architectures/);
  assert.match(weightsObstacle(stateOf(latent("x"))), /Pick A and B/);
});
