import assert from "node:assert/strict";
import test from "node:test";
import { absorb, duration, followed, hear, listed, secondsLeft, standing, summary } from "../js/job.js";

const row = (more = {}) => ({
  id: "j", space: "s", name: "n", objective: "attributes", status: "running", detail: "", step: 0, steps: 100, progress: 0,
  value: null, seconds: 0, seconds_left: null, start: "z", latent: null, result: null, ...more,
});
const job = (more) => absorb(undefined, row(more));
const progress = (number, step, curve) => ({ job: "j", number, kind: "progress", data: { step, steps: 100, value: 1 / step, seconds: step / 10, curve } });
const found = (number, step, latent) => ({ job: "j", number, kind: "latent", data: { step, latent } });
const EVENTS = [
  { job: "j", number: 1, kind: "state", data: { status: "queued" } },
  progress(2, 10, [[5, 2, 1], [10, 1.5, 0.9]]),
  found(3, 10, "first"),
  progress(4, 25, [[15, 1.2, 0.8]]),
];

test("events make progress, a curve and a latent to look at", () => {
  const now = EVENTS.reduce(hear, job());
  assert.deepEqual([now.step, now.progress, now.value, now.latent], [25, 0.25, 0.04, "first"]);
  assert.deepEqual(now.curve, [[5, 2, 1], [10, 1.5, 0.9], [15, 1.2, 0.8]]);
  assert.equal(now.seconds_left, 7.5);
});

test("a stream that tells everything again changes nothing", () => {
  const once = EVENTS.reduce(hear, job());
  assert.deepEqual(EVENTS.reduce(hear, once), once);
});

test("old events complete the curve of a job whose server has said more, and take nothing back", () => {
  const now = EVENTS.reduce(hear, job({ step: 60, progress: 0.6, latent: "newer" }));
  assert.deepEqual([now.step, now.progress, now.latent], [60, 0.6, "newer"]);
  assert.equal(now.curve.length, 3);
});

test("a row that is older than the events takes nothing back, one that is newer or ends the job counts", () => {
  const now = EVENTS.reduce(hear, job());
  assert.equal(absorb(now, row({ step: 10 })).step, 25);
  const done = absorb(now, row({ status: "done", step: 20, progress: 1, result: "r" }));
  assert.deepEqual([done.status, done.step, done.result, done.curve.length], ["done", 20, "r", 3]);
  assert.equal(absorb({ ...now, ending: true }, row({ step: 30 })).ending, true);
  assert.equal(absorb({ ...now, ending: true }, row({ status: "cancelled" })).ending, false);
});

test("of many jobs three are listened to: the opened one, then those that run; one that is over only until it is told", () => {
  const many = [
    job({ id: "old", status: "done" }), job({ id: "w", status: "queued" }),
    ...["r1", "r2", "r3"].map((id) => job({ id })),
  ];
  assert.deepEqual(followed(many, "old"), ["old", "r1", "r2"]);
  assert.deepEqual(followed(many, "old", new Set(["old"])), ["r1", "r2", "r3"]);
  assert.deepEqual(followed(many.slice(0, 2), null), ["w"]);
});

test("what was dismissed is not listed, unless it runs again", () => {
  const items = [job({ id: "x", status: "done" }), job({ id: "y", status: "failed" }), job({ id: "z", space: "other" })];
  const state = (jobs) => ({ view: { space: "s" }, jobs: { items: jobs, dismissed: ["y"] } });
  assert.deepEqual(listed(state(items)).map(({ id }) => id), ["x"]);
  assert.deepEqual(listed(state([job({ id: "y" })])).map(({ id }) => id), ["y"]);
});

test("a standing tells what there is to know", () => {
  assert.equal(standing(job({ step: 25, progress: 0.25, seconds_left: 75 })), "25 %, about 1 min 15 s left");
  assert.equal(standing(job()), "Starting");
  assert.match(standing(job({ status: "queued" }), [job({ id: "k" })]), /another job runs/);
  assert.equal(standing(job({ status: "queued" })), "Waiting for a worker");
  assert.equal(standing(job({ status: "cancelled", step: 40 })), "Cancelled after 40 steps");
  assert.equal(standing(job({ status: "done", step: 100 })), "Done, 100 steps");
  assert.equal(standing({ ...job(), ending: true }), "Cancelling");
});

test("the folded tray tells what runs, else what is over", () => {
  assert.equal(summary([]), "none yet");
  assert.equal(summary([job({ progress: 0.43 }), job({ status: "queued" })]), "running, 43 %, 1 waiting");
  assert.equal(summary([job(), job()]), "2 running");
  assert.equal(summary([job({ status: "done" }), job({ status: "failed" })]), "1 done, 1 failed");
});

test("time left is at the pace so far, and nobody knows before the first step", () => {
  assert.equal(secondsLeft({ step: 20, steps: 100, seconds: 4 }), 16);
  assert.equal(secondsLeft({ step: 0, steps: 100, seconds: 4 }), null);
  assert.deepEqual([0.2, 59.4, 60, 75, 1200, 7200].map(duration), ["1 s", "59 s", "1 min", "1 min 15 s", "20 min", "2.0 h"]);
});
