/** Undo and redo: views as they were, kept beside the view. What slides along is one step, whatever its length. */

/** @typedef {import("./state.js").View} View */

const MOST = 100;
/** Slides that follow one another within this time are one. */
const TOGETHER_MS = 600;

/** @param {View} x @param {View} y */
const differing = (x, y) => /** @type {(keyof View)[]} */ (Object.keys(x)).filter((key) => x[key] !== y[key]);

/** Whether only t differs, or only the place among places. @param {View} x @param {View} y */
function slides(x, y) {
  const differ = differing(x, y);
  return differ.length === 1 && (differ[0] === "t" || (differ[0] === "at" && Boolean(x.at && y.at)));
}

/**
 * Keeps `past` and `future` of the store's state.
 * @param {import("./state.js").Store} store
 * @param {(view: import("./state.js").View) => import("./state.js").View} sound makes an old view one that can still be shown
 * @param {() => number} [now]
 */
export function timeline(store, sound, now = Date.now) {
  let travelling = false;
  let slid = -Infinity;

  store.subscribe((state, before) => {
    if (state.playing && !before.playing) slid = -Infinity;
    if (travelling || !before.view.space || !before.view.b || !differing(state.view, before.view).length) return;
    const sliding = slides(state.view, before.view);
    const goesOn = sliding && (state.playing ? slid > -Infinity : now() - slid < TOGETHER_MS);
    slid = sliding ? now() : -Infinity;
    if (!goesOn) store.set({ past: [...state.past, before.view].slice(-MOST), future: [] });
  });

  /** Takes the last of one list to the view, and the view to the other. @param {"past"|"future"} from @param {"past"|"future"} to */
  function travel(from, to) {
    const state = store.get();
    const view = state[from].at(-1);
    if (!view) return false;
    travelling = true;
    slid = -Infinity;
    store.set({ playing: false, view: Object.freeze(sound(view)), [from]: state[from].slice(0, -1), [to]: [...state[to], state.view] });
    travelling = false;
    return true;
  }

  return {
    /** One step back; false where there is none. */
    undo: () => travel("past", "future"),
    /** One step on again; false where there is none. */
    redo: () => travel("future", "past"),
  };
}
