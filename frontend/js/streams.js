/**
 * Event streams of some jobs. A connection that breaks is taken up by EventSource itself, which sends the last event's
 * id; the server answers 204 once a job is over and all was told, and the stream is closed for good.
 */

import { eventsURL } from "./api.js";

const KINDS = ["state", "progress", "latent"];

export class Streams {
  /** @type {Map<string, EventSource>} */
  #open = new Map();

  /**
   * @param {object} how
   * @param {(event: import("./job.js").JobEvent) => void} how.hear
   * @param {(job: string) => void} how.close    the server ended a stream, or refuses it
   * @param {(job: string, there: boolean) => void} how.reach   whether the server is there
   * @param {(url: string) => EventSource} [how.connect]
   */
  constructor({ hear, close, reach, connect = (url) => new EventSource(url) }) {
    this.hear = hear;
    this.close = close;
    this.reach = reach;
    this.connect = connect;
  }

  /** Listens to exactly these jobs. @param {string[]} jobs */
  follow(jobs) {
    for (const [job, source] of this.#open) {
      if (jobs.includes(job)) continue;
      this.#open.delete(job);
      source.close();
    }
    for (const job of jobs) if (!this.#open.has(job)) this.#listen(job);
  }

  /** @param {string} job */
  #listen(job) {
    const source = this.connect(eventsURL(job));
    const mine = () => this.#open.get(job) === source;
    this.#open.set(job, source);
    for (const kind of KINDS) source.addEventListener(kind, ({ data }) => mine() && this.hear(JSON.parse(data)));
    source.addEventListener("open", () => mine() && this.reach(job, true));
    source.addEventListener("error", () => {
      if (!mine()) return;
      if (source.readyState !== source.CLOSED) return this.reach(job, false);
      this.#open.delete(job);
      this.close(job);
    });
  }
}
