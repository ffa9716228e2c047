/** A gallery to pick one end of the line from: native radio buttons, so that arrows, labels and focus just work. */

import * as api from "./api.js";
import { el, put } from "./dom.js";
import { latentOf } from "./state.js";
import { count, traits } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./api.js").Latent} Latent */

/** What is not of the gallery says where it is from. */
/** @type {Record<string, string>} */
const BADGES = { upload: "yours", job: "found", place: "kept" };
/** Cards that are shown at once: more are found by words, or on the map. */
const MOST = 160;
const NOTHING = "Nothing here has all of these words.";

/** @param {import("./api.js").Latent} latent */
function searchText({ name, origin, properties }) {
  return [name, BADGES[origin] ?? "", ...traits(properties)].join(" ").toLowerCase();
}

/** @param {Latent} latent */
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
  /** @param {string} name */
  const part = (name) => /** @type {HTMLElement} */ (host.querySelector(`[data-role=${name}]`));
  const [list, nothing, chosen] = ["list", "nothing", "chosen"].map(part);
  const filter = /** @type {HTMLInputElement} */ (host.querySelector("input[type=search]"));
  /** The cards that are listed, and their radio buttons. */
  const listed = () => [.../** @type {HTMLCollectionOf<HTMLLabelElement>} */ (list.children)];
  /** @param {HTMLLabelElement} label */
  const radioOf = (label) => /** @type {HTMLInputElement} */ (label.firstChild);

  /** @param {Latent} latent */
  function card(latent) {
    const input = el("input", { type: "radio", name: `end-${end}`, value: latent.id });
    const details = traits(latent.properties);
    const mark = BADGES[latent.origin] && el("span", { class: "badge" }, BADGES[latent.origin]);
    const name = el("span", { class: "name" }, latent.name);
    const title = [latent.name, ...details].join("\n");
    const label = el("label", { class: "card", title }, input, picture(latent), mark, name);
    label.dataset.id = latent.id;
    return label;
  }

  /** @type {Map<string, HTMLLabelElement>} */
  const cards = new Map();
  /** @param {Latent} latent */
  const cardOf = (latent) => {
    const made = cards.get(latent.id) ?? card(latent);
    cards.set(latent.id, made);
    return made;
  };

  /** Those that have all the words, the chosen one whatever else; of very many only the first. @param {State} state */
  function fill(state) {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = state.latents.filter((latent) => words.every((word) => searchText(latent).includes(word)));
    const shown = fitting.slice(0, MOST);
    const choice = fitting.find(({ id }) => id === state.view[end]);
    if (choice && !shown.includes(choice)) shown.unshift(choice);
    list.replaceChildren(...shown.map(cardOf));
    const left = fitting.length - shown.length;
    nothing.hidden = fitting.length > 0 && !left;
    nothing.textContent = left ? `${count(left)} more: filter to find them, or pick them on the map.` : state.latents.length ? NOTHING : "";
  }

  /** @param {State} state @param {boolean} reveal */
  function mark(state, reveal) {
    const id = state.view[end];
    for (const label of listed()) {
      const on = label.dataset.id === id;
      radioOf(label).checked = on;
      if (on && reveal) scrollWithin(list, label);
    }
    put(chosen, latentOf(state, id)?.name ?? "nothing chosen");
  }

  filter.addEventListener("input", () => {
    fill(store.get());
    mark(store.get(), false);
  });
  list.addEventListener("change", (event) => store.look({ [end]: /** @type {HTMLInputElement} */ (event.target).value }));
  store.subscribe((state, before) => {
    const refilled = state.latents !== before.latents;
    const moved = state.view[end] !== before.view[end];
    if (refilled || (moved && !cards.get(state.view[end] ?? "")?.isConnected)) fill(state);
    if (refilled || moved) mark(state, !list.contains(document.activeElement));
  });
}

/** Scrolls the list only, never the page. @param {HTMLElement} list @param {HTMLElement} item */
function scrollWithin(list, item) {
  const [outer, inner] = [list.getBoundingClientRect(), item.getBoundingClientRect()];
  const [down, right] = [inner.top - outer.top, inner.left - outer.left];
  if (down < 0 || inner.bottom > outer.bottom) list.scrollTop += down - (outer.height - inner.height) / 2;
  if (right < 0 || inner.right > outer.right) list.scrollLeft += right - (outer.width - inner.width) / 2;
}
