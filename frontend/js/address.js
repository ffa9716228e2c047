/** The view in the browser's address: picks make history; t, and going from place to place, do not. */

import { queryFromView, sameLine } from "./state.js";

/** Browsers limit how often an address may change: while the view moves, it follows this often. */
const REPLACE_MS = 200;

/**
 * @param {import("./state.js").Store} store
 * @param {(search: string) => void} moved somebody went back or forward
 */
export function address(store, moved) {
  let replacing = 0;
  let replaced = -REPLACE_MS;
  const replace = (/** @type {string} */ url) => {
    replaced = performance.now();
    history.replaceState(null, "", url);
  };
  store.subscribe(({ view }, { view: before }) => {
    if (view === before) return;
    clearTimeout(replacing);
    const url = location.pathname + queryFromView(view);
    if (url === location.pathname + location.search) return;
    const first = !before.a || !before.b;
    const slid = view.at && before.at && sameLine({ ...view, at: before.at }, before);
    const pick = (!slid && !sameLine(view, before)) || view.space !== before.space;
    if (pick && !first) history.pushState(null, "", url);
    else if (performance.now() >= replaced + REPLACE_MS) replace(url);
    else replacing = setTimeout(replace, replaced + REPLACE_MS - performance.now(), url);
  });
  addEventListener("popstate", () => {
    clearTimeout(replacing);
    moved(location.search);
  });
}
