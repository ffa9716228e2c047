/** The view in the browser's address: picks make history; t, and going from place to place, do not. */

import { queryFromView, sameLine } from "./state.js";

/** Browsers limit how often an address may change. */
const REPLACE_MS = 200;

/**
 * @param {import("./state.js").Store} store
 * @param {(search: string) => void} moved somebody went back or forward
 */
export function address(store, moved) {
  let replacing = 0;
  store.subscribe(({ view }, { view: before }) => {
    if (view === before) return;
    clearTimeout(replacing);
    const url = location.pathname + queryFromView(view);
    if (url === location.pathname + location.search) return;
    const first = !before.a || !before.b;
    const slid = view.at && before.at && sameLine({ ...view, at: before.at }, before);
    const pick = (!slid && !sameLine(view, before)) || view.space !== before.space;
    if (pick && !first) history.pushState(null, "", url);
    else replacing = setTimeout(() => history.replaceState(null, "", url), REPLACE_MS);
  });
  addEventListener("popstate", () => {
    clearTimeout(replacing);
    moved(location.search);
  });
}
