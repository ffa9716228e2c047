/** Plotly, loaded when something is plotted first, and what all plots look like. */

import { token } from "./dom.js";

const PLOTLY = "/vendor/plotly.min.js";
export const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false, doubleClick: false, showAxisDragHandles: false };

let loading;
/** Plotly, once. It is a classic script that sets a global. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = PLOTLY;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => reject(new Error(`The plot could not be drawn: ${PLOTLY} did not load.`));
    document.head.append(script);
  });
  return loading;
}

/** A quiet axis, in the page's colours. */
export const quietAxis = () => ({ color: token("--muted"), gridcolor: token("--hairline"), zeroline: false, fixedrange: true, automargin: true });

/** A layout without decoration, in the page's colours. */
export const quietLayout = () => ({
  paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: false, hovermode: "x unified",
  font: { family: token("--font"), size: 12, color: token("--muted") },
  hoverlabel: { bgcolor: token("--panel"), bordercolor: token("--hairline"), font: { color: token("--text") } },
});
