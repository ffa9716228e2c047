/** The tray of jobs, always there: folded to a few words, or a list in which each job can be opened and acted upon. */

import * as api from "./api.js";
import { curveSummary, drawCurve } from "./curve.js";
import { byId, darkScheme, el, icon, put } from "./dom.js";
import { canResume, isActive, listed, shownLatent, standing, summary } from "./job.js";
import { sentence } from "./words.js";

/** @typedef {import("./state.js").State} State */
/** @typedef {import("./job.js").Job} Job */

/**
 * @param {import("./state.js").Store} store
 * @param {import("./jobs.js").Work} work
 * @param {(error: unknown) => void} fail
 */
export function tray(store, work, fail) {
  const [toggle, panel, list] = ["tray-toggle", "tray-panel", "tray-list"].map((id) => byId(id));
  /** @type {Map<string, ReturnType<typeof entry>>} */
  const entries = new Map();

  /** @param {Partial<State["tray"]>} patch */
  const set = (patch) => store.set({ tray: { ...store.get().tray, ...patch } });
  /** @param {boolean} open */
  const fold = (open) => {
    set({ open });
    if (!open) toggle.focus();
  };
  toggle.addEventListener("click", () => fold(!store.get().tray.open));
  byId("tray-close").addEventListener("click", () => fold(false));
  panel.addEventListener("keydown", (event) => event.key === "Escape" && fold(false));

  /** @param {string} id */
  function open(id) {
    const opened = store.get().tray.opened === id ? null : id;
    set({ opened });
    if (opened) store.look({ job: id });
  }

  /** A job's element, its update, and its plot. @param {Job} job */
  function entry({ id, name, objective }) {
    const picture = el("span", { class: "job-picture" }, icon(objective === "fit_points" ? "points" : "wishes"));
    const words = el("span", { class: "job-standing" });
    const body = el("div", { class: "job-body", id: `job-${id}` });
    const head = el("button", { type: "button", class: "job-head", "aria-controls": body.id, onclick: () => open(id) },
      picture, el("span", { class: "job-name" }, name), words);
    const progress = el("progress", { max: 1, "aria-label": `Progress of ${name}` });
    /** @param {string} label @param {() => void} run */
    const button = (label, run, more = {}) => el("button", { type: "button", onclick: run, ...more }, label);
    const actions = {
      cancel: button("Cancel", () => work.cancel(id), { class: "small", "aria-label": `Cancel ${name}` }),
      dismiss: button("×", () => dismiss(id), { class: "quiet small", "aria-label": `Dismiss ${name}`, title: "Dismiss" }),
      watch: button("Show on the stage", () => store.look({ job: id }), { class: "small" }),
      a: button("Use as A", () => use("a", id), { class: "small use a" }),
      b: button("Use as B", () => use("b", id), { class: "small use b" }),
      resume: button("Resume", () => work.resume(id), { class: "small" }),
    };
    const detail = el("p", { class: "job-detail" });
    const curve = el("div", { class: "curve", role: "img" });
    const caption = el("p", { class: "muted", id: `curve-${id}` });
    curve.setAttribute("aria-labelledby", caption.id);
    body.append(detail, curve, caption, el("div", { class: "row" }, actions.watch, actions.a, actions.b, actions.resume));
    const node = el("li", { class: "job", "data-id": id }, head, actions.cancel, actions.dismiss, progress, body);

    /** @type {import("./job.js").CurvePoint[]|null} */
    let drawn = null;
    /** @param {Job} job @param {State} state @param {Job[]} jobs */
    function draw(job, state, jobs) {
      const { status, result } = job;
      const opened = state.tray.opened === id;
      node.dataset.status = status;
      put(words, standing(job, jobs));
      head.setAttribute("aria-expanded", String(opened));
      body.hidden = !opened;
      progress.hidden = !isActive(job);
      progress.value = job.progress;
      actions.cancel.hidden = !isActive(job);
      actions.cancel.disabled = Boolean(job.ending);
      actions.dismiss.hidden = isActive(job);
      actions.watch.hidden = !shownLatent(job) || state.view.job === id;
      actions.a.hidden = actions.b.hidden = !result;
      actions.resume.hidden = !canResume(job);
      put(detail, detailOf(job, state));
      detail.hidden = !detail.textContent;
      if (result && !picture.querySelector("img")) illustrate(picture, result);
      if (opened) plot(job);
    }

    /** @param {Job} job */
    function plot(job) {
      const { curve: points = [] } = job;
      put(caption, curveSummary(points));
      curve.hidden = caption.hidden = !points.length;
      if (curve.hidden || drawn === points) return;
      drawn = points;
      drawCurve(curve, job).catch(fail);
    }

    return { node, draw, fade: () => (drawn = null) };
  }

  /** @param {Job} job @param {State} state */
  function detailOf({ status, detail }, { jobs }) {
    if (status === "queued" && jobs.unworked) return NO_WORKER;
    return sentence(detail ?? "");
  }

  /** @param {string} id */
  function dismiss(id) {
    const node = entries.get(id)?.node;
    const neighbour = node?.nextElementSibling ?? node?.previousElementSibling;
    work.dismiss(id);
    /** @type {HTMLElement} */ (neighbour?.querySelector(".job-head") ?? byId("tray-close")).focus();
  }

  /** @param {"a"|"b"} end @param {string} id */
  const use = (end, id) => store.look({ [end]: store.get().jobs.items.find((job) => job.id === id)?.result ?? null, t: end === "a" ? 0 : 1 });

  /** @param {import("./job.js").Job} job */
  function entryOf(job) {
    const known = entries.get(job.id) ?? entry(job);
    entries.set(job.id, known);
    return known;
  }

  /** @param {State} state */
  function drawList(state) {
    const jobs = listed(state);
    const { phase, error, lost } = state.jobs;
    const shown = jobs.map(entryOf);
    const nodes = shown.map(({ node }) => node);
    if (nodes.length !== list.children.length || nodes.some((node, i) => node !== list.children[i])) list.replaceChildren(...nodes);
    shown.forEach(({ draw }, i) => draw(jobs[i], state, jobs));
    byId("tray-empty").hidden = phase !== "known" || jobs.length > 0;
    byId("tray-lost").hidden = !lost;
    byId("tray-failed").hidden = phase !== "failed";
    put(byId("tray-error"), error ? `${error.title ?? "Something went wrong"}. ${error.detail ?? error.message}` : "");
  }

  /** @param {State} state */
  function draw(state) {
    const jobs = listed(state);
    const active = jobs.filter(isActive);
    const share = active.length ? active.reduce((sum, job) => sum + job.progress, 0) / active.length : 0;
    put(byId("tray-summary"), state.jobs.phase === "known" ? summary(jobs) : state.jobs.phase === "failed" ? "not known" : "…");
    toggle.style.setProperty("--share", String(share));
    toggle.dataset.active = String(active.length > 0);
    toggle.setAttribute("aria-expanded", String(state.tray.open));
    panel.hidden = !state.tray.open;
    if (state.tray.open) drawList(state);
  }

  byId("tray-again").addEventListener("click", () => work.refresh());
  darkScheme.onChange(() => {
    for (const { fade } of entries.values()) fade();
    draw(store.get());
  });
  store.subscribe((state, before) => {
    if (state.jobs !== before.jobs || state.tray !== before.tray || state.view !== before.view) draw(state);
  });
  draw(store.get());
}

const NO_WORKER = "No worker has taken it yet. It is safe where it is and starts as soon as one is there: python -m server.jobs starts one.";

/** The result's picture in the place of the icon. @param {HTMLElement} host @param {string} latent */
function illustrate(host, latent) {
  const image = el("img", { alt: "", width: 40, height: 40, src: api.pictureURL(latent) });
  image.addEventListener("load", () => host.replaceChildren(image), { once: true });
}
