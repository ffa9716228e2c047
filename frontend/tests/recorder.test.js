import assert from "node:assert/strict";
import test from "node:test";
import { film, poseAt, recordable, stops } from "../js/recorder.js";

class FakeRecorder extends EventTarget {
  static isTypeSupported = (mime) => mime.startsWith("video/webm");
  state = "inactive";
  constructor(stream, options) {
    super();
    Object.assign(this, { stream, options });
    FakeRecorder.last = this;
  }
  start() {
    this.state = "recording";
    this.#hand("");
  }
  #hand(text) {
    this.dispatchEvent(Object.assign(new Event("dataavailable"), { data: new Blob([text]) }));
  }
  stop() {
    this.state = "inactive";
    this.#hand("film");
    this.dispatchEvent(new Event("stop"));
  }
}
class FakeCanvas {
  tracks = [{ live: true, stop: () => (this.tracks[0].live = false) }];
  captureStream = () => ({ getTracks: () => this.tracks });
}
FakeCanvas.prototype.captureStream = () => {};

/** Lets time pass while a test waits for the recorder. */
const soon = () => new Promise((resolve) => setTimeout(resolve, 1));

function how(more = {}) {
  let now = 0;
  const shares = [];
  return { shares, paint: (share) => shares.push(share), seconds: 1, mime: "video/webm", signal: new AbortController().signal, Recorder: FakeRecorder, tick: async () => (await soon(), (now += 100)), ...more };
}

test("a film shows its whole length in order, then stops the camera", async () => {
  const canvas = new FakeCanvas();
  const seen = how();
  const blob = await film(canvas, seen);
  assert.equal(await blob.text(), "film");
  assert.equal(blob.type, "video/webm");
  assert.deepEqual(seen.shares, [...seen.shares].sort((x, y) => x - y));
  assert.deepEqual([seen.shares[0], seen.shares.at(-1)], [0, 1]);
  assert.equal(canvas.tracks[0].live, false);
});

test("a film that is cancelled stops recording and keeps nothing", async () => {
  const canvas = new FakeCanvas();
  const controller = new AbortController();
  const making = film(canvas, how({ signal: controller.signal, paint: (share) => share > 0.3 && controller.abort() }));
  await assert.rejects(making, { name: "AbortError" });
  assert.equal(FakeRecorder.last.state, "inactive");
  assert.equal(canvas.tracks[0].live, false);
});

test("time out of sight is not skipped", async () => {
  const times = [0, 100, 60_100, 60_200, ...Array.from({ length: 30 }, (_, i) => 60_300 + 100 * i)];
  const seen = how({ seconds: 2, tick: async () => (await soon(), times.shift()) });
  await film(new FakeCanvas(), seen);
  assert.ok(seen.shares[2] <= 0.55 + 1e-9, String(seen.shares));
});

test("a film can be looped: it ends as it begins", () => {
  for (const kind of ["morph", "turntable", "both"]) {
    const [first, last] = [poseAt(kind, 0, 0.3), poseAt(kind, 1, 0.3)];
    assert.ok(Math.abs(first.t - last.t) < 1e-9);
    assert.ok(Math.abs(Math.sin(first.angle - last.angle)) < 1e-9);
  }
  assert.equal(poseAt("morph", 0.5, 0.3).t, 1);
  assert.equal(poseAt("turntable", 0.5, 0.3).t, 0.3);
});

test("the shapes of a morph are spread evenly, ends included", () => {
  assert.deepEqual(stops(5), [0, 0.25, 0.5, 0.75, 1]);
});

test("a browser that cannot record is told from one that can", () => {
  assert.equal(recordable(FakeRecorder, FakeCanvas).suffix, "webm");
  assert.equal(recordable(undefined, FakeCanvas), null);
  assert.equal(recordable(FakeRecorder, class {}), null);
  assert.equal(recordable(class { static isTypeSupported = () => false; }, FakeCanvas), null);
});
