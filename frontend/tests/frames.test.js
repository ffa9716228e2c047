import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { FINE, COARSE, FrameCache, Frames } from "../js/frames.js";

const spot = (t, line = "x") => ({ a: line, b: "b", of: "latent", t });
const REST = 250;
mock.timers.enable({ apis: ["setTimeout"] });

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Frames whose requests are answered by hand. */
function byHand() {
  const log = { requests: [], shown: [], failed: [], rested: [] };
  const frames = new Frames({
    rest: REST,
    fetch: (where, resolution, signal) =>
      new Promise((resolve, reject) => {
        const request = { t: where.t, a: where.a, resolution, signal };
        request.answer = () => resolve({ spot: where, resolution, mesh: null, reason: "" });
        request.refuse = (error) => reject(error);
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        log.requests.push(request);
      }),
    show: (frame) => log.shown.push([frame.spot.t, frame.resolution]),
    fail: (error) => log.failed.push(error.message),
    rested: (where) => log.rested.push(where.t),
  });
  return { frames, log };
}

test("along a line one request is under way, and of the later wishes only the newest is fetched", async () => {
  const { frames, log } = byHand();
  for (const t of [0.1, 0.2, 0.3, 0.4]) frames.want(spot(t));
  assert.deepEqual(log.requests.map((r) => r.t), [0.1]);
  log.requests[0].answer();
  await settled();
  assert.deepEqual(log.requests.map((r) => r.t), [0.1, 0.4]);
  log.requests[1].answer();
  await settled();
  assert.deepEqual(log.shown.slice(0, 2), [[0.1, COARSE], [0.4, COARSE]]);
});

test("another line aborts what is under way, and its shape is never shown", async () => {
  const { frames, log } = byHand();
  frames.want(spot(0.5, "old"));
  frames.want(spot(0.5, "new"));
  assert.equal(log.requests[0].signal.aborted, true);
  await settled();
  assert.deepEqual(log.requests.map((r) => r.a), ["old", "new"]);
  log.requests[0].answer();
  await settled();
  assert.deepEqual(log.shown, []);
});

test("at rest the same point is fetched finely, and what was fetched is not fetched again", async () => {
  const { frames, log } = byHand();
  frames.want(spot(0.5));
  log.requests[0].answer();
  await settled();
  assert.equal(log.requests.length, 1);
  mock.timers.tick(REST);
  assert.deepEqual([log.requests[1].t, log.requests[1].resolution], [0.5, FINE]);
  log.requests[1].answer();
  await settled();
  assert.deepEqual(log.shown, [[0.5, COARSE], [0.5, FINE]]);
  assert.deepEqual(log.rested, [0.5]);
  frames.want(spot(0.9));
  const before = log.requests.length;
  frames.want(spot(0.5));
  assert.equal(log.requests.length, before);
  assert.deepEqual(log.shown.at(-1), [0.5, FINE]);
});

test("what is fetched ahead is joined, not fetched twice; never more than two are under way", async () => {
  const { frames, log } = byHand();
  frames.want(spot(0.1), [spot(0.2)]);
  assert.deepEqual(log.requests.map((r) => r.t), [0.1, 0.2]);
  log.requests[0].answer();
  await settled();
  frames.want(spot(0.2));
  assert.equal(log.requests.filter((r) => r.t === 0.2).length, 1);
  log.requests[1].answer();
  await settled();
  assert.deepEqual(log.shown, [[0.1, COARSE], [0.2, COARSE]]);
});

test("a failure is told once, and the next wish is fetched as usual", async () => {
  const { frames, log } = byHand();
  frames.want(spot(0.1));
  log.requests[0].refuse(new Error("the server is gone"));
  await settled();
  assert.deepEqual(log.failed, ["the server is gone"]);
  frames.want(spot(0.2));
  assert.equal(log.requests.length, 2);
});

test("the cache drops the least recently used frames beyond its limit", () => {
  const cache = new FrameCache(3 * 64);
  for (const t of [0, 0.25, 0.5]) cache.put({ spot: spot(t), resolution: COARSE, mesh: null });
  cache.get(spot(0), COARSE);
  cache.put({ spot: spot(0.75), resolution: COARSE, mesh: null });
  assert.equal(cache.size, 3);
  assert.ok(cache.get(spot(0), COARSE));
  assert.equal(cache.get(spot(0.25), COARSE), undefined);
});

test("from place to place what is under way is shown on the way, and only the newest is fetched next", async () => {
  const { frames, log } = byHand();
  const place = (at) => ({ a: at, b: at, of: "latent", t: 0.5, at });
  for (const at of ["x:1,y:0", "x:0.9,y:0.1", "x:0.8,y:0.2"]) frames.want(place(at));
  assert.deepEqual(log.requests.map((r) => r.a), ["x:1,y:0"]);
  log.requests[0].answer();
  await settled();
  assert.equal(log.shown.length, 1);
  assert.deepEqual(log.requests.map((r) => r.a), ["x:1,y:0", "x:0.8,y:0.2"]);
});
