/** This view as code, in a dialog: curl, Python or the command line, to be copied. */

import { byId, el } from "./dom.js";
import { dialog } from "./help.js";
import { recall, remember } from "./memory.js";
import { showError, showNews } from "./notices.js";
import { asCommands, asCurl, asPython } from "./snippets.js";
import { spotOf } from "./state.js";

const KINDS = { curl: { name: "curl", write: asCurl }, python: { name: "Python", write: asPython }, commands: { name: "Command line", write: asCommands } };
/** @typedef {keyof typeof KINDS} Kind */

const NOTES = {
  curl: "Asks this very server.",
  python: "Needs the library and the folder of the space; what only this server knows is fetched from it.",
  commands: "Needs the library and the folder of the space; what only this server knows is fetched from it.",
};

/** @param {import("./state.js").State} state @returns {import("./snippets.js").Scene} */
const sceneOf = (state) => ({
  origin: location.origin, space: state.view.space ?? "", spot: spotOf(state), detail: state.view.detail, latents: state.latents,
});

/** @param {import("./state.js").Store} store @returns {{show: () => void}} */
export function code(store) {
  const text = el("code", {});
  const box = el("pre", { class: "code", tabIndex: 0 }, text);
  const note = el("p", { class: "muted" });
  const kinds = /** @type {Kind[]} */ (Object.keys(KINDS));
  const radios = kinds.map((kind) => el("input", { type: "radio", name: "code-kind", value: kind }));
  const kindOf = () => /** @type {Kind} */ (radios.find((radio) => radio.checked)?.value ?? "curl");
  const copy = el("button", { type: "button", class: "primary", onclick: () => copied(text.textContent ?? "") }, "Copy");
  const choice = el("fieldset", { class: "switch" }, el("legend", { class: "hidden" }, "Language"),
    ...radios.map((radio, i) => el("label", {}, radio, el("span", {}, KINDS[kinds[i]].name))));
  const node = dialog("code", "This view as code", choice, box, el("div", { class: "row" }, copy, note));

  function draw() {
    const kind = kindOf();
    text.textContent = KINDS[kind].write(sceneOf(store.get()));
    note.textContent = NOTES[kind];
    remember("localStorage", "code", kind);
  }
  const last = recall("localStorage", "code", "curl");
  for (const radio of radios) {
    radio.checked = radio.value === last;
    radio.addEventListener("change", draw);
  }
  if (!radios.some((radio) => radio.checked)) radios[0].checked = true;

  const show = () => {
    const { a, b } = spotOf(store.get());
    if (!a || !b) return;
    draw();
    node.showModal();
  };
  byId("get-code").addEventListener("click", show);
  return { show };
}

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    showNews("Copied.");
  } catch {
    showError({ title: "This browser does not let the page copy", detail: "Select the text and copy it by hand." });
  }
}
