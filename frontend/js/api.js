/** The one module that talks to the server. Every failure leaves it as a ProblemError with words to show. */

import { ownerToken } from "./owner.js";

/** @typedef {import("./state.js").Line} Line */
/** @typedef {import("./state.js").Spot} Spot */
/** @typedef {{projection: string, projections: {name: string, title: string}[], axes: {title: string}[], points: [string, number, number][]}} MapPoints */
/** @typedef {{id: string, name: string, parameters: number}} Architecture */
/** @typedef {{id: string, title: string, latent_size: number, task?: "sdf"|"classifier", architectures: Architecture[], gallery_size: number}} Space */
/**
 * @typedef {object} Latent
 * @property {string} id
 * @property {string} space
 * @property {string} name
 * @property {"gallery"|"upload"|"job"|"place"} origin
 * @property {string|Architecture} architecture
 * @property {number|null} iou          overlap of the decoded network's shape with the network's own
 * @property {number|null} [agreement]  of classifiers: share of images that both put into one class
 * @property {number|null} [accuracy]
 * @property {"gallery"|"images"|"estimate"|null} [accuracy_from]
 * @property {boolean} represented
 * @property {string} verdict
 * @property {"train"|"val"|"test"|null} [split]  of the zoo that it is of; null for what was made here
 * @property {[number, number]} position
 * @property {Object<string, string|number|boolean>} properties
 * @property {boolean} has_network      whether the network itself, not only its latent, is known
 * @property {string|null} picture
 * @property {{id: string, name: string, distance: number}[]} [nearest]
 * @property {number[]} [vector]
 */
/** @typedef {{t: number, architecture: string, volume: number, parts: number, largest_share: number, empty: boolean}} Point */

/**
 * @typedef {{t: number, architecture: string, probabilities: Record<string, number>, accuracy: number|null, accuracy_from: "gallery"|"images"|"estimate"|null}} ClassifierPoint
 */

export class ProblemError extends Error {
  /** @param {{slug?: string, title: string, detail?: string, status?: number}} problem */
  constructor({ slug = "about:blank", title, detail = "", status = 0 }) {
    super(detail || title);
    this.name = "ProblemError";
    Object.assign(this, { slug, title, detail, status });
  }
}

/** @param {unknown} error */
export const isAbort = (error) => error instanceof DOMException && error.name === "AbortError";

/**
 * RFC 9457 document, or whatever else came -> ProblemError.
 * @param {Response} response
 */
async function problem(response) {
  const fallback = { title: `The server answered ${response.status}`, detail: response.statusText, status: response.status };
  if (!(response.headers.get("content-type") ?? "").includes("json")) return new ProblemError(fallback);
  const body = await response.json().catch(() => ({}));
  const fields = /** @type {{where: string, message: string}[]} */ (body.errors ?? []).map((e) => `${e.where}: ${e.message}`).join("; ");
  return new ProblemError({
    slug: String(body.type ?? "").split("/").pop() || undefined,
    title: body.title ?? fallback.title,
    detail: [body.detail, fields].filter(Boolean).join(" "),
    status: response.status,
  });
}

/** With this what a browser makes is listed for it, and nobody else can delete it. */
const OWNER = "X-NetSpace-Owner";

const UNREACHABLE = {
  slug: "unreachable",
  title: "The server did not answer",
  detail: "Is it running, and is this device connected to it?",
};

/** POSTs that change nothing: they may be asked again. */
const QUESTIONS = ["/interpolate", "/compare", "/decode"];
/** How often a question is asked again of a server that is busy, and how long it is waited at most, in seconds. */
const AGAIN = 4;
const LONGEST_WAIT = 5;

/**
 * fetch that throws ProblemError for anything but 2xx, and lets aborts through. A server that is busy is asked again when it says.
 * @param {string} url
 * @param {RequestInit} [options]
 */
async function call(url, options) {
  const asks = !options?.method || QUESTIONS.includes(url);
  for (let left = asks ? AGAIN : 0; ; left -= 1) {
    const response = await answer(url, options);
    if (response.ok) return response;
    const wait = response.status === 503 ? Number(response.headers.get("retry-after")) : 0;
    if (!left || !(wait > 0)) throw await problem(response);
    await pause(1000 * Math.min(LONGEST_WAIT, wait), options?.signal);
  }
}

