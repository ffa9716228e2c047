/** How a job has gone so far, plotted: the loss of every step, and the value of the best latent. */

import { token } from "./dom.js";
import { CONFIG, plotly, quietAxis, quietLayout } from "./plotly.js";
import { plural } from "./words.js";

/** @typedef {import("./job.js").CurvePoint} CurvePoint */

/** The best value up to each point. @param {import("./job.js").CurvePoint[]} curve */
export function bestSoFar(curve) {
  let best = Infinity;
  return curve.map(([, , value]) => (best = Math.min(best, value)));
}

/** 0.01324 -> "0.0132" @param {number} x */
export const brief = (x) => (x === 0 ? "0" : String(Number(x.toPrecision(3))));

/** The curve in a sentence, for those who do not see it. @param {import("./job.js").CurvePoint[]} curve */
export function curveSummary(curve) {
  if (!curve.length) return "No step has been recorded yet.";
  const best = bestSoFar(curve);
  const last = curve.length - 1;
  return `Best value ${brief(best[last])}, from ${brief(best[0])}, in ${plural(curve[last][0], "step")}; the smaller, the better.`;
}

/** @param {CurvePoint[]} curve */
function traces(curve) {
  const x = curve.map(([step]) => step);
  return [
    { x, y: curve.map(([, loss]) => loss), name: "loss", mode: "lines", line: { color: token("--muted"), width: 1 }, opacity: 0.6, hovertemplate: "loss %{y:.3g}<extra></extra>" },
    { x, y: bestSoFar(curve), name: "best value", mode: "lines", line: { color: token("--accent"), width: 2.5 }, hovertemplate: "best %{y:.3g}<extra></extra>" },
  ];
}

/** @param {CurvePoint[]} curve @param {number} steps */
function layout(curve, steps) {
  const positive = curve.every(([, loss, value]) => loss > 0 && value > 0);
  return {
    ...quietLayout(), margin: { l: 40, r: 8, t: 6, b: 34 }, font: { ...quietLayout().font, size: 11 },
    xaxis: { ...quietAxis(), range: [0, steps], title: { text: "step" }, nticks: 5 },
    yaxis: { ...quietAxis(), type: positive ? "log" : "linear", nticks: 4, tickformat: "~g" },
  };
}

/** Draws into `host`, which tells how many points it shows. @param {HTMLElement} host @param {import("./job.js").Job} job */
export async function drawCurve(host, job) {
  const { curve = [] } = job;
  const Plotly = await plotly();
  if (!host.isConnected) return;
  await Plotly.react(host, traces(curve), layout(curve, job.steps), CONFIG);
  host.dataset.points = String(curve.length);
}
