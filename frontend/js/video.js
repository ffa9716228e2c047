/** Making a video of the line or of a turning shape, in a dialog: choose, watch it being made, take it. */

import { byId, el, token } from "./dom.js";
import { save } from "./downloads.js";
import { dialog } from "./help.js";
import { showError } from "./notices.js";
import { film, poseAt, recordable, stops } from "./recorder.js";
import { fetchFrame, hasWebGL } from "./stage.js";
import { latentOf, spotOf } from "./state.js";

/** @typedef {import("./recorder.js").Kind} Kind */
/** @typedef {import("./frames.js").Frame} Frame */

/** Pixels a side. */
const SIZE = 720;
/** Shapes of a morph. */
const SHAPES = 41;
const RESOLUTION = 96;
const LENGTHS = [4, 8, 16];
const NAMES = { morph: "From A to B and back", turntable: "Turning around", both: "Both at once" };
const NOT_HERE = "This browser cannot record a canvas (it lacks MediaRecorder or captureStream), so no video can be made in it. A current Chrome, Edge, Firefox or Safari can.";
const NO_3D = "This browser offers no WebGL, so there is nothing to film.";

/** Shapes of the line, one after the other. @param {import("./state.js").Line} line @param {AbortSignal} signal @param {(done: number) => void} progress */
async function shapesOf(line, signal, progress) {
  /** @type {Frame[]} */
  const frames = [];
  for (const t of stops(SHAPES)) {
    frames.push(await fetchFrame({ ...line, t }, RESOLUTION, signal));
    progress(frames.length);
  }
  return frames;
}

/** A viewer of its own size, out of sight. */
async function studio() {
  const { Viewer } = await import("./viewer.js");
  const host = el("div", { class: "studio", "aria-hidden": "true" });
  document.body.append(host);
  const viewer = new Viewer(host);
  return {
    viewer,
    close() {
      viewer.dispose();
      host.remove();
    },
  };
}

/** What the stage stands before, as there. @param {CanvasRenderingContext2D} paper */
function groundOf(paper) {
  const ground = paper.createRadialGradient(SIZE / 2, SIZE * 0.4, 0, SIZE / 2, SIZE * 0.4, SIZE * 0.8);
  ground.addColorStop(0, token("--stage-high"));
  ground.addColorStop(1, token("--stage-low"));
  return ground;
}