/** @param {string} url @param {RequestInit} [options] */
async function answer(url, options) {
  try {
    return await fetch(url, { ...options, headers: { ...options?.headers, [OWNER]: ownerToken() } });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ProblemError(UNREACHABLE);
  }
}

/** Rejects as fetch does where it is aborted. @param {number} ms @param {AbortSignal|null} [signal] @returns {Promise<void>} */
const pause = (ms, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, ms);
  signal?.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(new DOMException("aborted", "AbortError"));
  }, { once: true });
});

/** @param {object} values */
const query = (values) => new URLSearchParams(Object.entries(values).filter(([, v]) => v !== undefined && v !== null)).toString();
/** @param {string} url @param {AbortSignal} [signal] */
const getJSON = async (url, signal) => (await call(url, { signal })).json();
/** @param {string} url @param {object} body @param {AbortSignal} [signal] */
const post = (url, body, signal) =>
  call(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal });

/** Whether the server answers at all. @returns {Promise<boolean>} */
export const alive = async () => (await fetch("/healthz", { cache: "no-store" }).catch(() => null))?.ok ?? false;

/** @param {AbortSignal} [signal] @returns {Promise<Space[]>} */
export const spaces = async (signal) => (await getJSON("/spaces", signal)).spaces;

/**
 * Every latent of a space, gallery and uploads, page by page.
 * @param {string} space
 * @param {AbortSignal} [signal]
 * @returns {Promise<Latent[]>}
 */
export async function latents(space, signal, limit = 1000) {
  const items = [];
  for (;;) {
    const page = await getJSON(`/spaces/${encodeURIComponent(space)}/latents?${query({ offset: items.length, limit })}`, signal);
    items.push(...page.items);
    if (!page.items.length || items.length >= page.total) return items;
  }
}

/** @param {string} id @param {{vector?: boolean, signal?: AbortSignal}} [how] @returns {Promise<Latent>} */
export const latent = (id, { vector = false, signal } = {}) =>
  getJSON(`/latents/${encodeURIComponent(id)}${vector ? "?vector=true" : ""}`, signal);

/** @param {string} id */
export const removeLatent = (id) => call(`/latents/${encodeURIComponent(id)}`, { method: "DELETE" });

/**
 * Embeds a network's file.
 * @param {File} file
 * @param {string|null} space   null for one that can read it
 * @param {(share: number) => void} [sent] told how much of the file has reached the server, 0 to 1
 * @param {AbortSignal} [signal]
 * @returns {Promise<Latent>}
 */
export async function embed(file, space, sent = () => {}, signal = undefined) {
  const body = new FormData();
  body.append("file", file);
  if (space) body.append("space", space);
  return (await send("/embed", body, sent, signal)).json();
}

/**
 * POST that tells how much was sent: `fetch` cannot.
 * @param {string} url @param {FormData} body @param {(share: number) => void} sent @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function send(url, body, sent, signal) {
  const request = new XMLHttpRequest();
  const done = new Promise((resolve, reject) => {
    request.upload.onprogress = ({ lengthComputable, loaded, total }) => sent(lengthComputable && total ? loaded / total : 0);
    request.onload = () => resolve(request);
    request.onerror = () => reject(new ProblemError(UNREACHABLE));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
  });
  signal?.addEventListener("abort", () => request.abort());
  request.open("POST", url);
  request.setRequestHeader(OWNER, ownerToken());
  request.send(body);
  await done;
  const headers = { "content-type": request.getResponseHeader("content-type") ?? "" };
  const response = new Response(request.responseText, { status: request.status, statusText: request.statusText, headers });
  if (!response.ok) throw await problem(response);
  return response;
}

/**
 * @param {Line} line
 * @param {{steps: number} | {ts: number[]}} where
 * @param {AbortSignal} [signal]
 * @returns {Promise<Point[]>}
 */
export const interpolate = async ({ a, b, of }, where, signal) =>
  (await (await post("/interpolate", { a, b, of, ...where }, signal)).json()).points;

