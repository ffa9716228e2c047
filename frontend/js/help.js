/** The help: every key of the page, in a dialog. */

import { el } from "./dom.js";
import { recall, remember } from "./memory.js";
import { SHORTCUTS, chordName } from "./shortcuts.js";

/** A native dialog with a heading and a button that closes it; it gives the focus back. @param {string} id @param {string} title @param {...Node} content */
export function dialog(id, title, ...content) {
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: () => node.close() }, "×");
  const head = el("div", { class: "dialog-head" }, el("h2", { id: `${id}-heading` }, title), close);
  const node = el("dialog", { id, class: "dialog", "aria-labelledby": `${id}-heading` }, head, ...content);
  node.addEventListener("click", (event) => event.target === node && node.close()); // the backdrop
  document.body.append(node);
  return node;
}

/** @param {import("./shortcuts.js").Chord[]} chords */
const keys = (chords) => chords.flatMap((chord, i) => [...(i ? [" or "] : []), el("kbd", {}, chordName(chord))]);

/** @param {string} group */
function groupOf(group) {
  const rows = SHORTCUTS.filter((shortcut) => shortcut.group === group).map(({ says, chords }) =>
    el("div", {}, el("dt", {}, ...keys(chords)), el("dd", {}, says)));
  return el("section", {}, el("h3", {}, group), el("dl", { class: "keys" }, ...rows));
}

/** @returns {{show: () => void, singles: () => boolean}} `singles`: whether keys without Ctrl count */
export function help() {
  const groups = [...new Set(SHORTCUTS.map(({ group }) => group))].map(groupOf);
  const singles = el("input", { type: "checkbox", checked: recall("localStorage", "singles", true) });
  singles.addEventListener("change", () => remember("localStorage", "singles", singles.checked));
  const choice = el("label", { class: "choice" }, singles, " Single keys do things (those with Ctrl and ? always do)");
  const view = el("p", { class: "muted" }, "In the 3-D view: arrow keys turn, + and − zoom, Home is the first view.");
  const node = dialog("help", "Keys", el("div", { class: "key-groups" }, ...groups), view, choice);
  return { show: () => node.showModal(), singles: () => singles.checked };
}
