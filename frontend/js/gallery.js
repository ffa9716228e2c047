/** A gallery to pick one end of the line from: native radio buttons, so that arrows, labels and focus just work. */

import * as api from "./api.js";
import { el } from "./dom.js";
import { latentOf } from "./state.js";
import { traits } from "./words.js";

/** What is not of the gallery says where it is from. */
const BADGES = { upload: "yours", job: "found" };

/** @param {import("./api.js").Latent} latent */
function searchText({ name, origin, properties }) {
  return [name, BADGES[origin] ?? "", ...traits(properties)].join(" ").toLowerCase();
}

function picture(latent) {
  const image = el("img", { alt: "", loading: "lazy", decoding: "async", width: 96, height: 96, draggable: false });
  image.addEventListener("error", () => image.classList.add("missing"), { once: true });
  image.src = latent.picture ?? api.pictureURL(latent.id);
  return image;
}

/**
 * @param {HTMLElement} host
 * @param {"a"|"b"} end
 * @param {import("./state.js").Store} store
 */
export function gallery(host, end, store) {
  const list = host.querySelector("[data-role=list]");
  const filter = /** @type {HTMLInputElement} */ (host.querySelector("input[type=search]"));
  const nothing = /** @type {HTMLElement} */ (host.querySelector("[data-role=nothing]"));
  /** The cards that are listed, and their radio buttons. */
  const listed = () => [.../** @type {HTMLCollectionOf<HTMLLabelElement>} */ (list.children)];
  const radioOf = (label) => /** @type {HTMLInputElement} */ (label.firstChild);
  const chosen = host.querySelector("[data-role=chosen]");

  function card(latent) {
    const input = el("input", { type: "radio", name: `end-${end}`, value: latent.id, "data-search": searchText(latent) });
    const details = traits(latent.properties);
    const mark = BADGES[latent.origin] && el("span", { class: "badge" }, BADGES[latent.origin]);
    const name = el("span", { class: "name" }, latent.name);
    const title = [latent.name, ...details].join("\n");
    const label = el("label", { class: "card", title }, input, picture(latent), mark, name);
    label.dataset.id = latent.id;
    return label;
  }

  const cards = new Map();
  function fill(latents) {
    const wanted = latents.map((latent) => {
      if (!cards.has(latent.id)) cards.set(latent.id, card(latent));
      return cards.get(latent.id);
    });
    list.replaceChildren(...wanted);
    sift();
  }

  function sift() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const label of listed()) {
      const text = radioOf(label).dataset.search;
      label.hidden = !words.every((word) => text.includes(word));
      shown += Number(!label.hidden);
    }
    nothing.hidden = shown > 0 || !list.children.length;
  }

  function mark(state, reveal) {
    const id = state.view[end];
    for (const label of listed()) {
      const on = label.dataset.id === id;
      radioOf(label).checked = on;
      if (on && reveal) scrollWithin(list, label);
    }
    chosen.textContent = latentOf(state, id)?.name ?? "nothing chosen";
  }

  filter.addEventListener("input", sift);
  list.addEventListener("change", (event) => store.look({ [end]: /** @type {HTMLInputElement} */ (event.target).value }));
  store.subscribe((state, before) => {
    const refilled = state.latents !== before.latents;
    if (refilled) fill(state.latents);
    const moved = state.view[end] !== before.view[end];
    if (refilled || moved) mark(state, !list.contains(document.activeElement));
  });
}

/** Scrolls the list only, never the page. */
function scrollWithin(list, item) {
  const [outer, inner] = [list.getBoundingClientRect(), item.getBoundingClientRect()];
  const [down, right] = [inner.top - outer.top, inner.left - outer.left];
  if (down < 0 || inner.bottom > outer.bottom) list.scrollTop += down - (outer.height - inner.height) / 2;
  if (right < 0 || inner.right > outer.right) list.scrollLeft += right - (outer.width - inner.width) / 2;
}
