import assert from "node:assert/strict";
import test from "node:test";
import { decodeMesh, encodeMesh } from "../js/mesh.js";

const triangle = () => ({ positions: new Float32Array([0, 0, 0, 1, 0, 0, 0, 1, 0.5]), indices: new Uint32Array([0, 1, 2]) });

test("encoding and decoding are each other's inverse", () => {
  assert.deepEqual(decodeMesh(encodeMesh(triangle())), triangle());
});

test("bytes written by hand are read as the contract says", () => {
  const bytes = Buffer.alloc(16 + 36 + 12);
  bytes.write("NSM1");
  bytes.writeUInt32LE(3, 4);
  bytes.writeUInt32LE(1, 8);
  triangle().positions.forEach((x, i) => bytes.writeFloatLE(x, 16 + 4 * i));
  triangle().indices.forEach((x, i) => bytes.writeUInt32LE(x, 52 + 4 * i));
  assert.deepEqual(decodeMesh(new Uint8Array(bytes).buffer), triangle());
});

test("a mesh without triangles is decoded as one", () => {
  const none = { positions: new Float32Array(0), indices: new Uint32Array(0) };
  assert.deepEqual(decodeMesh(encodeMesh(none)), none);
});

test("malformed bytes are refused and the error says what was expected", () => {
  const good = encodeMesh(triangle());
  assert.throws(() => decodeMesh(new ArrayBuffer(3)), /at least 16 bytes, got 3/);
  assert.throws(() => decodeMesh(good.slice(0, -4)), /take 64 bytes, got 60/);
  const magic = good.slice(0);
  new Uint8Array(magic)[0] = 88;
  assert.throws(() => decodeMesh(magic), /expected NSM1/);
  assert.throws(() => decodeMesh(encodeMesh({ ...triangle(), indices: new Uint32Array([0, 1, 3]) })), /index 3, but only 3 vertices/);
});
