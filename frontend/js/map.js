/** The map: every network of the space where its latent lies. */

import * as api from "./api.js";
import { colourable, colouring, wordsOf } from "./colouring.js";
import { byId, darkScheme, el, reducedMotion, token } from "./dom.js";
import { hoverCard } from "./hovercard.js";
import { legend } from "./legend.js";
import { newest } from "./newest.js";
import { drawAbove } from "./overlay.js";
import { placeOf, placeUnder } from "./places.js";
import { pointing } from "./pointing.js";
import { Scatter } from "./scatter.js";
import { architectureNames, latentOf } from "./state.js";
import { plural } from "./words.js";

/** @typedef {import("./state.js").State} State */

/** Where a latent lies on the projection that is shown. @param {Pick<State, "map">} state @param {import("./api.js").Latent} latent @returns {[number, number]} */
export const positionOf = ({ map }, latent) => map.places.get(latent.id) ?? latent.position;

/**
 * @param {import("./state.js").Store} store
 * @param {(error: unknown, action?: {label: string, run: () => void}) => void} fail
 */
export function map(store, fail) {
  const host = byId("map");
  const [colour, projection] = ["map-colour", "map-projection"].map((id) => /** @type {HTMLSelectElement} */ (byId(id)));
  const says = byId("map-says");
  const card = hoverCard(host);
  /** The kind that alone is shown, or null. @type {string|null} */
  let only = null;
  /** @type {import("./overlay.js").Above["drag"]} */
  let drag = null;

  const inks = () => ({
    ground: token("--map-ground"), panel: token("--panel"), text: token("--text"), muted: token("--muted"), rim: token("--panel"), font: token("--font"),
  });
  const scatter = new Scatter(host, inks, (above, ink) => {
    const state = store.get();
    const straight = !state.map.projection || state.map.projection === state.map.projections[0].name;
    drawAbove(above, ink, { view: state.view, hover: state.hover, straight, drag });
  });
  const key = legend(byId("map-legend"), (group) => {
    only = only === group ? null : group;
    fill(store.get(), false);
  });

  /** @param {Partial<import("./state.js").View>} patch */
  const walk = (patch) => store.look({ t: 0.5, ...patch });
  pointing(host, scatter, {
    hover(dot, x, y) {
      if (dot?.id !== store.get().hover) store.set({ hover: dot?.id ?? null });
      card.show(dot && latentOf(store.get(), dot.id), x, y, colours.name);
      host.style.cursor = dot ? "pointer" : "";
    },
    look: (dot) => store.look({ at: placeOf(dot.id) }),
    place: (x, y) => store.look({ at: placeUnder(scatter.dots, x, y) }),
    line: (from, to) => walk({ a: from.id, b: to.id }),
    end: (end, dot) => store.look({ [end]: dot.id }),
    current: () => scatter.dots.find(({ id }) => id === store.get().hover) ?? null,
    drag(now) {
      drag = now;
      scatter.drawAbove();
    },
  });

  /** @type {import("./colouring.js").Colouring} */
  let colours = colouring([], null, "light");

  /** @param {State} state @param {boolean} glide */
  function fill(state, glide) {
    const { latents, view } = state;
    colours = colouring(latents, view.colour, darkScheme.matches ? "dark" : "light", architectureNames(state));
    if (only && !colours.legend.some(({ label }) => label === only)) only = null;
    const dots = latents.map((latent) => {
      const [x, y] = positionOf(state, latent);
      const faded = Boolean(only) && colours.groupOf(latent) !== only;
      const picture = latent.picture ?? api.pictureURL(latent.id);
      return { id: latent.id, x, y, mark: colours.markOf(latent), faded, own: latent.origin !== "gallery", name: latent.name, picture };
    });
    // Those that a person made are drawn last, above the others.
    dots.sort((p, q) => Number(p.own) - Number(q.own));
    scatter.pictures = !view.plain;
    scatter.show(dots, glide && !reducedMotion.matches);
    host.dataset.points = String(dots.length);
    key.show(colours, only);
  }

  /** @param {State} state */
  function drawChoices({ latents, view, map: now }) {
    const names = colourable(latents);
    colour.replaceChildren(...names.map((name) => el("option", { value: name }, wordsOf(name))), el("option", { value: "none" }, "nothing"));
    colour.value = colours.name;
    projection.replaceChildren(...now.projections.map(({ name, title }) => el("option", { value: name, title }, SHORT[name] ?? title)));
    projection.value = now.projection ?? view.projection ?? "";
    byId("map-projection-pick").hidden = now.projections.length < 2;
    projection.title = now.axes.map(({ title }) => title).filter(Boolean).join(" × ");
    byId("map-pictures").setAttribute("aria-pressed", String(!view.plain));
    host.setAttribute("aria-label", `Map of ${plural(latents.length, "network")}. ${KEYS}`);
  }

  const ask = newest((signal, space, name) => api.map(space, name, signal));
  async function locate() {
    const { view, latents } = store.get();
    if (!view.space || !latents.length) return;
    try {
      const found = await ask(view.space, view.projection);
      if (!found) return;
      store.set({ map: { ...found, places: new Map(found.points.map(([id, x, y]) => [id, [x, y]])) } });
    } catch (error) {
      if (error.slug === "unknown-projection" || error.status === 422) store.look({ projection: null });
      fail(error, { label: "Try again", run: locate });
    }
  }

  colour.addEventListener("change", () => store.look({ colour: colour.value }));
  projection.addEventListener("change", () => store.look({ projection: projection.value === store.get().map.projections[0].name ? null : projection.value }));
  byId("map-pictures").addEventListener("click", () => store.look({ plain: !store.get().view.plain }));
  for (const [id, run] of Object.entries({ "map-in": () => scatter.zoom(1.4), "map-out": () => scatter.zoom(1 / 1.4), "map-fit": () => scatter.fit() })) byId(id).addEventListener("click", run);
  darkScheme.onChange(() => fill(store.get(), false));

  /** Both ends have their pictures, whatever lies close to them. @param {import("./state.js").View} view */
  function showEnds({ a, b }) {
    const ends = [a, b].filter((id) => id !== null);
    if (ends.every((id) => scatter.front.has(id))) return scatter.drawAbove();
    scatter.front = new Set(ends);
    scatter.draw();
  }

  store.subscribe((state, before) => {
    const { view, latents } = state;
    const refill = latents !== before.latents || state.map !== before.map || view.colour !== before.view.colour || view.plain !== before.view.plain;
    if (refill) {
      fill(state, latents === before.latents);
      drawChoices(state);
    } else if (state.hover !== before.hover) scatter.drawAbove();
    if (view !== before.view) showEnds(view);
    if (latents !== before.latents || view.projection !== before.view.projection || view.space !== before.view.space) locate();
    if (state.hover !== before.hover) says.textContent = document.activeElement === host ? (latentOf(state, state.hover)?.name ?? "") : "";
  });
}

/** There is little room for long titles. */
/** @type {Record<string, string>} */
const SHORT = { pca: "PCA", tsne: "t-SNE" };
const KEYS = "Arrow keys go from network to network, Enter looks at one, A and B make it an end of the line, plus and minus zoom.";
