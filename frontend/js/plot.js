/** The line, plotted: volume and number of parts of every point. Plotly is loaded when the plot is first seen. */

import { byId, darkScheme, token } from "./dom.js";
import { CONFIG, plotly, quietAxis, quietLayout } from "./plotly.js";
import { pointsOf, sameLine, snap } from "./state.js";
import { lineSummary } from "./words.js";

const MEASURING = "Measuring the networks along this line …";

/** Points -> traces: volume above, parts below, what is missing marked on the axis. */
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
    {
      x: empty.map((p) => p.t), y: empty.map(() => 0), name: "no surface", mode: "markers", yaxis: "y2", cliponaxis: false,
      marker: { symbol: "x-thin", size: 9, line: { width: 2, color: token("--warn") } }, hovertemplate: "no surface<extra></extra>",
    },
  ];
}

const cursor = (t) => [{ type: "line", x0: t, x1: t, yref: "paper", y0: 0, y1: 1, line: { color: token("--accent"), width: 2 } }];

function layout(points, t) {
  const axis = quietAxis();
  const most = Math.max(1, ...points.map((p) => p.parts));
  return {
    ...quietLayout(), margin: { l: 48, r: 14, t: 8, b: 40 },
    xaxis: { ...axis, range: [-0.015, 1.015], title: { text: "t, from A to B" }, anchor: "y2", tickvals: [0, 0.25, 0.5, 0.75, 1] },
    yaxis: { ...axis, domain: [0.42, 1], title: { text: "volume" }, rangemode: "tozero", nticks: 5 },
    yaxis2: {
      ...axis, domain: [0, 0.3], title: { text: "parts" }, range: [0, most * 1.15],
      tickformat: "d", dtick: Math.max(1, Math.ceil(most / 3)),
    },
    shapes: cursor(t),
  };
}

/** @param {import("./state.js").Store} store @param {(error: unknown) => void} fail */
export function plot(store, fail) {
  const host = byId("plot");
  const note = byId("plot-note");
  let seen = false;
  let drawn = null;

  async function draw() {
    const state = store.get();
    const known = pointsOf(state, state.view);
    host.classList.toggle("stale", !known && Boolean(drawn));
    note.textContent = known ? lineSummary(known) : state.view.b ? MEASURING : "Pick A and B to see their line.";
    if (!known || !seen) return;
    const Plotly = await plotly();
    const { view } = store.get();
    if (pointsOf(store.get(), view) !== known) return;
    await Plotly.react(host, traces(known), layout(known, view.t), CONFIG);
    if (!drawn) /** @type {any} */ (host).on("plotly_click", ({ points }) => store.look({ t: snap(points[0].x, store.get().view.beyond) }));
    drawn = Plotly;
    host.dataset.points = String(known.length);
  }
  const tryDraw = () => draw().catch((error) => {
    note.textContent = error.message;
    fail(error);
  });

  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    seen = true;
    tryDraw();
  }, { rootMargin: "80px" }).observe(host);

  darkScheme.onChange(tryDraw);
  store.subscribe((state, before) => {
    if (state.lines !== before.lines || !sameLine(state.view, before.view)) tryDraw();
    else if (drawn && state.view.t !== before.view.t) drawn.relayout(host, { shapes: cursor(state.view.t) });
  });
  tryDraw();
}
