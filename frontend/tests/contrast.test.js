import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const css = readFileSync(new URL("../css/style.css", import.meta.url), "utf8");
/** The colours of `:root`, and over them those of a theme. */
const block = (selector) => {
  const body = css.slice(css.indexOf("{", css.indexOf(selector)) + 1);
  return Object.fromEntries([...body.slice(0, body.indexOf("}")).matchAll(/(--[\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]));
};
const light = block(":root {");
const THEMES = { light, dark: { ...light, ...block(':root[data-theme="dark"] {') } };

/** Relative luminance as WCAG 2 defines it. */
const luminance = (hex) => [1, 3, 5]
  .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
  .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);

function contrast(x, y) {
  const [low, high] = [luminance(x), luminance(y)].sort((p, q) => p - q);
  return (high + 0.05) / (low + 0.05);
}

function readable(colours, inks, grounds, least) {
  for (const ink of inks) for (const ground of grounds) {
    const found = contrast(colours[ink], colours[ground]);
    assert.ok(found >= least, `${ink} on ${ground}: ${found.toFixed(2)}, wanted ${least}`);
  }
}

test("black on white is 21 to 1, and a colour on itself 1 to 1", () => {
  assert.equal(contrast("#000000", "#ffffff"), 21);
  assert.equal(contrast("#7b5ea8", "#7b5ea8"), 1);
});

for (const [theme, colours] of Object.entries(THEMES)) {
  test(`text is readable on every ground of the ${theme} page`, () => {
    readable(colours, ["--text", "--muted"], ["--ground", "--panel", "--well", "--stage-high", "--stage-low", "--map-ground"], 4.5);
    readable(colours, ["--warn"], ["--panel", "--warn-soft"], 4.5);
    readable(colours, ["--a"], ["--panel", "--a-soft"], 4.5);
    readable(colours, ["--b"], ["--panel", "--b-soft"], 4.5);
  });

  test(`what is drawn stands out on the ${theme} page`, () => {
    readable(colours, ["--accent", "--a", "--b"], ["--panel", "--ground", "--map-ground"], 3);
  });
}
