/** The network of a space of classifiers at this point, in the place of a shape: architecture, accuracy, classes; and how the gallery's twins do. */

import { accuracyWords, classifierAt, inkOf, sourceWords, twinsSummary } from "./accuracy.js";
import { twinLayout, twinTraces } from "./accuracyplot.js";
import * as api from "./api.js";
import { byId, darkScheme, el } from "./dom.js";
import { newest } from "./newest.js";
import { CONFIG, plotly } from "./plotly.js";
import { architectureNames, architectureOf, pointsOf, spotOf, taskOf } from "./state.js";
import { percent, position, sentence } from "./words.js";

/** @typedef {import("./state.js").State} State */

/** Milliseconds after which a view counts as at rest. */
const REST_MS = 300;
/** Refusals that are told where the classes would stand, and nowhere else. */
const TOLD = ["images-missing", "no-network", "shape-mismatch"];

/** A bar for each row. @param {{name: string, share: number|null, ink?: string}[]} rows */
const bars = (rows) => rows.flatMap(({ name, share, ink }) => {
  const bar = el("span", { class: "bar" });
  bar.style.setProperty("--share", String(share ?? 0));
  if (ink) bar.style.setProperty("--ink", ink);
  return [el("dt", {}, name), el("dd", {}, bar, el("span", {}, share === null ? "–" : percent(share)))];
});

/** @param {import("./state.js").Store} store @param {(error: unknown) => void} fail */
export function classifier(store, fail) {
  const host = byId("classifier");
  const fetchClasses = newest((signal, spot) => api.classes(spot, signal));
  const twinsPlot = byId("twins");
  /** @type {string|null} */
  let asked = null;
  let resting = 0;

  /** @param {State} state */
  function drawHere(state) {
    const spot = spotOf(state);
    const { point, exact } = classifierAt(/** @type {import("./api.js").ClassifierPoint[]} */ (pointsOf(state, spot) ?? []), spot.t);
    const names = architectureNames(state);
    /** @param {string} name */
    const ink = (name) => inkOf(names.indexOf(name), darkScheme.matches);
    host.dataset.architecture = point?.architecture ?? "";
    byId("here-t").textContent = spot.a === spot.b ? "" : `t = ${position(spot.t)}`;
    byId("here-name").textContent = point?.architecture ?? "…";
    byId("here-name").style.setProperty("--ink", point ? ink(point.architecture) : "");
    byId("here-accuracy").textContent = point ? `${exact ? "" : "≈ "}${accuracyWords(point.accuracy)}` : "…";
    byId("here-source").textContent = !point ? "" : exact ? `right: ${sourceWords(point.accuracy_from)}` : "right: between two points that were asked for";
    const shares = Object.entries(point?.probabilities ?? {}).map(([name, share]) => ({ name, share, ink: ink(name) }));
    byId("here-shares").replaceChildren(...bars(shares.length > 1 ? shares : []));
  }

  /** Class by class, once the view rests: while it moves nobody asks for so many images at every step. @param {State} state */
  function drawClasses(state) {
    const spot = spotOf(state);
    const key = spot.a && spot.b ? JSON.stringify(spot) : "";
    if (key === asked) return;
    asked = key;
    clearTimeout(resting);
    fetchClasses.cancel();
    byId("classes").replaceChildren();
    byId("classes-note").textContent = key ? "Asking …" : "Pick A and B first.";
    if (key) resting = setTimeout(() => tellClasses(spot, key), REST_MS);
  }

  /** @param {import("./state.js").Spot} spot @param {string} key */
  async function tellClasses(spot, key) {
    const note = byId("classes-note");
    try {
      const found = await fetchClasses(spot);
      if (!found || key !== asked) return;
      byId("classes").replaceChildren(...bars(found.classes.map(({ name, accuracy }) => ({ name, share: accuracy }))));
      note.textContent = `On ${found.images} test images.`;
    } catch (error) {
      if (key !== asked) return;
      note.textContent = sentence(error.detail || error.message);
      if (!TOLD.includes(error.slug)) fail(error);
    }
  }

  /** @param {State} state @returns {{id: string, name: string, architecture: string, input: number, decoded: number}[]} */
  const twinsOf = (state) => state.latents
    .filter(({ origin }) => origin === "gallery")
    .flatMap((latent) => {
      const { id, name, accuracy: input, properties: { decoded_accuracy: decoded } } = latent;
      if (typeof input !== "number" || typeof decoded !== "number") return [];
      return [{ id, name, architecture: architectureOf(state, latent)?.name ?? "", input, decoded }];
    });

  /** @param {State} state */
  async function drawTwins(state) {
    const twins = twinsOf(state);
    byId("twins-note").textContent = twinsSummary(twins);
    twinsPlot.hidden = !twins.length;
    if (!twins.length) return;
    const Plotly = await plotly();
    const first = !twinsPlot.dataset.points;
    await Plotly.react(twinsPlot, twinTraces(twins, architectureNames(state)), twinLayout(twins), CONFIG);
    twinsPlot.dataset.points = String(twins.length);
    if (first) /** @type {any} */ (twinsPlot).on("plotly_click", (/** @type {{points: {customdata: string}[]}} */ { points: [{ customdata }] }) => store.look({ b: customdata, t: 1 }));
  }

  /** @param {State} state @param {State|null} before */
  function draw(state, before) {
    const on = taskOf(state) === "classifier";
    // What says which job or place is shown stands where the network is shown.
    const watch = byId("watch");
    if (on !== host.contains(watch)) (on ? /** @type {Element} */ (host.firstElementChild) : byId("stage")).prepend(watch);
    if (!on) return;
    drawHere(state);
    drawClasses(state);
    if (!before || state.latents !== before.latents || state.spaces !== before.spaces || state.view.space !== before.view.space) drawTwins(state).catch(fail);
  }

  darkScheme.onChange(() => draw(store.get(), null));
  store.subscribe(draw);
}
