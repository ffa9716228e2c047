/** A job, and what its events make of it. Pure. */

import { count, percent, plural } from "./words.js";

/** @typedef {"queued"|"running"|"done"|"failed"|"cancelled"} Status */
/** @typedef {[step: number, loss: number, value: number]} CurvePoint */
/**
 * @typedef {object} Job as GET /jobs tells it, and what its events added
 * @property {string} id
 * @property {string} space
 * @property {string} name
 * @property {"fit_points"|"attributes"|"distill"} objective
 * @property {Status} status
 * @property {string} detail        why it failed, or ended before its steps were done
 * @property {number} step
 * @property {number} steps
 * @property {number} progress      0 to 1
 * @property {number|null} value    of the best latent so far; the smaller, the better
 * @property {number} seconds       of computing so far
 * @property {number|null} seconds_left
 * @property {string|null} start
 * @property {string|null} latent   the latest to look at
 * @property {string|null} result   once the job is over
 * @property {CurvePoint[]} [curve]
 * @property {number} [heard]       number of the last event that was heard
 * @property {boolean} [ending]     it was told to cancel
 */
/** @typedef {{job: string, number: number, kind: "state"|"progress"|"latent", data: Record<string, any>}} JobEvent */

/** Streams that are open at once: a browser has six connections to a host, and shapes need some. */
export const STREAMS = 3;

/** @param {Pick<Job, "status">} job */
export const isActive = ({ status }) => status === "queued" || status === "running";
/** @param {Pick<Job, "status">} job */
export const canResume = ({ status }) => status === "failed" || status === "cancelled";

/** Computing time left at the pace so far; null where nobody knows. @param {Record<string, any>} job */
export const secondsLeft = ({ step, steps, seconds }) => (step > 0 ? (seconds / step) * (steps - step) : null);

/**
 * A row of the server -> Job. What events told stays, and a row that is older than they are takes nothing back.
 * @param {Job|undefined} known
 * @param {Job} row
 * @returns {Job}
 */
export function absorb(known, row) {
  if (!known) return { ...row, curve: [], heard: 0 };
  const { step, progress, value, seconds, seconds_left, latent } = known;
  const older = isActive(row) && row.step < step ? { step, progress, value, seconds, seconds_left, latent } : {};
  return { ...row, ...older, curve: known.curve, heard: known.heard, ending: isActive(row) && known.ending };
}

/**
 * Job after an event, the same one if it has been heard before: a stream that was opened anew tells everything again.
 * The curve is always told from the start; the rest only by events that are newer than what the server said.
 * @param {Job} job
 * @param {JobEvent} event
 * @returns {Job}
 */
export function hear(job, { number, kind, data }) {
  const { heard = 0, curve = [] } = job;
  if (number <= heard) return job;
  const next = { ...job, heard: number };
  if (kind === "progress") next.curve = [...curve, ...data.curve];
  if (!isActive(job) || !(data.step >= job.step)) return next;
  if (kind === "latent") return { ...next, latent: data.latent };
  const { step, steps, seconds, value } = data;
  return { ...next, step, steps, seconds, value, progress: step / steps, seconds_left: secondsLeft(data) };
}

/**
 * Jobs whose events are listened to: the opened one first, to have its curve, then those that run, then that wait.
 * @param {Job[]} jobs @param {string|null} opened @param {Set<string>} complete
 */
export function followed(jobs, opened, complete = new Set()) {
  /** @param {Job} job */
  const rank = ({ id, status }) => (id === opened ? 0 : status === "running" ? 1 : 2);
  const wanted = jobs.filter((job) => isActive(job) || (job.id === opened && !complete.has(job.id)));
  return wanted.sort((x, y) => rank(x) - rank(y)).slice(0, STREAMS).map(({ id }) => id);
}

/** What a job shows: its result, or the best so far, or what it starts from, if that is one latent. @param {Job} [job] */
export const shownLatent = (job) => job?.result ?? job?.latent ?? job?.start ?? null;

/**
 * The jobs that the tray lists: those of the space that is looked at, without what was dismissed.
 * @param {Pick<import("./state.js").State, "jobs"|"view">} state
 * @returns {Job[]}
 */
export function listed({ jobs, view }) {
  const { items, dismissed } = jobs;
  return items.filter((job) => job.space === view.space && (isActive(job) || !dismissed.includes(job.id)));
}

/** 75 -> "1 min 15 s" @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(1, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  return s < 5400 ? `${Math.round(s / 60)} min` : `${(s / 3600).toFixed(1)} h`;
}

const OVER = { done: "Done", failed: "Failed", cancelled: "Cancelled" };

/** Where a job stands, in a few words. @param {Job} job @param {Job[]} jobs all of them */
export function standing(job, jobs = []) {
  const { status, step, steps, seconds_left: left } = job;
  if (job.ending) return "Cancelling";
  if (status === "running") {
    if (!step) return "Starting";
    return `${percent(job.progress)}${left === null ? "" : `, about ${duration(left)} left`}`;
  }
  if (status !== "queued") return step < steps ? `${OVER[status]} after ${plural(step, "step")}` : `${OVER[status]}, ${plural(steps, "step")}`;
  const running = jobs.filter((other) => other.status === "running").length;
  return running ? `Waiting: ${running === 1 ? "another job runs" : `${count(running)} others run`}` : "Waiting for a worker";
}

/** The whole tray in a few words. @param {Job[]} jobs */
export function summary(jobs) {
  const running = jobs.filter(({ status }) => status === "running");
  const waiting = jobs.filter(({ status }) => status === "queued").length;
  const failed = jobs.filter(({ status }) => status === "failed").length;
  const done = jobs.filter(({ status }) => status === "done").length;
  const parts = [
    running.length === 1 ? `running, ${percent(running[0].progress)}` : running.length && `${running.length} running`,
    waiting && `${waiting} waiting`,
    !running.length && !waiting && done && `${done} done`,
    !running.length && !waiting && failed && `${failed} failed`,
  ];
  return parts.filter(Boolean).join(", ") || (jobs.length ? `${jobs.length}` : "none yet");
}
