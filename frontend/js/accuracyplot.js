/** Plots of classifiers: the line with its architectures in colour, and input against decoded accuracy. */

import { inkOf, sourceWords } from "./accuracy.js";
import { darkScheme, token } from "./dom.js";
import { quietAxis, quietLayout } from "./plotly.js";

/** @typedef {import("./api.js").ClassifierPoint} Point */

/** @param {string[]} names */
const inks = (names) => Object.fromEntries(names.map((name, n) => [name, inkOf(n, darkScheme.matches)]));
/** @param {number|null} value */
const hundredths = (value) => (value === null ? null : 100 * value);

/** The line: accuracy above, what the space takes each latent for below. @param {Point[]} points @param {string[]} names of the architectures, the smallest first */
export function accuracyTraces(points, names) {
  const ink = inks(names);
  const x = points.map((p) => p.t);
  return [
    {
      x, y: points.map((p) => hundredths(p.accuracy)), name: "accuracy", mode: "lines+markers", connectgaps: false,
      line: { color: token("--muted"), width: 1.5 },
      marker: { size: 10, color: points.map((p) => ink[p.architecture]), symbol: points.map((p) => (p.accuracy_from === "estimate" ? "circle-open" : "circle")), line: { width: 2 } },
      text: points.map((p) => `${p.architecture}, ${sourceWords(p.accuracy_from).split(":")[0]}`),
      hovertemplate: "%{y:.1f} % right (%{text})<extra></extra>",
    },
    ...(names.length > 1 ? names : []).map((name) => ({
      x, y: points.map((p) => p.probabilities[name] ?? 0), name, mode: "lines", yaxis: "y2", stackgroup: "architectures",
      line: { width: 0, color: ink[name] }, fillcolor: `${ink[name]}99`, hovertemplate: `${name} %{y:.0%}<extra></extra>`,
    })),
  ];
}

/** The same line through raw weights, dashed. @param {Point[]} points */
export const weightTraces = (points) => [
  {
    x: points.map((p) => p.t), y: points.map((p) => hundredths(p.accuracy)), name: "raw weights", mode: "lines+markers", connectgaps: true,
    line: { color: token("--warn"), width: 2, dash: "dash" }, marker: { size: 5, color: token("--warn") }, hovertemplate: "raw weights: %{y:.1f} %<extra></extra>",
  },
];

/** @param {Point[]} points @param {[number, number]} range of t @param {object[]} shapes */
export function accuracyLayout(points, [low, high], shapes) {
  const axis = quietAxis();
  const several = Object.keys(points[0]?.probabilities ?? {}).length > 1;
  const most = Math.max(0.2, ...points.map((p) => p.accuracy ?? 0));
  return {
    ...quietLayout(), margin: { l: 52, r: 14, t: 8, b: 40 }, shapes,
    xaxis: { ...axis, range: [low - 0.015, high + 0.015], title: { text: "t, from A to B" }, anchor: several ? "y2" : "y", dtick: 0.25 },
    yaxis: { ...axis, domain: [several ? 0.38 : 0, 1], title: { text: "right, %" }, range: [0, Math.min(100, 112 * most)], nticks: 6 },
    ...(several && { yaxis2: { ...axis, domain: [0, 0.28], title: { text: "taken for" }, range: [0, 1], tickformat: ".0%", nticks: 3 } }),
  };
}

/** Networks against their decoded twins. @param {{id: string, name: string, architecture: string, input: number, decoded: number}[]} twins @param {string[]} names */
export function twinTraces(twins, names) {
  const ink = inks(names);
  const groups = names.map((name) => ({ name, own: twins.filter((twin) => twin.architecture === name) })).filter(({ own }) => own.length);
  return groups.map(({ name, own }) => ({
    x: own.map((twin) => 100 * twin.input), y: own.map((twin) => 100 * twin.decoded), customdata: own.map((twin) => twin.id), text: own.map((twin) => twin.name),
    name, mode: "markers", marker: { size: 9, color: ink[name], opacity: 0.85, line: { width: 1, color: token("--panel") } },
    hovertemplate: "%{text}<br>%{x:.1f} % → %{y:.1f} %<extra></extra>",
  }));
}

/** @param {{input: number, decoded: number}[]} twins */
export function twinLayout(twins) {
  const axis = quietAxis();
  const values = twins.flatMap(({ input, decoded }) => [100 * input, 100 * decoded]);
  const [low, high] = [Math.max(0, Math.min(...values) - 4), Math.min(100, Math.max(...values) + 4)];
  const diagonal = { type: "line", x0: low, y0: low, x1: high, y1: high, line: { color: token("--hairline"), width: 1.5 }, layer: "below" };
  return {
    ...quietLayout(), hovermode: "closest", margin: { l: 48, r: 10, t: 6, b: 40 }, shapes: [diagonal], showlegend: true,
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { color: token("--text") } },
    xaxis: { ...axis, range: [low, high], title: { text: "the network, % right" }, nticks: 6 },
    yaxis: { ...axis, range: [low, high], title: { text: "its decoded twin, % right" }, nticks: 6 },
  };
}
