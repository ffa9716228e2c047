/** Puts the page together: state in the middle, one module that fetches, panels that draw. */

import * as api from "./api.js";
import { byId, el, reducedMotion } from "./dom.js";
import { downloads } from "./downloads.js";
import { facts } from "./facts.js";
import { Frames } from "./frames.js";
import { gallery } from "./gallery.js";
import { jobs, jobsAtStart, trayAtStart } from "./jobs.js";
import { line } from "./line.js";
import { decodeMesh } from "./mesh.js";
import { newest } from "./newest.js";
import { showError, showNews } from "./notices.js";
import { plot } from "./plot.js";
import { search } from "./search.js";
import { STEPS, createStore, queryFromView, sameLine, snap, spotOf, viewFromQuery, weightsObstacle } from "./state.js";
import { tray } from "./tray.js";
import { upload } from "./upload.js";
import { isCloud } from "./wishes.js";
import { mergePoints } from "./words.js";

/** Points of a line that are measured for the plot. */
const PLOTTED = 21;

const firstView = viewFromQuery(location.search);
const store = createStore({
  view: firstView,
  spaces: [],
  latents: [],
  line: null,
  frame: null,
  upload: { phase: "idle" },
  playing: false,
  direction: 1,
  jobs: jobsAtStart(),
  tray: trayAtStart(firstView.job),
  offer: { phase: "loading", attributes: [] },
});
const work = jobs(store, { fail: showError, news: showNews });
const stage = byId("stage");
/** Stands in until the viewer is there, or for good where there is no WebGL. */
let viewer = { show() {}, reset() {} };

/** The viewer, or words in its place; nothing else waits for it. */
async function startViewer() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    byId("no-webgl").hidden = false;
    stage.dataset.webgl = "false";
    return;
  }
  try {
    const { Viewer } = await import("./viewer.js");
    viewer = new Viewer(stage);
  } catch (error) {
    return showError({ title: "The 3-D view could not start", detail: String(error.message) });
  }
  const { frame } = store.get();
  if (frame) viewer.show(frame.mesh, frame.spot.t);
}

/** @returns {Promise<import("./frames.js").Frame>} a missing surface is a frame too */
async function fetchFrame(spot, resolution, signal) {
  try {
    const mesh = decodeMesh(await api.mesh(spot, spot.t, resolution, signal));
    return { spot, resolution, mesh: mesh.indices.length ? mesh : null, reason: "" };
  } catch (error) {
    if (error.slug !== "empty-level-set") throw error;
    return { spot, resolution, mesh: null, reason: error.detail };
  }
}

const frames = new Frames({
  fetch: fetchFrame,
  show(frame) {
    const { mesh, spot, resolution } = frame;
    viewer.show(mesh, spot.t);
    Object.assign(stage.dataset, {
      t: spot.t.toFixed(4), of: spot.of, a: spot.a, b: spot.b, resolution, job: store.get().view.job ?? "",
      vertices: mesh ? mesh.positions.length / 3 : 0,
    });
    store.set({ frame });
  },
  pending: (pending) => (stage.dataset.pending = String(pending)),
  rested: (spot) => sameLine(spot, store.get().view) && measureHere(spot),
  fail: (error) => {
    store.set({ playing: false });
    showError(error, { label: "Try again", run: () => follow() });
  },
});

const measure = newest((signal, of, where) => api.interpolate(of, where, signal));
const measureOne = newest((signal, of, where) => api.interpolate(of, where, signal));

/** @type {{line: import("./state.js").Line, points: Promise<import("./api.js").Point[]|undefined>}|null} */
let measuring = null;

const knownLine = (view) => {
  const { line: known } = store.get();
  return known && sameLine(known.line, view) ? known : null;
};

function learn(of, points) {
  if (!sameLine(of, store.get().view)) return;
  store.set({ line: { line: of, points: mergePoints(knownLine(of)?.points ?? [], points) } });
}

/** The points of this line, unless they are known or under way. */
async function measureLine({ a, b, of }) {
  if (knownLine({ a, b, of })) return;
  if (!measuring || !sameLine(measuring.line, { a, b, of })) {
    measuring = { line: { a, b, of }, points: measure({ a, b, of }, { steps: PLOTTED }) };
  }
  const { points } = measuring;
  try {
    const found = await points;
    if (found) learn({ a, b, of }, found);
  } catch (error) {
    showError(error, { label: "Try again", run: () => measureLine({ a, b, of }) });
  } finally {
    if (measuring?.points === points) measuring = null;
  }
}

/** First the line, if it is new; then this very point, if it is none of the line's. */
async function measureHere({ a, b, of, t }) {
  await measureLine({ a, b, of });
  if (!knownLine({ a, b, of }) || knownLine({ a, b, of }).points.some((p) => Math.abs(p.t - t) < 1e-6)) return;
  try {
    const points = await measureOne({ a, b, of }, { ts: [t] });
    if (points) learn({ a, b, of }, points);
  } catch (error) {
    showError(error);
  }
}

/** Shows what the view says. */
function follow() {
  const { playing, direction } = store.get();
  const spot = spotOf(store.get());
  if (!spot.a || !spot.b) return;
  const next = snap(spot.t + direction / STEPS);
  frames.want(spot, playing && next !== spot.t ? [{ ...spot, t: next }] : []);
}

/** A view that can be shown: ends that exist, a line that can be walked. */
function sound(view) {
  const { latents } = store.get();
  const known = (id) => latents.some((latent) => latent.id === id);
  const missing = ["a", "b"].filter((end) => view[end] && !known(view[end]));
  if (missing.length) {
    const detail = `There is no ${missing.map((end) => view[end]).join(", ")} in this space; another is shown.`;
    showError({ title: "A choice of this address is gone", detail });
  }
  const a = known(view.a) ? view.a : (latents.find((latent) => latent.id !== view.b)?.id ?? null);
  const b = known(view.b) ? view.b : farthest(latents, a);
  return { ...view, a, b };
}

