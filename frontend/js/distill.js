/** Asking for a job that teaches a classifier: from A or B, by the gallery's best network or another. */

import { byId, el } from "./dom.js";
import { latentOf, taskOf } from "./state.js";
import { distillRequest } from "./wishes.js";

/** @param {import("./state.js").Store} store @param {import("./jobs.js").Work} work */
export function distill(store, work) {
  const [start, teacher] = [/** @type {HTMLButtonElement} */ (byId("distill-start")), /** @type {HTMLSelectElement} */ (byId("distill-teacher"))];
  const chosen = () => /** @type {HTMLInputElement} */ (document.querySelector("input[name=distill-from]:checked")).value;
  const from = (state) => latentOf(state, state.view[chosen()]);

  function draw(state) {
    for (const end of ["a", "b"]) byId(`distill-${end}`).textContent = latentOf(state, state.view[end])?.name ?? "–";
    start.disabled = !from(state);
  }

  function drawTeachers(state) {
    const able = state.latents.filter((latent) => latent.has_network && typeof latent.accuracy === "number").sort((x, y) => y.accuracy - x.accuracy);
    const best = el("option", { value: "" }, "the best of the gallery");
    const kept = teacher.value;
    teacher.replaceChildren(best, ...able.map(({ id, name }) => el("option", { value: id }, name)));
    teacher.value = able.some(({ id }) => id === kept) ? kept : "";
  }

  start.addEventListener("click", async () => {
    const state = store.get();
    const result = byId("distill-result");
    start.setAttribute("aria-busy", "true");
    result.replaceChildren();
    try {
      await work.submit(distillRequest(from(state), latentOf(state, teacher.value)));
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
