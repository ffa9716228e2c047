/** A checkpoint of one's own: drop zone, what was recognised, how well it is represented, what is near. */

import { accuracyWords, agreementWords, sourceWords } from "./accuracy.js";
import * as api from "./api.js";
import { byId, el } from "./dom.js";
import { architectureOf } from "./state.js";
import { count, percent } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./api.js").Latent} Latent */

/**
 * @param {import("./state.js").Store} store
 * @param {object} act
 * @param {(file: File) => void} act.embed
 * @param {(file: File) => void} act.take   a file that was dropped anywhere: a network, or points
 * @param {(latent: import("./api.js").Latent) => void} act.remove
 */
export function upload(store, act) {
  const zone = byId("drop");
  const input = /** @type {HTMLInputElement} */ (byId("file"));
  const result = byId("upload-result");

  input.addEventListener("change", () => {
    if (input.files?.[0]) act.embed(input.files[0]);
    input.value = ""; // the same file may be chosen again
  });

  // The whole page takes a file, so that one that misses the zone does not replace the page.
  let depth = 0;
  /** @param {DragEvent} event */
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  /** @param {number} change */
  const over = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", (event) => holdsFiles(event) && over(1));
  addEventListener("dragleave", (event) => holdsFiles(event) && over(-1));
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    over(-depth);
    const file = event.dataTransfer?.files[0];
    if (file) act.take(file);
  });

  /** What has become of the file. @param {State} state */
  function resultOf(state) {
    const { upload: now } = state;
    if (now.phase === "busy") return [sending(now.file, now.share)];
    if (now.phase === "failed") return [refused(now.file, now.error)];
    return now.phase === "done" ? [card(now.latent, state)] : [];
  }

  /** @param {string} file @param {any} error */
  const refused = (file, error) =>
    el("div", { class: "failed", role: "alert" },
      el("strong", {}, error.title ?? "The file could not be embedded"),
      el("p", {}, error.detail || error.message),
      el("p", { class: "muted" }, `File: ${file}. Expected: a .pt or .safetensors state dict of a network this space knows.`));

  /** How much of the file is there; what the server does then takes as long as it takes. @param {string} file @param {number} share */
  function sending(file, share) {
    const there = share >= 1;
    const words = there ? `Finding the place of ${file} in this space …` : `Sending ${file}: ${percent(share)}`;
    const bar = el("progress", { max: 1, "aria-label": `Upload of ${file}` });
    if (!there) bar.value = share;
    return el("div", { class: "busy" }, el("p", { role: "status" }, words), bar);
  }

  /** @param {Latent} latent @param {State} state */
  function card(latent, state) {
    const arch = architectureOf(state, latent);
    /** @param {"a"|"b"} end */
    const choose = (end) => () => store.look({ [end]: latent.id });
    /** @param {"a"|"b"} end */
    const use = (end) => el("button", { type: "button", class: `use ${end}`, onclick: choose(end) }, `Use as ${end.toUpperCase()}`);
    const image = el("img", { alt: "", width: 96, height: 96, src: latent.picture ?? api.pictureURL(latent.id) });
    /** @param {number|null|undefined} value @returns {value is number} */
    const known = (value) => typeof value === "number";
    const meter = known(latent.iou) ? overlap(`Overlap with its decoded twin (IoU): ${percent(latent.iou)}`, latent.iou)
      : known(latent.agreement) ? overlap(agreementWords(latent.agreement), latent.agreement) : null;
    return el("article", { class: "uploaded", role: "status", "data-id": latent.id },
      image,
      el("div", {},
        el("h3", {}, latent.name),
        el("p", {}, `Recognised: ${arch?.name ?? "unknown"}${arch?.parameters ? `, ${count(arch.parameters)} weights` : ""}.`),
        meter,
        known(latent.accuracy) && el("p", {}, `Right on ${accuracyWords(latent.accuracy)} of the images: ${sourceWords(latent.accuracy_from)}.`),
        latent.verdict && el("p", { class: latent.represented === false ? "verdict bad" : "verdict" }, latent.verdict)),
      el("div", { class: "row" }, use("a"), use("b"),
        el("button", { type: "button", class: "quiet", onclick: () => act.remove(latent) }, "Remove")),
      latent.nearest?.length ? near(latent.nearest) : null);
  }

  /** @param {string} words @param {number} share */
  function overlap(words, share) {
    const bar = el("span", { class: "bar" });
    bar.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
    return el("p", { class: "overlap" }, words, bar);
  }

  /** @param {NonNullable<Latent["nearest"]>} neighbours */
  function near(neighbours) {
    const items = neighbours.slice(0, 4).map((n) =>
      el("button", { type: "button", title: `distance ${n.distance.toFixed(2)}`, onclick: () => store.look({ b: n.id }) },
        el("img", { alt: "", loading: "lazy", width: 48, height: 48, src: api.pictureURL(n.id) }),
        el("span", {}, n.name)));
    const heading = el("p", { class: "muted" }, "Nearest in the gallery (pick one as B):");
    return el("div", { class: "near" }, heading, el("div", { class: "row" }, ...items));
  }

  store.subscribe((state, before) => {
    if (state.upload === before.upload) return;
    zone.dataset.state = state.upload.phase;
    result.replaceChildren(...resultOf(state));
  });
}