/** Of the gallery's well represented latents the one that lies farthest from this one on the map. */
function farthest(latents, id) {
  const from = latents.find((latent) => latent.id === id)?.position;
  if (!from) return null;
  const distance = ({ position: [x, y] }) => Math.hypot(x - from[0], y - from[1]);
  const others = latents.filter((latent) => latent.id !== id && latent.origin === "gallery");
  const good = others.filter((latent) => latent.represented);
  return (good.length ? good : others).sort((x, y) => distance(y) - distance(x))[0]?.id ?? null;
}

const NO_SPACE = {
  title: "No space is loaded",
  detail: "The server has no space to show. Train one, or put one into its folder of checkpoints.",
};
const loadLatents = newest((signal, space) => api.latents(space, signal));

async function openSpace(id) {
  const { spaces } = store.get();
  const space = spaces.find((s) => s.id === id) ?? spaces[0];
  if (!space) throw new api.ProblemError(NO_SPACE);
  const latents = await loadLatents(space.id);
  if (!latents) return;
  store.set({ latents, line: null });
  store.look(sound({ ...store.get().view, space: space.id }));
  work.offer(space.id);
}

const sendFile = newest((signal, file, space) => api.embed(file, space, signal));

async function embed(file) {
  store.set({ upload: { phase: "busy", file: file.name } });
  try {
    const latent = await sendFile(file, store.get().view.space);
    if (!latent) return;
    const others = store.get().latents.filter((l) => l.id !== latent.id);
    store.set({ latents: [latent, ...others], upload: { phase: "done", latent } });
    showNews(`${latent.name} is now a choice in both galleries.`);
  } catch (error) {
    store.set({ upload: { phase: "failed", file: file.name, error } });
  }
}

async function remove(latent) {
  try {
    await api.removeLatent(latent.id);
  } catch (error) {
    return showError(error);
  }
  const latents = store.get().latents.filter((l) => l.id !== latent.id);
  store.set({ latents, upload: { phase: "idle" } });
  const { view } = store.get();
  const freed = (id) => (id === latent.id ? null : id);
  store.look(sound({ ...view, a: freed(view.a), b: freed(view.b) }));
  showNews(`${latent.name} was removed.`);
}

/** Browsers limit how often an address may change. */
const REPLACE_MS = 200;
let replacing = 0;

/** Picks make history, t does not. */
function keepURL(view, before) {
  clearTimeout(replacing);
  const url = location.pathname + queryFromView(view);
  if (url === location.pathname + location.search) return;
  const first = !before.a || !before.b;
  const pick = !sameLine(view, before) || view.space !== before.space;
  if (pick && !first) history.pushState(null, "", url);
  else replacing = setTimeout(() => history.replaceState(null, "", url), REPLACE_MS);
}

function drawSpaces({ spaces, view }) {
  const select = /** @type {HTMLSelectElement} */ (byId("space"));
  if (select.options.length !== spaces.length) select.replaceChildren(...spaces.map((s) => el("option", { value: s.id }, s.title ?? s.id)));
  select.value = view.space ?? "";
  byId("space-pick").hidden = spaces.length < 2;
  byId("space-title").textContent = spaces.length === 1 ? (spaces[0].title ?? spaces[0].id) : "";
}

function watch() {
  store.subscribe((state, before) => {
    if (state.view === before.view && !sameLine(spotOf(state), spotOf(before))) follow();
    if (state.view === before.view && state.spaces === before.spaces) return;
    drawSpaces(state);
    if (state.view === before.view) return;
    if (state.view.of === "weights" && weightsObstacle(state) && state.latents.length) {
      showNews(`Back on the latent line. ${weightsObstacle(state)}`);
      return store.look({ of: "latent", job: state.view.job });
    }
    keepURL(state.view, before.view);
    follow();
    if (state.view.job && state.view.job !== before.view.job) stage.scrollIntoView({ block: "nearest", behavior: reducedMotion.matches ? "auto" : "smooth" });
  });
  addEventListener("popstate", () => {
    const view = viewFromQuery(location.search);
    clearTimeout(replacing);
    if (view.space && view.space !== store.get().view.space) {
      store.look({ ...view });
      return void open(view.space);
    }
    store.look(sound({ ...view, space: store.get().view.space }));
  });
  byId("space").addEventListener("change", (event) => {
    store.look({ space: event.target.value, a: null, b: null, t: 0 });
    open(event.target.value);
  });
}

const open = (id) => openSpace(id).catch((error) => showError(error, { label: "Try again", run: () => open(id) }));

async function load() {
  try {
    store.set({ spaces: await api.spaces() });
    await openSpace(store.get().view.space);
  } catch (error) {
    showError(error, { label: "Try again", run: load });
  }
}

for (const end of ["a", "b"]) gallery(byId(`gallery-${end}`), end, store);
line(store, () => stage.dataset.pending === "true");
facts(store);
plot(store, showError);
const { fit } = search(store, work);
upload(store, { embed, remove, take: (file) => (isCloud(file.name) ? fit(file) : embed(file)) });
tray(store, work, showError);
downloads(store, showError);
byId("unwatch").addEventListener("click", () => store.look({ job: null }));
byId("reset-view").addEventListener("click", () => viewer.reset());
watch();
await Promise.all([startViewer(), load(), work.refresh()]);
document.body.dataset.ready = "true";
