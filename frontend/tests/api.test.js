import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import * as api from "../js/api.js";

const { fetch } = globalThis;
afterEach(() => (globalThis.fetch = fetch));

/** Answers one after the other, the last again and again; returns what was asked for. */
function server(...answers) {
  const asked = [];
  globalThis.fetch = async (url) => {
    asked.push(url);
    const [status, body, headers] = answers[Math.min(asked.length, answers.length) - 1];
    return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
  };
  return asked;
}
const BUSY = [503, { title: "Busy" }, { "retry-after": "0.01" }];

test("a server that is busy is asked again when it says", async () => {
  const asked = server(BUSY, BUSY, [200, { spaces: [1] }]);
  assert.deepEqual(await api.spaces(), [1]);
  assert.equal(asked.length, 3);
});

test("a server that stays busy is told of in its own words", async () => {
  server(BUSY);
  await assert.rejects(api.spaces(), { name: "ProblemError", title: "Busy", status: 503 });
});

test("what would change something is not asked for twice", async () => {
  const asked = server(BUSY, [200, {}]);
  await assert.rejects(api.startJob({}), { status: 503 });
  assert.equal(asked.length, 1);
});

test("whoever stops waiting for a busy server hears no more of it", async () => {
  server([503, {}, { "retry-after": "5" }]);
  const controller = new AbortController();
  const waiting = api.spaces(controller.signal);
  setTimeout(() => controller.abort(), 10);
  await assert.rejects(waiting, { name: "AbortError" });
});

test("a refusal names every field that was wrong", async () => {
  server([422, { type: "/problems/bad-request", title: "No", detail: "Two fields.", errors: [{ where: "a", message: "missing" }, { where: "b", message: "too long" }] }]);
  await assert.rejects(api.spaces(), { slug: "bad-request", message: "Two fields. a: missing; b: too long" });
});
