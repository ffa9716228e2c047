/** Two decoded networks side by side in numbers, as POST /compare answers. */

import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { inWords, placesOf, rows } from "./likeness.js";
import { newest } from "./newest.js";

/** @typedef {import("./likeness.js").Pair} Pair */

/** A view at rest for so long is compared. */
const REST_MS = 500;

/** @param {import("./state.js").Store} store */
export function compare(store) {
  const host = byId("compare");
  const note = el("p", { class: "muted", role: "status" });
  const body = el("tbody", {});
  const table = el("table", { class: "numbers", hidden: true }, el("caption", { class: "hidden" }, "Two decoded networks compared"), body);
  const pairs = /** @type {Pair[]} */ (["ab", "as", "bs"]);
  const radios = pairs.map((pair) => el("input", { type: "radio", name: "pair", value: pair, checked: pair === "ab" }));
  const names = { ab: "A and B", as: "A and what is shown", bs: "B and what is shown" };
  const choice = el("fieldset", { class: "switch" }, el("legend", { class: "hidden" }, "What is compared"),
    ...radios.map((radio, i) => el("label", {}, radio, el("span", {}, names[pairs[i]]))));
  host.append(choice, table, note);
  const ask = newest((signal, a, b) => api.compare(a, b, signal));
  const pairNow = () => /** @type {Pair} */ (radios.find((radio) => radio.checked)?.value ?? "ab");
  let told = "";
  let inSight = false;
  let timer = 0;

  /** @param {import("./likeness.js").Comparison} found */
  function draw(found) {
    body.replaceChildren(...rows(found).map(({ name, value, meant }) =>
      el("tr", {}, el("th", { scope: "row" }, name, el("small", {}, meant)), el("td", {}, value))));
    table.hidden = false;
    note.textContent = inWords(found);
    host.dataset.state = "known";
  }

  async function run() {
    const places = placesOf(store.get(), pairNow());
    if (!places) {
      told = "";
      table.hidden = true;
      host.dataset.state = "idle";
      note.textContent = store.get().view.b ? "Averaged raw weights have no latent: they are not compared." : "Pick A and B to compare them.";
      return;
    }
    if (told === places.join("\n")) return;
    told = places.join("\n");
    host.dataset.state = "busy";
    note.textContent = "Comparing …";
    try {
      const found = await ask(...places);
      if (found) draw(found);
    } catch (error) {
      told = "";
      table.hidden = true;
      host.dataset.state = "failed";
      note.textContent = `${error.title ?? "Not compared"}. ${error.detail ?? error.message}`;
    }
  }

  function later() {
    clearTimeout(timer);
    if (inSight) timer = setTimeout(run, REST_MS);
  }

  for (const radio of radios) radio.addEventListener("change", run);
  new IntersectionObserver((entries) => {
    inSight = entries.some((entry) => entry.isIntersecting);
    later();
  }).observe(host);
  store.subscribe((state, before) => {
    if (state.view !== before.view || state.jobs !== before.jobs) later();
  });
}
