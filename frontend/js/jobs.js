/** The page's jobs: asked for, listened to, cancelled, resumed, dismissed. What they look like is the tray's matter. */

import * as api from "./api.js";
import { absorb, followed, hear, isActive, listed } from "./job.js";
import { recall, remember } from "./memory.js";
import { newest } from "./newest.js";
import { Streams } from "./streams.js";
import { attributesRequest, pointsRequest } from "./wishes.js";

/** @typedef {import("./job.js").Job} Job */

/** Events that come together are told together. */
const TOGETHER_MS = 40;
/** After this long without an answer, or without a worker, the page says so. */
const LOST_MS = 3000;
const UNWORKED_MS = 8000;
/** Between two looks at jobs that no stream tells of. */
const AGAIN_MS = 5000;

/** How a job has ended. @type {Record<string, string>} */
const ENDED = { done: "is done", failed: "has failed", cancelled: "was cancelled" };

/** @typedef {ReturnType<typeof jobs>} Work */

/** What is known at the start. @returns {import("./state.js").JobsState} */
export const jobsAtStart = () => ({ phase: "loading", items: [], dismissed: recall("localStorage", "dismissed", []), lost: false, unworked: false });
/** @param {string|null} watched */
export const trayAtStart = (watched) => ({ open: Boolean(watched) || recall("sessionStorage", "tray", false), opened: watched });

/**
 * @param {import("./state.js").Store} store
 * @param {object} tell
 * @param {(error: unknown, action?: {label: string, run: () => void}) => void} tell.fail
 * @param {(text: string) => void} tell.news
 */
