/** Asking for a job that teaches a classifier: from A or B, by the gallery's best network or another. */

import { byId, el, put } from "./dom.js";
import { ENDS, latentOf, taskOf } from "./state.js";
import { distillRequest } from "./wishes.js";

/** @typedef {import("./state.js").State} State */

/** @param {import("./state.js").Store} store @param {import("./jobs.js").Work} work */
export function distill(store, work) {
  const [start, teacher] = [/** @type {HTMLButtonElement} */ (byId("distill-start")), /** @type {HTMLSelectElement} */ (byId("distill-teacher"))];
  const chosen = () => /** @type {HTMLInputElement} */ (document.querySelector("input[name=distill-from]:checked")).value === "b" ? "b" : "a";
  /** @param {State} state */
  const from = (state) => latentOf(state, state.view[chosen()]);

  /** @param {State} state */
  function draw(state) {
    for (const end of ENDS) put(byId(`distill-${end}`), latentOf(state, state.view[end])?.name ?? "–");
    start.disabled = !from(state);
  }

  /** @param {State} state */
  function drawTeachers(state) {
    const able = state.latents.filter((latent) => latent.has_network && typeof latent.accuracy === "number").sort((x, y) => (y.accuracy ?? 0) - (x.accuracy ?? 0));
    const best = el("option", { value: "" }, "the best of the gallery");
    const kept = teacher.value;
    teacher.replaceChildren(best, ...able.map(({ id, name }) => el("option", { value: id }, name)));
    teacher.value = able.some(({ id }) => id === kept) ? kept : "";
  }

  start.addEventListener("click", async () => {
    const state = store.get();
    const pupil = from(state);
    if (!pupil) return;
    const result = byId("distill-result");
    start.setAttribute("aria-busy", "true");
    result.replaceChildren();
    try {
      await work.submit(distillRequest(pupil, latentOf(state, teacher.value)));
    } catch (error) {
      result.replaceChildren(el("div", { class: "failed", role: "alert" },
        el("strong", {}, error.title ?? "The job could not be started"), el("p", {}, error.detail || error.message)));
    } finally {
      start.removeAttribute("aria-busy");
    }
  });
  for (const input of document.querySelectorAll("input[name=distill-from]")) input.addEventListener("change", () => draw(store.get()));
  store.subscribe((state, before) => {
    if (taskOf(state) !== "classifier") return;
    if (state.latents !== before.latents || state.spaces !== before.spaces) drawTeachers(state);
    if (state.view !== before.view || state.latents !== before.latents) draw(state);
  });
}
