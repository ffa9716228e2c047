/** What is shown, as files: the mesh by links, the network decoded at this very point. */

import * as api from "./api.js";
import { byId, el, put } from "./dom.js";
import { formatPlace, latentAt } from "./places.js";
import { ENDS, latentOf, spotOf, taskOf, watchedJob } from "./state.js";
import { position } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./state.js").Spot} Spot */

const MESH_RESOLUTION = 128;
const MESHES = { "get-glb": "glb", "get-stl": "stl", "get-ply": "ply", "get-obj": "obj" };
const NETWORKS = { "get-pt": "pt", "get-safetensors": "safetensors" };

/** The network at this point of the line or this place. @param {Spot & {space: string|null}} here @param {string} format @returns {Promise<Blob>} */
async function networkAt({ space, a, b, t, of, at }, format) {
  const end = at ? latentAt(at) : t === 0 || a === b ? a : t === 1 ? b : null;
  if (end) return api.network(end, format, of === "weights" ? "input" : "decoded");
  return api.decode(space ?? "", at ?? formatPlace({ terms: [{ id: a, weight: 1 - t }, { id: b, weight: t }] }), format);
}

/** Hands a blob to the browser as a file. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const anchor = el("a", { href: url, download: name });
  document.body.append(anchor);
  anchor.click();
  anchor.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {import("./state.js").Store} store @param {(error: unknown) => void} fail */
export function downloads(store, fail) {
  /** @param {State} state @param {string} suffix */
  const fileName = (state, suffix) => {
    const [a, b] = ENDS.map((end) => latentOf(state, state.view[end])?.name ?? end);
    const place = state.view.at && (latentOf(state, latentAt(state.view.at))?.name ?? "place");
    const name = watchedJob(state)?.name ?? place ?? `${a}-to-${b}-${position(state.view.t)}`;
    return `${name}.${suffix}`.replace(/[^\w.-]+/g, "_");
  };

  for (const [id, format] of Object.entries(NETWORKS)) {
    const button = byId(id);
    button.addEventListener("click", async () => {
      const state = store.get();
      button.setAttribute("aria-busy", "true");
      try {
        save(await networkAt({ ...state.view, ...spotOf(state) }, format), fileName(state, format));
      } catch (error) {
        fail(error);
      } finally {
        button.removeAttribute("aria-busy");
      }
    });
  }

  store.subscribe((state, before) => {
    if (state.view === before.view && state.frame === before.frame && state.latents === before.latents && state.jobs === before.jobs) return;
    const spot = spotOf(state);
    const { a, b, t, of } = spot;
    const ready = Boolean(a && b);
    const surface = ready && Boolean(state.frame?.mesh);
    for (const [id, format] of Object.entries(MESHES)) {
      const link = /** @type {HTMLAnchorElement} */ (byId(id));
      if (surface) link.href = api.meshURL(spot, MESH_RESOLUTION, format);
      else link.removeAttribute("href");
      link.toggleAttribute("aria-disabled", !surface);
      link.setAttribute("download", fileName(state, format));
    }
    const between = of === "weights" && t !== 0 && t !== 1;
    for (const id of Object.keys(NETWORKS)) /** @type {HTMLButtonElement} */ (byId(id)).disabled = !ready || between;
    put(byId("downloads-note"), between
      ? "Averaged raw weights are shown, not kept: networks can be downloaded at both ends of this line, or anywhere on the latent line."
      : taskOf(state) === "classifier" ? "The network at the point you are looking at: a ready-to-use state dict."
        : "The mesh and the network at the point you are looking at. The network is a ready-to-use state dict.");
  });
}