export function jobs(store, { fail, news }) {
  /** @param {Partial<import("./state.js").JobsState>} patch */
  const change = (patch) => store.set({ jobs: { ...store.get().jobs, ...patch } });
  /** @param {string} id */
  const known = (id) => store.get().jobs.items.find((job) => job.id === id);
  /** @param {string} id */
  const goesOn = (id) => Boolean(known(id) && isActive(/** @type {Job} */ (known(id))));
  /** @param {Job} job */
  const replace = (job) => change({ items: store.get().jobs.items.map((other) => (other.id === job.id ? job : other)) });

  /** Jobs whose every event has been told. */
  const complete = new Set();

  // Rows

  const fetchJobs = newest((signal) => api.jobs(signal));
  let again = 0;
  let listing = false;

  async function refresh() {
    clearTimeout(again);
    again = 0;
    listing = true;
    try {
      const rows = await fetchJobs();
      if (!rows) return; // a newer list is on its way
      listing = false;
      change({ phase: "known", lost: false, error: undefined, items: rows.map((row) => absorb(known(row.id), row)) });
      await findWatched();
    } catch (error) {
      listing = false;
      if (store.get().jobs.phase === "known") change({ lost: true });
      else change({ phase: "failed", error });
    }
    lookAgain();
  }

  /** The watched job may be older than what is listed, or gone. */
  async function findWatched() {
    const { job } = store.get().view;
    if (!job || known(job)) return;
    try {
      put(await api.job(job));
    } catch (error) {
      fail(error);
      store.look({ job: null });
    }
  }

  /** Sees to the jobs that no stream tells of, and to a server that was gone. */
  function lookAgain() {
    const { jobs: now } = store.get();
    const untold = listed(store.get()).some((job) => isActive(job) && !streamed.includes(job.id));
    if (!now.lost && !untold) {
      clearTimeout(again);
      again = 0;
    } else again ||= setTimeout(refresh, AGAIN_MS);
  }

  /** @param {Job} row */
  function put(row) {
    const before = known(row.id);
    if (before) return replace(absorb(before, row));
    change({ items: [absorb(undefined, row), ...store.get().jobs.items] });
    if (listing) refresh(); // the list on its way may not know it yet
  }

  const asks = new Map();
  /** @param {string} id */
  async function ask(id) {
    if (!asks.has(id)) asks.set(id, newest((signal) => api.job(id, signal)));
    try {
      const row = await asks.get(id)();
      if (row) put(row);
    } catch {
      lookAgain(); // the list is asked for again as soon as the server is there
    }
  }

  // Events: what changes a job's state is asked for, so that an old event never overrules the server

  /** @type {import("./job.js").JobEvent[]} */
  let heard = [];
  function tellTogether() {
    const events = heard;
    heard = [];
    const items = store.get().jobs.items.map((job) => events.filter((event) => event.job === job.id).reduce(hear, job));
    const changed = new Set(events.filter(({ kind, job }) => kind === "state" && goesOn(job)).map(({ job }) => job));
    change({ items });
    changed.forEach(ask);
  }

  const doubts = new Map();
  /** @param {string} id @param {boolean} there */
  function reach(id, there) {
    clearTimeout(doubts.get(id));
    if (there && store.get().jobs.lost) change({ lost: false });
    if (!there) doubts.set(id, setTimeout(() => goesOn(id) && change({ lost: true }), LOST_MS));
  }

  /** @type {string[]} */
  let streamed = [];
  const streams = new Streams({
    hear(event) {
      if (!heard.length) setTimeout(tellTogether, TOGETHER_MS);
      heard.push(event);
    },
    reach,
    close(id) {
      clearTimeout(doubts.get(id));
      if (goesOn(id)) {
        streamed = streamed.filter((other) => other !== id);
        return lookAgain();
      }
      complete.add(id);
      follow();
    },
  });

  function follow() {
    const state = store.get();
    streamed = followed(listed(state), state.tray.opened, complete);
    streams.follow(streamed);
    lookAgain();
  }

  // What happens to jobs

  /** A job that has ended with a result has made a new choice for A and B. @param {Job} job */
  async function ended(job) {
    const words = ENDED[job.status];
    try {
      const latent = job.result && (await api.latent(job.result));
      const { latents } = store.get();
      if (latent && !latents.some(({ id }) => id === latent.id)) store.set({ latents: [latent, ...latents] });
      news(`“${job.name}” ${words}${latent ? "; its result is a choice in both galleries" : ""}.`);
    } catch (error) {
      fail(error);
    }
  }

  let unworked = 0;
  /** @param {Job[]} active */
  function mindWorkers(active) {
    const stuck = active.length > 0 && active.every(({ status }) => status === "queued");
    if (!stuck) {
      clearTimeout(unworked);
      unworked = 0;
      if (store.get().jobs.unworked) change({ unworked: false });
    } else if (!unworked) unworked = setTimeout(() => change({ unworked: true }), UNWORKED_MS);
  }

  store.subscribe((state, before) => {
    if (state.tray.open !== before.tray.open) remember("sessionStorage", "tray", state.tray.open);
    const moved = state.jobs.items !== before.jobs.items;
    if (!moved && state.tray.opened === before.tray.opened && state.view.space === before.view.space) return;
    for (const job of moved ? state.jobs.items : []) {
      const was = before.jobs.items.find(({ id }) => id === job.id);
      if (isActive(job)) complete.delete(job.id);
      else if (was && isActive(was)) ended(job);
    }
    mindWorkers(listed(state).filter(isActive));
    follow();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && refresh());

  // What a person does

  /** @param {object} request */
  async function submit(request) {
    const job = await api.startJob(request);
    put(job);
    store.set({ tray: { open: true, opened: job.id }, playing: false });
    store.look({ job: job.id });
  }

  /** @param {string} id @param {"cancel"|"resume"} what */
  async function alter(id, what) {
    try {
      put(await api.changeJob(id, what));
    } catch (error) {
      const job = known(id);
      if (job) replace({ ...job, ending: false });
      fail(error);
      ask(id);
    }
  }

  const fetchOffer = newest((signal, space) => api.attributes(space, signal));

  return {
    refresh,
    /** What jobs can change in this space. @param {string} space */
    async offer(space) {
      store.set({ offer: { phase: "loading", attributes: [] } });
      try {
        const attributes = await fetchOffer(space);
        if (attributes) store.set({ offer: { phase: "known", attributes } });
      } catch (error) {
        store.set({ offer: { phase: "failed", attributes: [], error } });
      }
    },
    submit,
    /** A job for these wishes. Raises ProblemError. @param {Record<string, number>} notches @param {import("./api.js").Latent} start */
    async wish(start, notches) {
      const { attributes } = store.get().offer;
      const line = { a: start.id, b: start.id, of: /** @type {const} */ ("latent") };
      const volume = notches.volume ? (await api.interpolate(line, { ts: [0] }))[0].volume : 0;
      await submit(attributesRequest(start, attributes, notches, volume));
    },
    /** A job for a file's points. Raises ProblemError. @param {File} file @param {{start: string|null, whole: boolean}} how */
    async fit(file, how) {
      await submit(pointsRequest(await api.points(file), { ...how, space: store.get().view.space ?? "" }));
    },
    /** @param {string} id */
    cancel(id) {
      const job = known(id);
      if (job) replace({ ...job, ending: true });
      return alter(id, "cancel");
    },
    /** @param {string} id */
    resume: (id) => alter(id, "resume"),
    /** Takes a job that is over off the list; the server keeps it, and its result. @param {string} id */
    dismiss(id) {
      const { items, dismissed } = store.get().jobs;
      const kept = [...dismissed, id].filter((old) => items.some((job) => job.id === old));
      remember("localStorage", "dismissed", kept);
      change({ dismissed: kept });
      if (store.get().tray.opened === id) store.set({ tray: { ...store.get().tray, opened: null } });
      if (store.get().view.job === id) store.look({ job: null });
    },
  };
}
