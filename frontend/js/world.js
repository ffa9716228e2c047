/** The space that is looked at and the latents in it: loaded, added to, removed from. */

import * as api from "./api.js";
import { newest } from "./newest.js";
import { latentAt, parsePlace } from "./places.js";

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
  const known = (id) => store.get().latents.some((latent) => latent.id === id);

  /** A view that can be shown: ends and places that exist. @param {import("./state.js").View} view */
  function sound(view) {
    const { latents } = store.get();
    const missing = ["a", "b"].map((end) => view[end]).filter((id) => id && !known(id));
    const place = parsePlace(view.at);
    const lost = place && !place.terms.every(({ id }) => known(id));
    if (lost) missing.push(latentAt(view.at) ?? view.at);
    if (missing.length) {
      const detail = `There is no ${missing.join(", ")} in this space; another is shown.`;
      fail({ title: "A choice of this address is gone", detail });
    }
    const a = known(view.a) ? view.a : (latents.find((latent) => latent.id !== view.b)?.id ?? null);
    const b = known(view.b) ? view.b : farthest(latents, a);
    return { ...view, a, b, at: lost ? null : view.at };
  }

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

  /** In this space; a network that it cannot read, in one that can. */
  async function embedSomewhere(file, busy) {
    const { view, spaces } = store.get();
    try {
      return await sendFile(file, view.space, busy);
    } catch (error) {
      if (error.slug !== "unknown-architecture" || spaces.length < 2) throw error;
      return sendFile(file, null, busy);
    }
  }

  /** Opens the space of a latent, with the latent as A. */
  async function moveTo(latent) {
    store.look({ space: latent.space, a: latent.id, b: null, t: 0 });
    await openSpace(latent.space);
  }

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
    /** Opens a space by its id. */
    open: (id) => attempt(() => openSpace(id)),
    /** The spaces that are loaded, and the one that the view names or the first. */
    load: () =>
      attempt(async () => {
        store.set({ spaces: await api.spaces() });
        await openSpace(store.get().view.space);
      }),
    /** @param {File} file */
    async embed(file) {
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
        const latent = await api.keepPlace(store.get().view.space, at, name);
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
      store.set({ latents, upload: upload.latent?.id === latent.id ? { phase: "idle" } : upload });
      const freed = (id) => (id === latent.id ? null : id);
      const gone = parsePlace(view.at)?.terms.some(({ id }) => id === latent.id);
      store.look(sound({ ...view, a: freed(view.a), b: freed(view.b), at: gone ? null : view.at }));
      news(`${latent.name} was removed.`);
    },
  };
}

/** The map of a space of which nothing is known yet. */
export const NO_MAP = Object.freeze({ projection: null, projections: [], axes: [], places: new Map() });

/** Of the gallery's well represented latents the one that lies farthest from this one on the map. */
function farthest(latents, id) {
  const from = latents.find((latent) => latent.id === id)?.position;
  if (!from) return null;
  const distance = ({ position: [x, y] }) => Math.hypot(x - from[0], y - from[1]);
  const others = latents.filter((latent) => latent.id !== id && latent.origin === "gallery");
  const good = others.filter((latent) => latent.represented);
  return (good.length ? good : others).sort((x, y) => distance(y) - distance(x))[0]?.id ?? null;
}
