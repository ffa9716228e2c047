/** Films: what a canvas shows while time passes, recorded by the browser. */

/** @typedef {"turntable"|"morph"|"both"} Kind */
/** @typedef {{mime: string, suffix: string}} Format */

/** What browsers record, the best first. */
const FORMATS = [
  { mime: "video/webm;codecs=vp9", suffix: "webm" },
  { mime: "video/webm;codecs=vp8", suffix: "webm" },
  { mime: "video/webm", suffix: "webm" },
  { mime: "video/mp4", suffix: "mp4" },
];
const RATE = 30;
const BITS_PER_SECOND = 8_000_000;
/** The recorder hands over what it has encoded so often. */
const SLICE_MS = 200;
/** An encoder that has not handed over anything for so long has nothing left; */
const QUIET_MS = 800;
/** one is waited for no longer than this, before the film and after it. */
const PATIENCE_MS = 8000;
/** A film that stands still for longer was out of sight. */
const GAP_MS = 1000;

/** What this browser can record, or null. @returns {Format|null} */
export function recordable(Recorder = globalThis.MediaRecorder, Canvas = globalThis.HTMLCanvasElement) {
  if (!Recorder?.isTypeSupported || !(/** @type {any} */ (Canvas)?.prototype.captureStream)) return null;
  return FORMATS.find(({ mime }) => Recorder.isTypeSupported(mime)) ?? null;
}

/** From A to B and back, slower near the ends; ends where it begins, so that it can be looped. @param {number} share of the film */
const thereAndBack = (share) => (1 - Math.cos(2 * Math.PI * share)) / 2;

/**
 * Where on the line, and how far around, a film is at a share of its length.
 * @param {Kind} kind @param {number} share 0 to 1 @param {number} t where the line stands
 * @returns {{t: number, angle: number}} angle in radians
 */
export const poseAt = (kind, share, t) => ({
  t: kind === "turntable" ? t : thereAndBack(share),
  angle: kind === "morph" ? 0 : 2 * Math.PI * share,
});

/** Places on the line whose shapes a morph needs, both ends included. @param {number} count @returns {number[]} */
export const stops = (count) => Array.from({ length: count }, (_, i) => i / (count - 1));

const nextFrame = () => new Promise((/** @type {(now: number) => void} */ resolve) => requestAnimationFrame(resolve));

/**
 * Records what `paint` draws. Rejects with the signal's reason when it is aborted; nothing is kept then.
 * @param {HTMLCanvasElement} canvas
 * @param {object} how
 * @param {(share: number) => void} how.paint   draws what is seen at a share of the film, 0 to 1
 * @param {number} how.seconds
 * @param {string} how.mime
 * @param {AbortSignal} how.signal
 * @param {(share: number) => void} [how.progress]
 * @param {typeof MediaRecorder} [how.Recorder]
 * @param {() => Promise<number>} [how.tick]    resolves with the time in milliseconds when the next picture is due
 * @returns {Promise<Blob>}
 */
export async function film(canvas, { paint, seconds, mime, signal, progress = () => {}, Recorder = MediaRecorder, tick = nextFrame }) {
  signal.throwIfAborted();
  paint(0);
  const stream = canvas.captureStream(RATE);
  const recorder = new Recorder(stream, { mimeType: mime, videoBitsPerSecond: BITS_PER_SECOND });
  /** @type {Blob[]} */
  const parts = [];
  let heard = 0;
  recorder.addEventListener("dataavailable", ({ data }) => {
    if (data.size) parts.push(data);
    heard = performance.now();
  });
  const over = new Promise((resolve, reject) => {
    recorder.addEventListener("stop", resolve);
    recorder.addEventListener("error", () => reject(new Error("The browser stopped recording.")));
  });
  try {
    recorder.start(SLICE_MS);
    await until(() => heard > 0, () => paint(0), { signal, tick });
    await play({ paint, seconds, signal, progress, tick });
    const end = performance.now();
    await until(() => performance.now() - Math.max(heard, end) > QUIET_MS, () => {}, { signal, tick });
    recorder.stop();
    await over;
  } finally {
    if (recorder.state !== "inactive") recorder.stop();
    for (const track of stream.getTracks()) track.stop();
  }
  return new Blob(parts, { type: mime });
}

/**
 * Waits for an encoder: it starts late, and what it has not encoded when it is stopped is lost.
 * @param {() => boolean} ready @param {() => void} meanwhile @param {{signal: AbortSignal, tick: () => Promise<number>}} how
 */
async function until(ready, meanwhile, { signal, tick }) {
  const start = performance.now();
  while (!ready() && performance.now() - start < PATIENCE_MS) {
    await tick();
    signal.throwIfAborted();
    meanwhile();
  }
}

/** @param {{paint: (share: number) => void, seconds: number, signal: AbortSignal, progress: (share: number) => void, tick: () => Promise<number>}} how */
async function play({ paint, seconds, signal, progress, tick }) {
  let last = await tick();
  for (let passed = 0; passed < 1000 * seconds; ) {
    const now = await tick();
    signal.throwIfAborted();
    passed += Math.min(now - last, GAP_MS);
    last = now;
    const share = Math.min(1, passed / (1000 * seconds));
    paint(share);
    progress(share);
  }
}
