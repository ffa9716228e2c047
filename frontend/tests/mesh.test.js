import assert from "node:assert/strict";
import test from "node:test";
import { decodeMesh } from "../js/mesh.js";

/** Half-precision numbers and their bits, as IEEE 754 lays them down. */
const KNOWN = { 0: 0x0000, 1: 0x3c00, "-1": 0xbc00, 0.5: 0x3800, "-0.25": 0xb400, 0.333251953125: 0x3555, 5.960464477539063e-8: 0x0001 };

/** A mesh written by hand, from half-precision bits. */
function bytes(halves, indices, magic = "NSM2") {
  const padded = 4 * Math.ceil((2 * halves.length) / 4);
  const out = Buffer.alloc(16 + padded + 4 * indices.length);
  out.write(magic);
  out.writeUInt32LE(halves.length / 3, 4);
  out.writeUInt32LE(indices.length / 3, 8);
  halves.forEach((bits, i) => out.writeUInt16LE(bits, 16 + 2 * i));
  indices.forEach((x, i) => out.writeUInt32LE(x, 16 + padded + 4 * i));
  return new Uint8Array(out).buffer;
}

const triangle = [0, 0, 0, 1, 0, 0, -1, 0.5, -0.25].map((x) => KNOWN[x]);

test("bytes written by hand are read as the contract says", () => {
  const { positions, indices } = decodeMesh(bytes(triangle, [0, 1, 2]));
  assert.deepEqual([...positions], [0, 0, 0, 1, 0, 0, -1, 0.5, -0.25]);
  assert.deepEqual([...indices], [0, 1, 2]);
});

test("an even number of vertices needs no filling", () => {
  const { positions, indices } = decodeMesh(bytes([...triangle, 0, 0, 0x3c00], [0, 1, 3]));
  assert.equal(positions[11], 1);
  assert.deepEqual([...indices], [0, 1, 3]);
});

test("half-precision numbers, subnormal ones too, have their values", () => {
  for (const [value, bits] of Object.entries(KNOWN)) {
    assert.equal(decodeMesh(bytes([bits, bits, bits], [])).positions[0], Math.fround(Number(value)));
  }
});

test("a mesh without triangles is decoded as one", () => {
  assert.equal(decodeMesh(bytes([], [])).indices.length, 0);
});

test("malformed bytes are refused and the error says what was expected", () => {
  assert.throws(() => decodeMesh(new ArrayBuffer(3)), /at least 16 bytes, got 3/);
  assert.throws(() => decodeMesh(bytes(triangle, [0, 1, 2]).slice(0, -4)), /take 48 bytes, got 44/);
  assert.throws(() => decodeMesh(bytes(triangle, [0, 1, 2], "NSM1")), /expected NSM2, got "NSM1"/);
  assert.throws(() => decodeMesh(bytes(triangle, [0, 1, 3])), /index 3, but only 3 vertices/);
});
