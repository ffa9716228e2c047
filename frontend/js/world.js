/** The space that is looked at and the latents in it: loaded, added to, removed from. */

import * as api from "./api.js";
import { newest } from "./newest.js";
import { latentAt, parsePlace } from "./places.js";
import { ENDS } from "./state.js";

/** @typedef {import("./api.js").Latent} Latent */

/**
 * @param {import("./state.js").Store} store
 * @param {object} tell
 * @param {(error: unknown, action?: {label: string, run: () => void}) => void} tell.fail
 * @param {(text: string) => void} tell.news
 * @param {(space: string) => void} opened
 */
export function world(store, { fail, news }, opened) {
  const loadLatents = newest((signal, space) => api.latents(space, signal));
  const sendFile = newest((signal, file, space, sent) => api.embed(file, space, sent, signal));
  /** @param {string|null} id */
  const known = (id) => store.get().latents.some((latent) => latent.id === id);

  /** A view that can be shown: ends and places that exist. @param {import("./state.js").View} view */
  function sound(view) {
    const { latents } = store.get();
    const missing = ENDS.map((end) => view[end]).filter((id) => id && !known(id));
    const place = parsePlace(view.at);
    const lost = place && !place.terms.every(({ id }) => known(id));
    if (lost) missing.push(latentAt(view.at) ?? view.at);
    if (missing.length) {
      const detail = `There is no ${missing.join(", ")} in this space; another is shown.`;
      fail({ title: "A choice of this address is gone", detail });
    }
    const a = known(view.a) ? view.a : (latents.find((latent) => latent.id !== view.b)?.id ?? null);
    const b = known(view.b) ? view.b : companion(latents, a);
    return { ...view, a, b, at: lost ? null : view.at };
  }

  /** @param {string|null} id */
  async function openSpace(id) {
    const { spaces } = store.get();
    const space = spaces.find((s) => s.id === id) ?? spaces[0];
    if (!space) return store.set({ phase: "empty" });
    const latents = await loadLatents(space.id);
    if (!latents) return;
    store.set({ latents, lines: new Map(), map: NO_MAP, phase: "ready" });
    store.look(sound({ ...store.get().view, space: space.id }));
    opened(space.id);
  }

  /** In this space; a network that it cannot read, in one that can. @param {File} file @param {(share: number) => void} busy */
  async function embedSomewhere(file, busy) {
    const { view, spaces } = store.get();
    try {
      return await sendFile(file, view.space, busy);
    } catch (error) {
      if (error.slug !== "unknown-architecture" || spaces.length < 2) throw error;
      return sendFile(file, null, busy);
    }
  }

  /** Opens the space of a latent, with the latent as A. @param {Latent} latent */
  async function moveTo(latent) {
    store.look({ space: latent.space, a: latent.id, b: null, t: 0 });
    await openSpace(latent.space);
  }

  /** @param {() => Promise<unknown>} run */
  async function attempt(run) {
    try {
      await run();
    } catch (error) {
      if (store.get().phase === "loading") store.set({ phase: "failed" });
      fail(error, { label: "Try again", run: () => attempt(run) });
    }
  }

  /** A latent that is new here; it is shown first. @param {import("./api.js").Latent} latent */
  const add = (latent) => store.set({ latents: [latent, ...store.get().latents.filter(({ id }) => id !== latent.id)] });

  return {
    sound,
    add,
    /** Opens a space by its id. @param {string} id */
    open: (id) => attempt(() => openSpace(id)),
    /** The spaces that are loaded, and the one that the view names or the first. */
    load: () =>
      attempt(async () => {
        store.set({ spaces: await api.spaces() });
        await openSpace(store.get().view.space);
      }),
    /** @param {File} file */
    async embed(file) {
      /** @param {number} share */
      const busy = (share) => store.set({ upload: { phase: "busy", file: file.name, share } });
      busy(0);
      try {
        const latent = await embedSomewhere(file, busy);
        if (!latent) return;
        if (latent.space === store.get().view.space) add(latent);
        else await moveTo(latent);
        store.set({ upload: { phase: "done", latent } });
        news(`${latent.name} is now on the map, and a choice for A and B.`);
      } catch (error) {
        store.set({ upload: { phase: "failed", file: file.name, error } });
      }
    },
    /** Keeps a place as a latent of this space. @param {string} at @param {string} name */
    async keep(at, name) {
      try {
        const latent = await api.keepPlace(store.get().view.space ?? "", at, name);
        add(latent);
        news(`${latent.name} is kept: it is on the map, and a choice for A and B.`);
        return latent;
      } catch (error) {
        fail(error);
      }
    },
    /** @param {import("./api.js").Latent} latent */
    async remove(latent) {
      try {
        await api.removeLatent(latent.id);
      } catch (error) {
        return fail(error);
      }
      const latents = store.get().latents.filter((l) => l.id !== latent.id);
      const { upload, view } = store.get();
      store.set({ latents, upload: upload.phase === "done" && upload.latent.id === latent.id ? { phase: "idle" } : upload });
      /** @param {string|null} id */
      const freed = (id) => (id === latent.id ? null : id);
      const gone = parsePlace(view.at)?.terms.some(({ id }) => id === latent.id);
      store.look(sound({ ...view, a: freed(view.a), b: freed(view.b), at: gone ? null : view.at }));
      news(`${latent.name} was removed.`);
    },
  };
}

/** The map of a space of which nothing is known yet. */
export const NO_MAP = Object.freeze({ projection: null, projections: [], axes: [], places: new Map() });

/** In how many kinds two differ; very many where in none, since such a line has nothing to show. @param {Latent} x @param {Latent} y */
function apart(x, y) {
  const kinds = Object.entries(x.properties).filter(([, value]) => typeof value !== "number");
  return kinds.filter(([name, value]) => y.properties[name] !== value).length || Number.MAX_SAFE_INTEGER;
}

/**
 * The other end of a line where none was chosen: of the gallery, with its own weights to compare with, well represented, alike but for
 * as few kinds as there are, and as far away on the map as that goes.
 * @param {Latent[]} latents @param {string|null} id
 */
export function companion(latents, id) {
  const from = latents.find((latent) => latent.id === id);
  if (!from) return null;
  const distance = (/** @type {Latent} */ { position: [x, y] }) => Math.hypot(x - from.position[0], y - from.position[1]);
  const others = latents.filter((latent) => latent.id !== id && latent.origin === "gallery");
  const [best] = others.sort((x, y) =>
    Number(y.has_network) - Number(x.has_network) || Number(y.represented) - Number(x.represented)
    || apart(from, x) - apart(from, y) || distance(y) - distance(x));
  return best?.id ?? null;
}
