/** Puts the page together: state in the middle, one module that fetches, panels that draw. */

import { address } from "./address.js";
import { afloat } from "./afloat.js";
import * as api from "./api.js";
import { classifier } from "./classifier.js";
import { code } from "./code.js";
import { compare } from "./compare.js";
import { directions } from "./directions.js";
import { distill } from "./distill.js";
import { byId, darkScheme, el, painted, put, reducedMotion } from "./dom.js";
import { downloads } from "./downloads.js";
import { facts } from "./facts.js";
import { gallery } from "./gallery.js";
import { help } from "./help.js";
import { inspect } from "./inspect.js";
import { jobs, jobsAtStart, trayAtStart } from "./jobs.js";
import { line } from "./line.js";
import { map } from "./map.js";
import { measurements } from "./measure.js";
import { recall } from "./memory.js";
import { showError, showNews } from "./notices.js";
import { pad } from "./pad.js";
import { panels } from "./panels.js";
import { plot } from "./plot.js";
import { search } from "./search.js";
import { shortcuts } from "./shortcuts.js";
import { Stage, hasWebGL } from "./stage.js";
import { STEPS, createStore, latentHere, latentOf, sameLine, snap, spotOf, taskOf, viewFromQuery, weightsObstacle } from "./state.js";
import { strip } from "./strip.js";
import { timeline } from "./timeline.js";
import { tray } from "./tray.js";
import { upload } from "./upload.js";
import { video } from "./video.js";
import { isCloud } from "./wishes.js";
import { welcome } from "./welcome.js";
import { NO_MAP, world } from "./world.js";

/** @typedef {import("./state.js").State} State */

const firstView = viewFromQuery(location.search);
const store = createStore({
  view: firstView,
  phase: "loading",
  spaces: [],
  latents: [],
  lines: new Map(),
  frame: null,
  beside: null,
  map: NO_MAP,
  hover: null,
  upload: { phase: "idle" },
  playing: false,
  direction: 1,
  pace: recall("localStorage", "pace", { bounce: true, speed: 1 }),
  past: [],
  future: [],
  jobs: jobsAtStart(),
  tray: trayAtStart(firstView.job),
  offer: { phase: "loading", attributes: [] },
});
const work = jobs(store, { fail: showError, news: showNews });
const places = world(store, { fail: showError, news: showNews }, work.offer);
const history = timeline(store, places.sound);
const { measureSpot, measureLine } = measurements(store, showError);

/** @param {unknown} error */
const fail = (error) => {
  store.set({ playing: false });
  showError(error, { label: "Try again", run: () => follow() });
};
const stage = new Stage(byId("stage"), {
  fail,
  shown: (frame) => store.set({ frame }),
  rested: (spot) => !spot.at && sameLine(spot, store.get().view) && measureSpot(spot),
});
const besides = new Stage(byId("stage-beside"), { fail, shown: (beside) => store.set({ beside }) });

/** Shows what the view says: on the stage, and beside it where raw weights are asked for too. */
function follow() {
  const { playing, direction, view } = store.get();
  const spot = spotOf(store.get());
  if (!spot.a || !spot.b) return;
  if (taskOf(store.get()) === "classifier") return measureClassifiers(spot, playing);
  const next = { ...spot, t: snap(spot.t + direction / STEPS, view.beyond) };
  const ahead = playing && next.t !== spot.t ? [next] : [];
  stage.host.dataset.job = view.job ?? "";
  stage.want(spot, ahead, view.detail);
  if (!view.beside || spot.at || spot.a === spot.b) return;
  besides.want({ ...spot, of: "weights" }, ahead.map((s) => ({ ...s, of: "weights" })), view.detail);
  measureLine({ ...spot, of: "weights" });
}

/**
 * Classifiers have numbers instead of shapes, and those of raw weights beside them where they can be had.
 * @param {import("./state.js").Spot} spot @param {boolean} playing
 */
function measureClassifiers(spot, playing) {
  const isLine = spot.a !== spot.b;
  if (isLine && playing) measureLine(spot);
  else measureSpot(spot);
  if (isLine && spot.of === "latent" && !weightsObstacle(store.get())) measureLine({ ...spot, of: "weights" });
}

/** What WebGL needs comes after the networks are seen: starting it takes long on a machine without a graphics card. */
async function startDrawing() {
  const id = latentHere(store.get());
  if (id && taskOf(store.get()) === "sdf") await stage.poster(latentOf(store.get(), id)?.picture ?? api.pictureURL(id));
  await painted();
  await startStages();
  strip(store, isPending);
}

async function startStages() {
  byId("no-webgl").hidden = hasWebGL();
  try {
    await Promise.all([stage.start(), store.get().view.beside && besides.start()]);
    if (stage.viewer && besides.viewer) stage.viewer.link(besides.viewer);
  } catch (error) {
    showError({ title: "The 3-D view could not start", detail: String(error.message) });
  }
}

const LEADS = {
  sdf: "Every point is a complete neural network, its weights decoded from a latent vector; the shape is what that network computes.",
  classifier: "Every point is a complete image classifier, its architecture and weights decoded from a latent vector; what counts is how many images it gets right.",
};

/** @param {Pick<State, "spaces"|"view">} state */
function drawSpaces({ spaces, view }) {
  const select = /** @type {HTMLSelectElement} */ (byId("space"));
  if (select.options.length !== spaces.length) select.replaceChildren(...spaces.map((s) => el("option", { value: s.id }, s.title ?? s.id)));
  select.value = view.space ?? "";
  const task = taskOf({ spaces, view });
  document.body.dataset.task = task;
  put(byId("lead"), LEADS[task]);
  byId("space-pick").hidden = spaces.length < 2;
  put(byId("space-title"), spaces.length === 1 ? (spaces[0].title ?? spaces[0].id) : "");
}

