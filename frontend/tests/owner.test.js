import assert from "node:assert/strict";
import test from "node:test";
import { ownerToken } from "../js/owner.js";

test("a browser's token is what the server takes, and stays", () => {
  assert.match(ownerToken(), /^[A-Za-z0-9_-]{16,128}$/);
  assert.equal(ownerToken(), ownerToken());
});

test("a token of an earlier visit is kept, one that the server would refuse is not", async () => {
  const kept = new Map([["netspace.owner", JSON.stringify("0123456789abcdef-visit")]]);
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
  const again = await import("../js/owner.js?again");
  assert.equal(again.ownerToken(), "0123456789abcdef-visit");
  kept.set("netspace.owner", JSON.stringify("short"));
  const other = await import("../js/owner.js?other");
  assert.notEqual(other.ownerToken(), "short");
  assert.equal(JSON.parse(kept.get("netspace.owner")), other.ownerToken());
});
