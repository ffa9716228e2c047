/** The line, plotted: volume and number of parts of every point, or accuracy and architecture. Plotly is loaded when the plot is first seen. */

import { accuracySummary } from "./accuracy.js";
import { accuracyLayout, accuracyTraces, weightTraces } from "./accuracyplot.js";
import { byId, darkScheme, painted, put, token } from "./dom.js";
import { CONFIG, plotly, quietAxis, quietLayout } from "./plotly.js";
import { architectureNames, pointsOf, reach, sameLine, snap, taskOf } from "./state.js";
import { lineSummary } from "./words.js";

/** @typedef {import("./api.js").Point} Point */

const MEASURING = "Measuring the networks along this line …";

/** Points -> traces: volume above, parts below, what is missing marked on the axis. @param {import("./api.js").Point[]} points */
function traces(points) {
  const x = points.map((p) => p.t);
  const [line, parts] = [token("--text"), token("--muted")];
  const empty = points.filter((p) => p.empty);
  return [
    {
      x, y: points.map((p) => (p.empty ? null : p.volume)), name: "volume", mode: "lines+markers", connectgaps: false,
      line: { color: line, width: 2 }, marker: { size: 6, color: x, cmin: 0, cmax: 1, colorscale: [[0, token("--a")], [1, token("--b")]] },
      hovertemplate: "volume %{y:.3f}<extra></extra>",
    },
    {
      x, y: points.map((p) => p.parts), name: "parts", mode: "lines", yaxis: "y2",
      line: { color: parts, width: 2, shape: "hvh" }, fill: "tozeroy", fillcolor: token("--wash"),
      hovertemplate: "%{y} part(s)<extra></extra>",
    },
    missing(empty, "--warn", "no surface"),
  ];
}

/** @param {Point[]} empty @param {string} ink @param {string} name */
const missing = (empty, ink, name) => ({
  x: empty.map((p) => p.t), y: empty.map(() => 0), name, mode: "markers", yaxis: "y2", cliponaxis: false,
  marker: { symbol: "x-thin", size: 9, line: { width: 2, color: token(ink) } }, hovertemplate: `${name}<extra></extra>`,
});

/** The same line through raw weights, dashed: read beside the other, not instead of it. @param {Point[]} points */
function tracesBeside(points) {
  const x = points.map((p) => p.t);
  const line = { color: token("--warn"), width: 2, dash: "dash" };
  return [
    { x, y: points.map((p) => (p.empty ? null : p.volume)), name: "raw weights", mode: "lines", connectgaps: false, line, hovertemplate: "raw weights: volume %{y:.3f}<extra></extra>" },
    { x, y: points.map((p) => p.parts), name: "raw weights", mode: "lines", yaxis: "y2", line: { ...line, shape: "hvh" }, hovertemplate: "raw weights: %{y} part(s)<extra></extra>" },
    missing(points.filter((p) => p.empty), "--warn", "raw weights: no surface"),
  ];
}

/** Where the view is, and which part of the line is extrapolated. @param {number} t @param {[number, number]} range */
const cursor = (t, [low, high]) => [...shades(low, high), { type: "line", x0: t, x1: t, yref: "paper", y0: 0, y1: 1, line: { color: token("--accent"), width: 2 } }];

/** @param {number} low @param {number} high */
function shades(low, high) {
  /** @param {number} x0 @param {number} x1 */
  const shade = (x0, x1) => ({ type: "rect", x0, x1, yref: "paper", y0: 0, y1: 1, line: { width: 0 }, fillcolor: token("--wash"), layer: "below" });
  return [...(low < 0 ? [shade(low, 0)] : []), ...(high > 1 ? [shade(1, high)] : [])];
}

