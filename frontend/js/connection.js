/** A server that is gone: said once, asked for again and again, and what failed is done when it is back. */

import { alive } from "./api.js";
import { byId, el } from "./dom.js";

/** Seconds between two looks; then always the last. */
const WAITS = [1, 2, 4, 8, 15];
/** Who is lost again this soon after being back, in milliseconds, waits as long as before. */
const SOON_MS = 20_000;

/** @typedef {{label: string, run: () => void}} Action */

/** What to do when the server is back. @type {Map<string, () => void>} */
const waiting = new Map();
let [looks, since, left, timer] = [0, -Infinity, 0, 0];
/** @type {HTMLElement|null} */
let notice = null;
let words = el("span");

/**
 * The server did not answer.
 * @param {string} what names the action, so that the newest of each is done
 * @param {() => void} [run] done once the server is there again
 */
export function lost(what, run) {
  if (run) waiting.set(what, run);
  if (notice) return;
  if (Date.now() - since > SOON_MS) looks = 0;
  words = el("span", { class: "lost-words" });
  const now = el("button", { type: "button", onclick: look }, "Try again");
  notice = el("div", { class: "notice error lost", role: "status" }, el("div", {}, el("strong", {}, "The server did not answer"), el("p", {}, "What is here stays; the page keeps trying. ", words)), now);
  byId("notices").prepend(notice);
  document.body.dataset.lost = "true";
  wait();
}

function wait() {
  left = WAITS[Math.min(looks, WAITS.length - 1)];
  looks += 1;
  tick();
}

function tick() {
  clearTimeout(timer);
  words.textContent = left > 0 ? `Next look in ${left} s.` : "Looking …";
  if (left <= 0) return void look();
  left -= 1;
  timer = setTimeout(tick, 1000);
}

async function look() {
  clearTimeout(timer);
  if (await alive()) return back();
  if (notice) wait();
}

function back() {
  if (!notice) return;
  notice.remove();
  notice = null;
  since = Date.now();
  delete document.body.dataset.lost;
  const runs = [...waiting.values()];
  waiting.clear();
  for (const run of runs) run();
}
