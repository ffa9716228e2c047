import assert from "node:assert/strict";
import test from "node:test";
import { Streams } from "../js/streams.js";

/** Stands for EventSource; its events are sent by hand. */
class Source extends EventTarget {
  CLOSED = 2;
  readyState = 1;
  constructor(url) {
    super();
    this.url = url;
  }
  send(kind, data) {
    this.dispatchEvent(Object.assign(new Event(kind), { data: JSON.stringify(data) }));
  }
  fail(readyState) {
    this.readyState = readyState;
    this.dispatchEvent(new Event("error"));
  }
  close() {
    this.readyState = 2;
  }
}

function byHand() {
  const [opened, log] = [[], { heard: [], closed: [], reached: [] }];
  const streams = new Streams({
    hear: (event) => log.heard.push(event.number),
    close: (job) => log.closed.push(job),
    reach: (job, there) => log.reached.push([job, there]),
    connect: (url) => opened[opened.push(new Source(url)) - 1],
  });
  return { streams, opened, log };
}

test("each job is listened to once, and not any more when it is left out", () => {
  const { streams, opened, log } = byHand();
  streams.follow(["a/b", "c"]);
  streams.follow(["a/b", "c"]);
  assert.deepEqual(opened.map(({ url }) => url), ["/jobs/a%2Fb/events", "/jobs/c/events"]);
  opened[0].send("progress", { job: "a/b", number: 1 });
  streams.follow(["c"]);
  assert.deepEqual(opened.map(({ readyState }) => readyState), [2, 1]);
  opened[0].send("progress", { job: "a/b", number: 2 });
  opened[1].send("latent", { job: "c", number: 7 });
  assert.deepEqual(log.heard, [1, 7]);
});

test("a connection that breaks is left to EventSource; one that is closed for good is told, and can be opened anew", () => {
  const { streams, opened, log } = byHand();
  streams.follow(["c"]);
  opened[0].fail(0);
  assert.deepEqual([log.reached, log.closed, opened.length], [[["c", false]], [], 1]);
  opened[0].dispatchEvent(new Event("open"));
  assert.deepEqual(log.reached.at(-1), ["c", true]);
  opened[0].fail(2);
  assert.deepEqual(log.closed, ["c"]);
  streams.follow(["c"]);
  assert.equal(opened.length, 2);
});
