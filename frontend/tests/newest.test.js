import assert from "node:assert/strict";
import test from "node:test";
import { newest } from "../js/newest.js";

/** A task whose calls are answered by hand. */
function byHand() {
  const calls = [];
  const task = (signal, name) =>
    new Promise((resolve, reject) => {
      calls.push({ signal, name, resolve, reject });
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
  return { calls, run: newest(task) };
}

test("a newer call aborts the older one, which then stays silent", async () => {
  const { calls, run } = byHand();
  const [first, second] = [run("first"), run("second")];
  assert.equal(calls[0].signal.aborted, true);
  calls[1].resolve("b");
  assert.deepEqual(await Promise.all([first, second]), [undefined, "b"]);
});

test("an older answer that comes late is not given", async () => {
  const calls = [];
  const run = newest((_, name) => new Promise((resolve) => calls.push(() => resolve(name))));
  const [first, second] = [run("first"), run("second")];
  calls[1]();
  calls[0]();
  assert.deepEqual(await Promise.all([first, second]), [undefined, "second"]);
});

test("a failure of the newest call is thrown", async () => {
  const { calls, run } = byHand();
  const only = run("only");
  calls[0].reject(new Error("no"));
  await assert.rejects(only, /no/);
});