/** @param {State} state */
function drawHistory({ past, future }) {
  /** @type {HTMLButtonElement} */ (byId("undo")).disabled = !past.length;
  /** @type {HTMLButtonElement} */ (byId("redo")).disabled = !future.length;
}

/** The raw weights where they cannot be had: said, and left. True where the view is another now. @param {State} state */
function leaveWeights(state) {
  const { view, latents } = state;
  const why = (view.of === "weights" || view.beside) && latents.length ? weightsObstacle(state) : "";
  if (!why) return false;
  showNews(`Back on the latent line. ${why}`);
  store.look({ of: "latent", beside: false, job: view.job, at: view.at });
  return true;
}

store.subscribe((state, before) => {
  document.body.dataset.phase = state.phase;
  byId("no-space").hidden = state.phase !== "empty";
  if (state.past !== before.past || state.future !== before.future) drawHistory(state);
  if (state.view !== before.view || state.spaces !== before.spaces) drawSpaces(state);
  if (state.view === before.view) {
    if (!sameLine(spotOf(state), spotOf(before))) follow();
    return;
  }
  if (leaveWeights(state)) return;
  // A place, or what a job found, is one network: nothing stands beside it.
  const { beside, at, job } = state.view;
  byId("stages").dataset.beside = String(beside && !at && !job);
  if (state.view.beside && stage.viewer && !besides.viewer) startStages();
  follow();
  const watching = state.view.job && state.view.job !== before.view.job;
  if (watching) byId("stage-place").scrollIntoView({ block: "nearest", behavior: reducedMotion.matches ? "auto" : "smooth" });
});

/** The keys of the page, each of which does what a control does. */
function keys() {
  const { show: showHelp, singles } = help();
  const { show: showCode } = code(store);
  const { show: showVideo } = video(store, () => stage.viewer);
  byId("show-help").addEventListener("click", showHelp);
  /** @param {number} steps */
  const move = (steps) => () => {
    const { t, beyond, a, b } = store.get().view;
    store.set({ playing: false });
    if (a && b) store.look({ t: snap(t + steps / STEPS, beyond) });
  };
  /** @param {() => void} run */
  const shapes = (run) => () => taskOf(store.get()) === "sdf" && run();
  /** @param {string} id */
  const click = (id) => () => byId(id).click();
  shortcuts({
    back: move(-1), on: move(1), backFar: move(-10), onFar: move(10), toA: click("to-a"), toB: click("to-b"),
    play: click("play"), swap: click("swap"), chance: click("chance"), undo: history.undo, redo: history.redo,
    weights: () => byId(store.get().view.of === "weights" ? "of-latent" : "of-weights").click(),
    galleryA: () => visit("gallery-a", "input"), galleryB: () => visit("gallery-b", "input"),
    map: () => visit("map", "[tabindex], button, select"), compare: () => visit("compare", "input"),
    code: shapes(showCode), record: shapes(showVideo), dark: () => darkScheme.toggle(), help: showHelp,
  }, { singles });
}

/** Unfolds what holds an element, and goes to the part of it that takes the keys. @param {string} id @param {string} part */
function visit(id, part) {
  const host = byId(id);
  const panel = /** @type {HTMLDetailsElement|null} */ (host.closest("details"));
  if (panel) panel.open = true;
  const target = /** @type {HTMLElement} */ (host.tabIndex >= 0 ? host : (host.querySelector("input:checked") ?? host.querySelector(part) ?? host));
  target.focus({ preventScroll: true });
  host.scrollIntoView({ block: "nearest", behavior: reducedMotion.matches ? "auto" : "smooth" });
}

address(store, (search) => {
  const view = viewFromQuery(search);
  const { space } = store.get().view;
  store.look(view.space && view.space !== space ? view : places.sound({ ...view, space }));
  if (view.space && view.space !== space) places.open(view.space);
});
byId("space").addEventListener("change", () => {
  const { value } = /** @type {HTMLSelectElement} */ (byId("space"));
  store.look({ space: value, a: null, b: null, t: 0 });
  places.open(value);
});

const isPending = () => stage.isPending || (store.get().view.beside && besides.isPending);
line(store, isPending);
for (const end of /** @type {const} */ (["a", "b"])) gallery(byId(`gallery-${end}`), end, store);
facts(store);
map(store, showError);
inspect(store, { keep: places.keep, remove: places.remove, fail: showError });
plot(store, showError);
classifier(store, showError);
distill(store, work);
const { fit } = search(store, work);
upload(store, { embed: places.embed, remove: places.remove, take: (file) => (isCloud(file.name) ? fit(file) : places.embed(file)) });
tray(store, work, showError);
downloads(store, showError);
panels(store);
pad(store);
afloat(store);
directions(store, places.keep);
compare(store);
keys();
byId("look-again").addEventListener("click", places.load);
byId("undo").addEventListener("click", history.undo);
byId("redo").addEventListener("click", history.redo);
byId("theme").addEventListener("click", () => darkScheme.toggle());
byId("unwatch").addEventListener("click", () => store.look({ job: null }));
byId("reset-view").addEventListener("click", () => stage.viewer?.reset());
welcome(store);
await Promise.all([places.load().then(startDrawing), work.refresh()]);
document.body.dataset.ready = "true";
