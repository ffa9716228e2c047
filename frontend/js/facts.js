/** What is seen at this point: t, volume, parts, the network and its mesh; or, in words, why there is nothing. */

import { byId, el, put } from "./dom.js";
import { standing } from "./job.js";
import { latentAt } from "./places.js";
import { solidOf } from "./solid.js";
import { DETAILS, architectureOf, latentOf, pointsOf, spotOf, taskOf, watchedJob } from "./state.js";
import { count, emptyResult, mixedAt, percent, plural, pointAt, position, volume } from "./words.js";

/** @typedef {import("./state.js").State} State */

const NOTHING_FOUND = "What this job has found so far decodes to a network without a surface inside the cube.";
const NO_SURFACE = "The network decoded at this place has no surface inside the cube.";

/** @param {import("./state.js").Store} store */
export function facts(store) {
  /** @param {string} id @param {string} text */
  const say = (id, text) => put(byId(id), text);

  /** @param {State} state */
  function draw(state) {
    const { t, of } = state.view;
    drawWatched(state);
    if (taskOf(state) === "classifier") return drawNetwork(state, of);
    say("fact-t", position(t));
    drawPoint(state, t);
    drawMesh(state);
    drawNetwork(state, of);
  }

  /** A watched job, or a place, stands in the place of the line's numbers. @param {State} state */
  function drawWatched(state) {
    const job = watchedJob(state);
    const { at } = state.view;
    byId("facts").hidden = Boolean(job || at);
    byId("watch").hidden = !(job || at);
    if (job) drawJob(job);
    else if (at) drawPlace(state, at);
  }

  /** @param {import("./job.js").Job} job */
  function drawJob(job) {
    say("watch-what", job.result ? "Found by" : job.latent ? "Found so far by" : job.start ? "The start of" : "Nothing to show yet of");
    say("watch-name", job.name);
    say("watch-step", job.status === "running" && job.step ? `step ${count(job.step)} of ${count(job.steps)}` : standing(job));
  }

  /** @param {State} state @param {string} at */
  function drawPlace(state, at) {
    const id = latentAt(at);
    const mesh = state.frame?.spot.at === at ? state.frame.mesh : null;
    const solid = mesh && solidOf(mesh);
    say("watch-what", "Looking at");
    say("watch-name", id ? (latentOf(state, id)?.name ?? id) : "a place between networks");
    say("watch-step", solid ? `volume ${volume(solid.volume)}, ${plural(solid.parts, "part")}` : "");
  }

  /** What is measured of a line of shapes. @param {State} state @param {import("./state.js").Ends} line */
  const shapesOf = (state, line) => /** @type {import("./api.js").Point[]} */ (pointsOf(state, line) ?? []);

  /** @param {State} state @param {number} t */
  function drawPoint(state, t) {
    const known = pointAt(shapesOf(state, state.view), t);
    const { point } = known;
    const about = known.exact ? "" : "≈ ";
    say("fact-volume", !point ? "…" : point.empty ? "none" : about + volume(point.volume));
    say("fact-parts", !point ? "…" : about + count(point.parts));
    say("fact-share", point && point.parts > 1 ? `largest ${percent(point.largest_share)}` : "");
  }

  /** @param {State} state */
  function drawMesh(state) {
    const { frame } = state;
    const mesh = frame?.mesh;
    say("fact-mesh", mesh ? `${count(mesh.indices.length / 3)} triangles${frame.resolution === state.view.detail ? "" : ` at ${frame.resolution}³`}` : frame ? "no surface" : "…");
    const empty = byId("empty");
    empty.hidden = !frame || Boolean(mesh);
    if (frame && !mesh) say("empty-words", watchedJob(state) ? NOTHING_FOUND : frame.spot.at ? NO_SURFACE : emptyResult(frame.spot.of, frame.spot.t));
    drawBeside(state.beside);
  }

  /** @param {import("./frames.js").Frame|null} frame */
  function drawBeside(frame) {
    byId("empty-beside").hidden = !frame || Boolean(frame.mesh);
    if (frame && !frame.mesh) say("empty-beside-words", emptyResult("weights", frame.spot.t));
  }

  /** @param {State} state @param {import("./state.js").Of} of */
  function drawNetwork(state, of) {
    const space = state.spaces.find((s) => s.id === state.view.space);
    const arch = of === "weights" ? architectureOf(state, latentOf(state, state.view.a)) : decodedTo(state, space);
    if (!arch || !state.view.a) return say("fact-network", "");
    const weights = arch.parameters ? ` with ${count(arch.parameters)} weights` : "";
    const origin = of === "weights" ? "averaged from two networks" : `decoded from ${plural(space?.latent_size ?? 0, "number")}`;
    say("fact-network", `This network: ${arch.name}${weights}, ${origin}.`);
  }

  /** Which architecture the space decodes to here. @param {State} state @param {import("./api.js").Space|undefined} space */
  function decodedTo(state, space) {
    const spot = spotOf(state);
    const { point } = mixedAt(pointsOf(state, spot) ?? [], spot.t, (p, q, w, near) => near);
    return space?.architectures.find(({ name }) => name === point?.architecture) ?? space?.architectures[0];
  }

  const detail = /** @type {HTMLSelectElement} */ (byId("detail"));
  detail.append(...DETAILS.map((cells) => el("option", { value: String(cells) }, `${cells}³`)));
  detail.addEventListener("change", () => store.look({ detail: /** @type {any} */ (Number(detail.value)) }));
  store.subscribe((state) => (detail.value = String(state.view.detail)));
  detail.value = String(store.get().view.detail);
  store.subscribe(draw);
}