/** The mesh of a point of a line, or of a place. @param {Spot} spot @param {number} resolution @param {string} format */
export const meshURL = ({ a, b, of, t, at }, resolution, format) => `/mesh?${query({ ...(at ? { at } : { a, b, t, of }), resolution, format })}`;

/** The mesh in the binary format; `mesh.js` decodes it. @param {Spot} spot @param {number} resolution @param {AbortSignal} [signal] @returns {Promise<ArrayBuffer>} */
export const mesh = async (spot, resolution, signal) => (await call(meshURL(spot, resolution, "bin"), { signal })).arrayBuffer();

/** Where every latent lies on the map. @param {string} space @param {string|null} projection @param {AbortSignal} [signal] @returns {Promise<MapPoints>} */
export const map = (space, projection, signal) => getJSON(`/spaces/${encodeURIComponent(space)}/map?${query({ projection })}`, signal);

/** Keeps a place as a latent. @param {string} space @param {string} at @param {string} name @returns {Promise<Latent>} */
export const keepPlace = async (space, at, name) => (await post("/latents", { space, at, name })).json();

/** @param {string} id */
export const pictureURL = (id) => `/latents/${encodeURIComponent(id)}/picture`;

/** The file of the network decoded at a place. @param {string} space @param {string} at @param {string} format @returns {Promise<Blob>} */
export const decode = async (space, at, format) => (await post("/decode", { space, at, format })).blob();

/** @param {string} id @param {string} format @param {"decoded"|"input"} of @returns {Promise<Blob>} */
export const network = async (id, format, of) => (await call(`/latents/${encodeURIComponent(id)}/network?${query({ format, of })}`)).blob();

/**
 * How right the classifier at a point of a line, or at a place, is, class by class.
 * @param {Spot} spot @param {AbortSignal} [signal]
 * @returns {Promise<{accuracy: number, images: number, classes: {name: string, accuracy: number|null, images: number}[]}>}
 */
export const classes = ({ a, b, of, t, at }, signal) => getJSON(`/classes?${query(at ? { at } : { a, b, t, of })}`, signal);

/** What a space can change. @param {string} space @param {AbortSignal} [signal] @returns {Promise<import("./wishes.js").Attribute[]>} */
export const attributes = async (space, signal) => (await getJSON(`/spaces/${encodeURIComponent(space)}/attributes`, signal)).attributes;

/**
 * Keeps a mesh's or a file's points.
 * @param {File} file @param {AbortSignal} [signal]
 * @returns {Promise<{id: string, name: string, points: number, normals: boolean}>}
 */
export async function points(file, signal) {
  const body = new FormData();
  body.append("file", file);
  return (await call("/points", { method: "POST", body, signal })).json();
}

/**
 * Directions that mean something in a space, and what a property must reach to be one.
 * @param {string} space @param {AbortSignal} [signal]
 * @returns {Promise<{directions: import("./pushes.js").Direction[], fewest: number, least_r2: number}>}
 */
export const directions = (space, signal) => getJSON(`/spaces/${encodeURIComponent(space)}/directions`, signal);

/** Two latents or places in numbers. @param {string} a @param {string} b @param {AbortSignal} [signal] @returns {Promise<import("./likeness.js").Comparison>} */
export const compare = async (a, b, signal) => (await post("/compare", { a, b }, signal)).json();

/** @param {string} id */
const jobURL = (id, rest = "") => `/jobs/${encodeURIComponent(id)}${rest}`;

/** The newest first. @param {AbortSignal} [signal] @returns {Promise<import("./job.js").Job[]>} */
export const jobs = async (signal) => (await getJSON("/jobs?limit=100", signal)).items;

/** @param {string} id @param {AbortSignal} [signal] @returns {Promise<import("./job.js").Job>} */
export const job = (id, signal) => getJSON(jobURL(id), signal);

/** @param {object} request @returns {Promise<import("./job.js").Job>} */
export const startJob = async (request) => (await post("/jobs", request)).json();

/** @param {"cancel"|"resume"} what @param {string} id @returns {Promise<import("./job.js").Job>} */
export const changeJob = async (id, what) => (await call(jobURL(id, `/${what}`), { method: "POST" })).json();

/** Server-sent events, for EventSource. @param {string} id */
export const eventsURL = (id) => jobURL(id, "/events");
