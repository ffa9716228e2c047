/** The card beside the pointer: which network this is. */

import { pictureURL } from "./api.js";
import { factsOf, inWords, wordsOf } from "./colouring.js";
import { el } from "./dom.js";

const SHOWN = 6;
/** Little tells networks apart by these. */
const DULL = ["architecture", "fit_iou"];

/** A latent's properties, the one that colours the map first. @param {import("./api.js").Latent} latent @param {string} [first] @returns {[string, string][]} */
export function properties(latent, first = "") {
  const facts = Object.entries(factsOf(latent)).filter(([name, value]) => value !== undefined && value !== null && !DULL.includes(name));
  /** @param {[string, unknown]} fact */
  const rank = ([name, value]) => (name === first ? 0 : typeof value === "string" ? 1 : name.startsWith("agreement") ? 2 : 3);
  return facts.sort((p, q) => rank(p) - rank(q)).map(([name, value]) => [wordsOf(name), inWords(value)]);
}

/** @param {HTMLElement} host */
export function hoverCard(host) {
  const card = el("div", { class: "hover-card", hidden: true, "aria-hidden": "true" });
  host.append(card);
  let shown = "";

  /** @param {import("./api.js").Latent} latent @param {string} first */
  function fill(latent, first) {
    const rows = properties(latent, first).slice(0, SHOWN).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
    card.replaceChildren(
      el("img", { alt: "", width: 88, height: 88, src: latent.picture ?? pictureURL(latent.id) }),
      el("div", {}, el("strong", {}, latent.name), el("dl", {}, ...rows)));
  }

  return {
    /** @param {import("./api.js").Latent|null|undefined} latent @param {number} x @param {number} y @param {string} first */
    show(latent, x, y, first) {
      card.hidden = !latent;
      if (!latent) return;
      if (shown !== `${latent.id} ${first}`) fill(latent, first);
      shown = `${latent.id} ${first}`;
      const left = x + 20 + card.offsetWidth > host.clientWidth ? Math.max(4, x - 20 - card.offsetWidth) : x + 20;
      const top = Math.min(Math.max(4, y - card.offsetHeight / 2), host.clientHeight - card.offsetHeight - 4);
      card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
    },
  };
}