/** @param {import("./state.js").Store} store @param {() => import("./viewer.js").Viewer|null} stageViewer @returns {{show: () => void}} */
export function video(store, stageViewer) {
  const format = recordable();
  // Asked when the dialog opens: to find out takes long on some machines.
  const obstacle = () => (!hasWebGL() ? NO_3D : format ? "" : NOT_HERE);
  const canvas = el("canvas", { width: SIZE, height: SIZE, class: "film", role: "img", "aria-label": "The video while it is made" });
  const kinds = /** @type {Kind[]} */ (Object.keys(NAMES));
  const radios = kinds.map((kind) => el("input", { type: "radio", name: "film-kind", value: kind, checked: kind === "both" }));
  const lengths = el("select", { "aria-label": "Length" }, ...LENGTHS.map((seconds) => el("option", { value: String(seconds), selected: seconds === 8 }, `${seconds} seconds`)));
  const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "How far the video is" });
  const note = el("p", { class: "muted", role: "status" });
  const start = el("button", { type: "button", class: "primary" }, "Record");
  const stop = el("button", { type: "button", hidden: true }, "Cancel");
  const choice = el("fieldset", { class: "options" }, el("legend", {}, "What moves"),
    ...radios.map((radio, i) => el("label", {}, radio, ` ${NAMES[kinds[i]]}`)));
  const node = dialog("video", "A video", canvas, choice, el("div", { class: "row" }, lengths, start, stop), bar, note);
  /** @type {AbortController|null} */
  let running = null;

  const kindNow = () => /** @type {Kind} */ (radios.find((radio) => radio.checked)?.value ?? "turntable");

  /** @param {boolean} busy */
  function setBusy(busy) {
    node.dataset.state = busy ? "busy" : "idle";
    for (const control of [...radios, lengths]) control.disabled = busy;
    start.hidden = busy;
    stop.hidden = bar.hidden = !busy;
    if (!busy) enable();
  }

  /** A morph needs two ends. */
  function enable() {
    const { a, b, at, job } = store.get().view;
    const line = Boolean(a && b && a !== b);
    const why = obstacle();
    for (const radio of radios) radio.disabled = Boolean(why) || (!line && radio.value !== "turntable");
    if (radios.some((radio) => radio.checked && radio.disabled)) radios.forEach((radio) => (radio.checked = radio.value === "turntable"));
    start.disabled = Boolean(why) || !a;
    lengths.disabled = Boolean(why);
    const elsewhere = (at || job) && line ? " Turning shows what you look at; from A to B is the line." : "";
    note.textContent = why || `Made in this browser, as .${format?.suffix}. Keep this page in sight meanwhile.${elsewhere}`;
  }

  /** Every shape that the film needs, fetched beforehand. @param {Kind} kind @param {AbortSignal} signal @returns {Promise<Frame[]>} */
  async function shapes(kind, signal) {
    const state = store.get();
    const { a, b, of } = state.view;
    const line = { a: a ?? "", b: b ?? "", of };
    const fetching = (/** @type {number} */ done) => {
      bar.value = done / SHAPES / 2;
      note.textContent = `Fetching shape ${done} of ${SHAPES} …`;
    };
    if (kind !== "turntable") return shapesOf(line, signal, fetching);
    const spot = spotOf(state);
    const { frame } = state;
    return [frame && frame.spot.a === spot.a && frame.spot.b === spot.b && frame.spot.t === spot.t ? frame : await fetchFrame(spot, state.view.detail, signal)];
  }

  /** @param {Kind} kind @param {AbortSignal} signal @param {Format} made @typedef {import("./recorder.js").Format} Format */
  async function make(kind, signal, made) {
    const frames = await shapes(kind, signal);
    const { viewer, close } = await studio();
    try {
      const from = stageViewer();
      if (from) viewer.lookFrom(from.camera.position);
      const paper = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const ground = groundOf(paper);
      /** @type {Frame|null} */
      let shown = null;
      const still = frames[0].spot.t;
      /** @param {number} share */
      const paint = (share) => {
        const { t, angle } = poseAt(kind, share, still);
        const frame = frames[Math.round(t * (frames.length - 1))] ?? frames[0];
        if (frame !== shown) viewer.show(frame.mesh, frame.spot.t);
        shown = frame;
        paper.fillStyle = ground;
        paper.fillRect(0, 0, SIZE, SIZE);
        paper.drawImage(viewer.shoot(angle), 0, 0, SIZE, SIZE);
      };
      const progress = (/** @type {number} */ share) => {
        bar.value = kind === "turntable" ? share : 0.5 + share / 2;
        note.textContent = `Recording, ${Math.round(100 * share)} % …`;
      };
      return await film(canvas, { paint, seconds: Number(lengths.value), mime: made.mime, signal, progress });
    } finally {
      close();
    }
  }

  start.addEventListener("click", async () => {
    if (!format || running) return;
    const mine = (running = new AbortController());
    const kind = kindNow();
    const [a, b] = [store.get().view.a, store.get().view.b].map((id) => latentOf(store.get(), id)?.name ?? "network");
    setBusy(true);
    let last;
    try {
      const blob = await make(kind, mine.signal, format);
      save(blob, `${kind === "turntable" ? a : `${a}-to-${b}`}.${format.suffix}`.replace(/[^\w.-]+/g, "_"));
      last = `Done: ${(blob.size / 1e6).toFixed(1)} MB.`;
    } catch (error) {
      last = mine.signal.aborted ? "Cancelled; nothing was kept." : "";
      if (!mine.signal.aborted) showError({ title: "The video could not be made", detail: error.detail ?? error.message });
    }
    running = null;
    setBusy(false);
    if (last) note.textContent = last;
  });
  stop.addEventListener("click", () => running?.abort());
  node.addEventListener("close", () => running?.abort());

  const show = () => {
    enable();
    node.showModal();
  };
  byId("get-video").addEventListener("click", show);
  return { show };
}
