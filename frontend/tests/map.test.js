import assert from "node:assert/strict";
import test from "node:test";
import { SHAPES, colourable, colouring, shade } from "../js/colouring.js";
import { neighbour } from "../js/pointing.js";
import { stamp } from "../js/sprites.js";

const latent = (id, properties, more = {}) => ({ id, name: id, origin: "gallery", architecture: "siren", iou: 0.9, properties, ...more });
const latents = [latent("x", { back: "panel", arms: true, seat: 0.2 }), latent("y", { back: "slats", arms: false, seat: 0.4 }), latent("z", { back: "panel", arms: true, seat: 0.8 })];

test("kinds come before numbers, and what all have alike comes last, where people look for it, or not at all", () => {
  assert.deepEqual(colourable(latents), ["back", "arms", "seat", "architecture"]);
  assert.ok(colourable([...latents, latent("own", {}, { origin: "upload" })]).includes("origin"));
});

test("the split of the zoo colours the map, and what was made here is of none", () => {
  const parts = [latent("x", {}, { split: "train" }), latent("y", {}, { split: "test" }), latent("own", {}, { split: null, origin: "upload" })];
  assert.ok(colourable(parts).includes("split"));
  const { legend, groupOf } = colouring(parts, "split", "light");
  assert.deepEqual(legend.map(({ label }) => label).sort(), ["not known", "test", "train"]);
  assert.equal(groupOf(parts[2]), "not known");
  assert.deepEqual(colouring([parts[1]], "split", "light").legend.map(({ label, count }) => [label, count]), [["test", 1]]);
});

test("the accuracy of classifiers colours the map, measured or estimated", () => {
  const { kind, scale } = colouring([latent("x", {}, { accuracy: 0.2 }), latent("y", { accuracy: 0.7 })], "accuracy", "light");
  assert.deepEqual([kind, scale.low, scale.high], ["numbers", "0.2", "0.7"]);
});

test("kinds differ in colour and in shape, the most frequent first", () => {
  const { legend, markOf, kind } = colouring(latents, null, "light");
  assert.equal(kind, "kinds");
  assert.deepEqual(legend.map(({ label, count }) => [label, count]), [["panel", 2], ["slats", 1]]);
  assert.notEqual(markOf(latents[0]).colour, markOf(latents[1]).colour);
  assert.notEqual(markOf(latents[0]).shape, markOf(latents[1]).shape);
  assert.deepEqual(markOf(latents[0]), markOf(latents[2]));
});

test("a latent of which the property is not known has a mark of its own", () => {
  const own = latent("own", {});
  for (const name of ["back", "seat"]) assert.equal(colouring([...latents, own], name, "dark").markOf(own).shape, "cross");
});

test("numbers run along the ramp from their least to their largest", () => {
  const { scale, markOf } = colouring(latents, "seat", "light");
  assert.deepEqual([scale.low, scale.high], ["0.2", "0.8"]);
  assert.equal(markOf(latents[0]).colour, shade(scale.ramp, 0));
  assert.equal(markOf(latents[2]).colour, shade(scale.ramp, 1));
  assert.equal(shade(["#000000", "#ffffff"], 0.5), "rgb(128 128 128)");
});

test("an unknown property colours by the first, none by nothing", () => {
  assert.equal(colouring(latents, "nonsense", "light").name, "back");
  assert.equal(colouring(latents, "none", "light").kind, "none");
  assert.equal(colouring([], null, "light").kind, "none");
});

/** Contrast of two colours as WCAG 2 defines it. */
function contrast(x, y) {
  const light = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  const [l, m] = [x, y].map((hex) => light(hex).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0.05));
  return Math.max(l, m) / Math.min(l, m);
}

test("every kind's colour stands out against the page, light and dark", () => {
  const many = SHAPES.map((_, i) => latent(`l${i}`, { kind: `k${i}` }));
  for (const [theme, ground] of [["light", "#faf9f6"], ["dark", "#14171c"]]) {
    for (const { mark } of colouring(many, "kind", theme).legend) assert.ok(contrast(mark.colour, ground) >= 3, `${mark.colour} on ${ground}`);
  }
});

test("an arrow goes to the nearest point ahead, and comes back", () => {
  const dots = [[0, 0], [1, 0.1], [3, 0], [0, 2]].map(([x, y], i) => ({ id: `p${i}`, x, y }));
  assert.equal(neighbour(dots, dots[0], 1, 0).id, "p1");
  assert.equal(neighbour(dots, dots[1], -1, 0).id, "p0");
  assert.equal(neighbour(dots, dots[0], 0, 1).id, "p3");
  assert.equal(neighbour(dots, dots[0], -1, 0), null);
});

/** A picture of one colour. */
const paper = (width, height, ...pixel) => ({ width, height, data: new Uint8ClampedArray(Array.from({ length: width * height }, () => pixel).flat()) });
const pixelOf = ({ data, width }, x, y) => [...data.slice(4 * (y * width + x), 4 * (y * width + x) + 4)];

test("a mark laid over nothing is the mark, about its middle", () => {
  const onto = paper(4, 4, 0, 0, 0, 0);
  stamp(onto, paper(2, 2, 10, 20, 30, 255), 2, 2, 1);
  const rows = [0, 1, 2, 3].map((y) => [0, 1, 2, 3].map((x) => pixelOf(onto, x, y)[3] / 255).join(""));
  assert.deepEqual(rows, ["0000", "0110", "0110", "0000"]);
  assert.deepEqual(pixelOf(onto, 1, 2), [10, 20, 30, 255]);
});

test("an opaque mark hides what is below, and half a mark mixes with it", () => {
  const onto = paper(2, 1, 200, 0, 0, 255);
  stamp(onto, paper(1, 1, 0, 100, 0, 255), 0.5, 0.5, 1);
  stamp(onto, paper(1, 1, 0, 100, 0, 255), 1.5, 0.5, 0.5);
  assert.deepEqual([pixelOf(onto, 0, 0), pixelOf(onto, 1, 0)], [[0, 100, 0, 255], [100, 50, 0, 255]]);
});

test("what is outside of a picture is left out", () => {
  const onto = paper(3, 3, 0, 0, 0, 0);
  for (const [x, y] of [[0, 0], [3, 3], [-9, 1], [1, 40]]) stamp(onto, paper(2, 2, 1, 2, 3, 255), x, y, 1);
  const covered = [0, 1, 2].map((y) => [0, 1, 2].filter((x) => pixelOf(onto, x, y)[3]).join());
  assert.deepEqual(covered, ["0", "", "2"]);
});
