/** Failures and news, in words, at the foot of the page. */

import { lost } from "./connection.js";
import { byId, el } from "./dom.js";

const NEWS_MS = 6000;

/**
 * An error stays until it is dismissed; the same one is not shown twice. A server that is gone is told of in one place.
 * @param {any} error with words, as a ProblemError, or whatever else was thrown
 * @param {{label: string, run: () => void}} [action]
 */
export function showError(error, action) {
  if (error.slug === "unreachable") return lost(String(action?.run ?? ""), action?.run);
  console.info("shown to the person:", error);
  const title = error.title ?? "Something went wrong";
  const detail = error.detail ?? error.message ?? String(error);
  add(title, detail === title ? "" : detail, "error", action);
}

/** @param {string} text */
export function showNews(text) {
  const node = add(text, "", "news");
  setTimeout(() => node.remove(), NEWS_MS);
}

/** @param {string} title @param {string} detail @param {"error"|"news"} kind @param {{label: string, run: () => void}} [action] */
function add(title, detail, kind, action) {
  const host = byId("notices");
  const key = `${kind}|${title}|${detail}`;
  [.../** @type {NodeListOf<HTMLElement>} */ (host.querySelectorAll(".notice"))].find((child) => child.dataset.key === key)?.remove();
  const node = el("div", { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" });
  node.dataset.key = key;
  const close = el("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => node.remove() }, "×");
  const words = el("div", {}, el("strong", {}, title), detail && el("p", {}, detail));
  const retry = action && el("button", { type: "button", onclick: () => (node.remove(), action.run()) }, action.label);
  node.append(words, ...(retry ? [retry, close] : [close]));
  host.append(node);
  return node;
}
