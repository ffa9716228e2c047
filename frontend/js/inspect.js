/** What is looked at, beneath the map: a latent with what is known of it, or a place between latents; else what to do. */

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { properties } from "./hovercard.js";
import { newest } from "./newest.js";
import { latentAt, parsePlace, placeOf } from "./places.js";
import { solidOf } from "./solid.js";
import { latentOf } from "./state.js";
import { percent, plural, volume } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./api.js").Latent} Latent */

const NEIGHBOURS = 5;
/** @type {import("./places.js").Place} */
const NOWHERE = { terms: [], pushes: [] };
const ORIGINS = { gallery: "", upload: "yours", job: "found by a job", place: "kept place" };

/**
 * @param {import("./state.js").Store} store
 * @param {object} act
 * @param {(at: string, name: string) => Promise<import("./api.js").Latent|undefined>} act.keep
 * @param {(latent: import("./api.js").Latent) => void} act.remove
 * @param {(error: unknown) => void} act.fail
 */
export function inspect(store, { keep, remove, fail }) {
  const host = byId("look");
  const fetchLatent = newest((signal, id) => api.latent(id, { signal }));
  /** @type {Map<string, {id: string, name: string, distance: number}[]>} */
  const nearest = new Map();

  /** @param {string} id */
  async function learn(id) {
    if (nearest.has(id)) return;
    try {
      const latent = await fetchLatent(id);
      if (!latent) return;
      nearest.set(id, latent.nearest ?? []);
      draw(store.get());
    } catch (error) {
      fail(error);
    }
  }

  /** @param {Partial<import("./state.js").View>} patch */
  const choose = (patch) => () => store.look(patch);
  /** @param {"a"|"b"} end @param {string} id */
  const use = (end, id) => el("button", { type: "button", class: `small use ${end}`, onclick: choose({ [end]: id, t: end === "a" ? 0 : 1 }) }, `Use as ${end.toUpperCase()}`);
  /** @param {string} id @param {number} side */
  const picture = (id, side) => el("img", { alt: "", width: side, height: side, src: api.pictureURL(id) });

  /** @param {Latent} latent @param {State} state */
  function ofLatent(latent, { view }) {
    const facts = properties(latent, view.colour ?? "").map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
    const own = latent.origin !== "gallery";
    const near = nearest.get(latent.id);
    return [
      el("div", { class: "look-head" }, picture(latent.id, 76),
        el("div", {},
          el("h3", {}, latent.name, own && el("span", { class: "badge" }, ORIGINS[latent.origin] ?? latent.origin)),
          el("p", { class: latent.represented === false ? "muted bad" : "muted" }, latent.verdict),
          el("div", { class: "row" }, use("a", latent.id), use("b", latent.id),
            own && el("button", { type: "button", class: "small quiet", onclick: () => remove(latent) }, "Remove")))),
      el("dl", { class: "facts-list" }, ...facts),
      ...(near?.length ? [neighbours("Nearest in the space", near.slice(0, NEIGHBOURS), (n) => n.distance.toFixed(2))] : []),
    ];
  }

  /** @param {string} at @param {State} state */
  function ofPlace(at, { frame, latents }) {
    const { terms, pushes } = parsePlace(at) ?? NOWHERE;
    const named = terms.map(({ id, weight }) => ({ id, weight, name: latents.find((l) => l.id === id)?.name ?? id })).sort((p, q) => q.weight - p.weight);
    const pushed = pushes.length ? `, moved along ${plural(pushes.length, "direction")}` : "";
    const keeping = el("button", { type: "button", class: "small primary" }, "Keep it");
    keeping.addEventListener("click", () => keepIt(keeping, at, named));
    return [
      el("div", { class: "look-head" },
        el("div", {},
          el("h3", {}, "A place nobody trained"),
          el("p", { class: "muted" }, `A network decoded between ${plural(terms.length, "other")}${pushed}. ${solidWords(frame, at)}`),
          el("div", { class: "row" }, keeping))),
      neighbours("Made of", named.slice(0, NEIGHBOURS), (n) => percent(n.weight)),
    ];
  }

  /** @param {HTMLButtonElement} button @param {string} at @param {{name: string}[]} named */
  async function keepIt(button, at, named) {
    button.disabled = true;
    const latent = await keep(at, `Between ${named.slice(0, 2).map(({ name }) => name).join(" and ")}`.slice(0, 80));
    button.disabled = false;
    if (latent) store.look({ at: placeOf(latent.id) });
  }

  /** @template {{id: string, name: string}} N @param {string} title @param {N[]} items @param {(item: N) => string} note */
  function neighbours(title, items, note) {
    const buttons = items.map((n) =>
      el("button", { type: "button", title: n.name, onclick: choose({ at: placeOf(n.id) }) }, picture(n.id, 44), el("span", {}, note(n)), el("span", { class: "hidden" }, ` ${n.name}`)));
    return el("div", { class: "neighbours" }, el("p", { class: "muted" }, title), el("div", {}, ...buttons));
  }

  let drawn = "";
  /** @param {State} state */
  function draw(state) {
    const { view, latents, phase } = state;
    const id = latentAt(view.at);
    const latent = id && latentOf(state, id);
    const shape = view.at && !id && state.frame?.spot.at === view.at ? state.frame.resolution : 0;
    const key = [phase, view.at, view.colour, latents.length, shape, nearest.has(id ?? "")].join("\n");
    if (key === drawn) return;
    drawn = key;
    host.dataset.at = view.at ?? "";
    if (latent) host.replaceChildren(...ofLatent(latent, state));
    else if (view.at && latents.length) host.replaceChildren(...ofPlace(view.at, state));
    else host.replaceChildren(latents.length ? hint() : el("p", { class: "muted" }, PHASES[phase]));
    if (latent) learn(latent.id);
  }

  store.subscribe(draw);
  draw(store.get());
}

/** What a place's shape is like, once it is there. @param {import("./frames.js").Frame|null} frame @param {string} at */
function solidWords(frame, at) {
  if (frame?.spot.at !== at) return "";
  if (!frame.mesh) return "It has no surface inside the cube.";
  const { volume: v, parts } = solidOf(frame.mesh);
  return `Volume ${volume(v)}, in ${plural(parts, "part")}.`;
}

const hint = () =>
  el("p", { class: "hint" }, el("b", {}, "Every point is a trained network."),
    " Click one to look at it, drag from one to another to walk between them, or click in between: the space decodes a network that nobody trained.");

const PHASES = { loading: "Asking for the networks of this space …", ready: "This space has no networks to show.", empty: "", failed: "The networks of this space are not here yet." };
