/** Keys of the page: one table that both the keyboard and the help read. */

/**
 * @typedef {"back"|"on"|"backFar"|"onFar"|"toA"|"toB"|"play"|"swap"|"chance"|"undo"|"redo"|"galleryA"|"galleryB"|"map"|
 *   "weights"|"dark"|"code"|"record"|"compare"|"help"} Action
 */
/** @typedef {{key: string, shift?: boolean, control?: boolean}} Chord control: Ctrl, or Cmd on a Mac; shift only where it matters */
/** @typedef {{action: Action, says: string, chords: Chord[], group: string}} Shortcut */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { group: "The line", action: "back", says: "A step towards A", chords: [{ key: "ArrowLeft", shift: false }] },
  { group: "The line", action: "on", says: "A step towards B", chords: [{ key: "ArrowRight", shift: false }] },
  { group: "The line", action: "backFar", says: "Ten steps towards A", chords: [{ key: "ArrowLeft", shift: true }] },
  { group: "The line", action: "onFar", says: "Ten steps towards B", chords: [{ key: "ArrowRight", shift: true }] },
  { group: "The line", action: "toA", says: "To A", chords: [{ key: "a" }] },
  { group: "The line", action: "toB", says: "To B", chords: [{ key: "b" }] },
  { group: "The line", action: "play", says: "Play or pause", chords: [{ key: " " }] },
  { group: "The line", action: "swap", says: "Swap A and B", chords: [{ key: "x" }] },
  { group: "The line", action: "chance", says: "A pair by chance", chords: [{ key: "r" }] },
  { group: "The line", action: "weights", says: "Latents or raw weights", chords: [{ key: "w" }] },
  { group: "Places", action: "galleryA", says: "To the choices for A", chords: [{ key: "1" }] },
  { group: "Places", action: "galleryB", says: "To the choices for B", chords: [{ key: "2" }] },
  { group: "Places", action: "map", says: "To the map", chords: [{ key: "m" }] },
  { group: "Places", action: "compare", says: "To the comparison", chords: [{ key: "n" }] },
  { group: "The page", action: "undo", says: "Undo", chords: [{ key: "u", shift: false }, { key: "z", control: true, shift: false }] },
  { group: "The page", action: "redo", says: "Redo", chords: [{ key: "u", shift: true }, { key: "z", control: true, shift: true }, { key: "y", control: true }] },
  { group: "The page", action: "code", says: "This view as code", chords: [{ key: "c" }] },
  { group: "The page", action: "record", says: "Record a video", chords: [{ key: "v" }] },
  { group: "The page", action: "dark", says: "Dark or light", chords: [{ key: "d" }] },
  { group: "The page", action: "help", says: "These keys", chords: [{ key: "?" }] },
];

const NAMES = /** @type {Record<string, string>} */ ({ ArrowLeft: "←", ArrowRight: "→", " ": "Space" });

/** A chord in words: "Ctrl+Shift+Z". @param {Chord} chord */
export const chordName = ({ key, shift, control }) =>
  [control && "Ctrl", shift && "Shift", NAMES[key] ?? key.toUpperCase()].filter(Boolean).join("+");

/** @param {Chord} chord @param {Pick<KeyboardEvent, "key"|"shiftKey"|"ctrlKey"|"metaKey"|"altKey">} event */
function fits(chord, event) {
  const control = event.ctrlKey || event.metaKey;
  if (event.altKey || control !== Boolean(chord.control)) return false;
  if (chord.shift !== undefined && chord.shift !== event.shiftKey) return false;
  return event.key.toLowerCase() === chord.key.toLowerCase();
}

/** Elements that make something of a key themselves, by selector; a key that is none of theirs is the page's. */
const OWNERS = [
  { selector: "input:not([type=range], [type=radio], [type=checkbox], [type=file]), textarea, select, [contenteditable]", keys: /./ },
  { selector: "input[type=range], input[type=radio]", keys: /^Arrow|^Home$|^End$|^ $/ },
  { selector: "button, summary, a[href], input[type=checkbox], input[type=file], [role=button], [role=link]", keys: /^ $|^Enter$/ },
  { selector: "[data-keys]", keys: /^Arrow/ },
];

/** Whether the element makes something of this key. @param {Element|null} target @param {string} key */
export const isOwn = (target, key) => OWNERS.some(({ selector, keys }) => keys.test(key) && Boolean(target?.closest(selector)));

/**
 * The action that a key means here, or null. Only the arrows go on while they are held.
 * @param {KeyboardEvent} event
 * @returns {Action|null}
 */
export function actionOf(event) {
  if (event.repeat && !event.key.startsWith("Arrow")) return null;
  const found = SHORTCUTS.find(({ chords }) => chords.some((chord) => fits(chord, event)));
  const target = /** @type {Element|null} */ (event.target);
  return found && !isOwn(target, event.key) ? found.action : null;
}

/**
 * Listens for keys. What has no `act` here is left to the browser.
 * @param {Partial<Record<Action, () => void>>} acts
 * @param {object} when
 * @param {() => boolean} when.singles   whether keys without Ctrl count: who dictates or types by switches turns them off
 * @param {() => boolean} [when.modal]   whether a dialog is open, which the keys are for then
 */
export function shortcuts(acts, { singles, modal = () => Boolean(document.querySelector("dialog[open]")) }) {
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || modal()) return;
    const action = actionOf(event);
    const act = action && acts[action];
    if (!act || !(singles() || event.ctrlKey || event.metaKey || action === "help")) return;
    event.preventDefault();
    act();
  });
}
