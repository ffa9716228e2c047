/** Two decoded networks side by side in numbers, as POST /compare answers. */

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { newest } from "./newest.js";
import { spotOf } from "./state.js";
import { percent, volume } from "./words.js";
import { placeText } from "./spots.js";

/** @typedef {{iou: number, chamfer: number, f_score: number, volume_a: number, volume_b: number, latent_distance: number}} Comparison */
/** @typedef {"ab"|"as"|"bs"} Pair   A and B; A or B and what is shown */

/** What each number is, for those who have not met it. */
const MEANT = {
  iou: "volume that both fill, of the volume that either fills",
  chamfer: "mean distance of one surface from the other, there and back; the cube is 2 wide",
  f_score: "surface that lies close to the other's",
  volume: "of the first, and of the second",
  latent_distance: "between the two latents",
};

/** @param {Comparison} found @returns {{name: string, value: string, meant: string}[]} */
export function rows({ iou, chamfer, f_score: fScore, volume_a: first, volume_b: second, latent_distance: distance }) {
  return [
    { name: "IoU", value: percent(iou), meant: MEANT.iou },
    { name: "F-score", value: percent(fScore), meant: MEANT.f_score },
    { name: "Chamfer distance", value: chamfer.toFixed(4), meant: MEANT.chamfer },
    { name: "Volume", value: `${volume(first)} and ${volume(second)}`, meant: MEANT.volume },
    { name: "Latent distance", value: distance.toFixed(2), meant: MEANT.latent_distance },
  ];
}

/** The comparison in a sentence. @param {Comparison} found */
export function inWords({ iou }) {
  if (iou > 0.97) return "As good as the same shape.";
  if (iou > 0.8) return "Much the same shape.";
  if (iou > 0.5) return "Shapes of one kind that differ.";
  return iou > 0.2 ? "Different shapes." : "Shapes that share hardly any space.";
}

/** The places that a pair is of; null where one is not there or is no latent. @param {any} state @param {Pair} pair @returns {[string, string]|null} */
export function placesOf(state, pair) {
  const { a, b } = state.view;
  const spot = spotOf(state);
  if (!a || !b) return null;
  const shown = spot.of === "weights" && !spot.at ? null : placeText(spot);
  const both = { ab: [a, b], as: [a, shown], bs: [b, shown] }[pair];
  return both.every(Boolean) ? /** @type {[string, string]} */ (both) : null;
}

/** A view at rest for so long is compared. */
const REST_MS = 500;

/** @param {import("./state.js").Store} store */
export function compare(store) {
  const host = byId("compare");
  const note = el("p", { class: "muted", role: "status" });
  const body = el("tbody", {});
  const table = el("table", { class: "numbers", hidden: true }, el("caption", { class: "hidden" }, "Two decoded networks compared"), body);
  const pairs = /** @type {Pair[]} */ (["ab", "as", "bs"]);
  const radios = pairs.map((pair) => el("input", { type: "radio", name: "pair", value: pair, checked: pair === "ab" }));
  const names = { ab: "A and B", as: "A and what is shown", bs: "B and what is shown" };
  const choice = el("fieldset", { class: "switch" }, el("legend", { class: "hidden" }, "What is compared"),
    ...radios.map((radio, i) => el("label", {}, radio, el("span", {}, names[pairs[i]]))));
  host.append(choice, table, note);
  const ask = newest((signal, a, b) => api.compare(a, b, signal));
  const pairNow = () => /** @type {Pair} */ (radios.find((radio) => radio.checked)?.value ?? "ab");
  let told = "";
  let inSight = false;
  let timer = 0;

  /** @param {Comparison} found */
  function draw(found) {
    body.replaceChildren(...rows(found).map(({ name, value, meant }) =>
      el("tr", {}, el("th", { scope: "row" }, name, el("small", {}, meant)), el("td", {}, value))));
    table.hidden = false;
    note.textContent = inWords(found);
    host.dataset.state = "known";
  }

  async function run() {
    const places = placesOf(store.get(), pairNow());
    if (!places) {
      told = "";
      table.hidden = true;
      host.dataset.state = "idle";
      note.textContent = store.get().view.b ? "Averaged raw weights have no latent: they are not compared." : "Pick A and B to compare them.";
      return;
    }
    if (told === places.join("\n")) return;
    told = places.join("\n");
    host.dataset.state = "busy";
    note.textContent = "Comparing …";
    try {
      const found = await ask(...places);
      if (found) draw(found);
    } catch (error) {
      told = "";
      table.hidden = true;
      host.dataset.state = "failed";
      note.textContent = `${error.title ?? "Not compared"}. ${error.detail ?? error.message}`;
    }
  }

  function later() {
    clearTimeout(timer);
    if (inSight) timer = setTimeout(run, REST_MS);
  }

  for (const radio of radios) radio.addEventListener("change", run);
  new IntersectionObserver((entries) => {
    inSight = entries.some((entry) => entry.isIntersecting);
    later();
  }).observe(host);
  store.subscribe((state, before) => {
    if (state.view !== before.view || state.jobs !== before.jobs) later();
  });
}