/** @param {Point[]} points @param {[number, number]} range @param {object[]} shapes */
function layout(points, range, shapes) {
  const axis = quietAxis();
  const most = Math.max(1, ...points.map((p) => p.parts));
  return {
    ...quietLayout(), margin: { l: 48, r: 14, t: 8, b: 40 },
    xaxis: { ...axis, range: [range[0] - 0.015, range[1] + 0.015], title: { text: "t, from A to B" }, anchor: "y2", dtick: 0.25 },
    yaxis: { ...axis, domain: [0.42, 1], title: { text: "volume" }, rangemode: "tozero", nticks: 5 },
    yaxis2: {
      ...axis, domain: [0, 0.3], title: { text: "parts" }, range: [0, most * 1.15],
      tickformat: "d", dtick: Math.max(1, Math.ceil(most / 3)),
    },
    shapes,
  };
}

/**
 * The points are those of its task: shapes or classifiers.
 * @typedef {object} Kind
 * @property {(points: any[], names: string[]) => object[]} traces
 * @property {(points: any[]) => object[]} beside
 * @property {(points: any[], range: [number, number], shapes: object[]) => object} layout
 * @property {(points: any[], beside: any[]) => string} summary
 * @property {boolean} always
 */

/** How lines of each task are plotted and told; raw weights beside them are asked for, or, if they take no stage, always there. */
/** @type {Record<"sdf"|"classifier", Kind>} */
const KINDS = {
  sdf: { traces, beside: tracesBeside, layout, summary: lineSummary, always: false },
  classifier: { traces: accuracyTraces, beside: weightTraces, layout: accuracyLayout, summary: accuracySummary, always: true },
};

/** @template {{t: number}} P @param {P[]} points @param {[number, number]} range */
const within = (points, [low, high]) => points.filter(({ t }) => t >= low - 1e-6 && t <= high + 1e-6);

/** @param {import("./state.js").Store} store @param {(error: unknown) => void} fail */
export function plot(store, fail) {
  const host = byId("plot");
  const note = byId("plot-note");
  let seen = false;
  /** Plotly, once it has drawn. @type {any} */
  let drawn = null;

  async function draw() {
    const { view } = store.get();
    const kind = KINDS[taskOf(store.get())];
    const known = pointsOf(store.get(), view);
    const range = reach(view);
    const wanted = view.of === "latent" && (view.beside || kind.always);
    const raw = (wanted && pointsOf(store.get(), { ...view, of: "weights" })) || [];
    host.classList.toggle("stale", !known && Boolean(drawn));
    put(note, known ? kind.summary(within(known, range), within(raw, range)) : view.b ? MEASURING : "Pick A and B to see their line.");
    if (!known || !seen) return;
    const Plotly = await plotly();
    const now = store.get();
    if (pointsOf(now, now.view) !== known) return;
    const [points, others] = [known, raw].map((all) => within(all, range));
    const all = [...kind.traces(points, architectureNames(now)), ...(others.length ? kind.beside(others) : [])];
    await Plotly.react(host, all, kind.layout([...points, ...others], range, cursor(now.view.t, range)), CONFIG);
    if (!drawn) /** @type {any} */ (host).on("plotly_click", (/** @type {{points: {x: number}[]}} */ { points: [{ x }] }) => store.look({ t: snap(x, store.get().view.beyond) }));
    drawn = Plotly;
    host.dataset.points = String(points.length);
  }
  const tryDraw = () => draw().catch((error) => {
    note.textContent = error.message;
    fail(error);
  });

  // Before the networks are there the page is short, and everything in sight.
  const once = store.subscribe(async ({ phase }) => {
    if (phase !== "ready") return;
    once();
    await painted();
    new IntersectionObserver((entries, observer) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      seen = true;
      tryDraw();
    }).observe(host);
  });

  darkScheme.onChange(tryDraw);
  store.subscribe((state, before) => {
    const { view } = state;
    const redraw = view.beyond !== before.view.beyond || view.beside !== before.view.beside || !sameLine(view, before.view);
    if (state.lines !== before.lines || redraw) tryDraw();
    else if (drawn && view.t !== before.view.t) drawn.relayout(host, { shapes: cursor(view.t, reach(view)) });
  });
  tryDraw();
}
