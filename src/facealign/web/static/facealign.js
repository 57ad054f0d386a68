/**
 * Facial landmarks in the browser: the same algorithms and weights as the Python package, in a
 * worker. Nothing is sent anywhere; the files beside this one are all it reads.
 *
 *     import { align } from "./facealign.js";
 *     const faces = await align(document.querySelector("img"));
 *     console.log(faces[0].landmarks);  // [[x, y], …] in pixels
 *
 * Left and right are the subject's. Points are x, y in pixels; the top-left pixel's centre is (0, 0).
 *
 * @typedef {Blob | ImageBitmap | ImageData | HTMLImageElement | HTMLCanvasElement
 *   | HTMLVideoElement | OffscreenCanvas} Source
 * @typedef {import("./facealign/aligner.js").Options} Options
 */

import { LiveSmoother } from "./facealign/smoothing.js";

export { faceEntry, toCsv, toJson } from "./facealign/results.js";

const THREADS = 4; // more gain little with networks this small
const BASE = new URL("./", import.meta.url);

let worker = null;
const waiting = new Map();
let count = 0;

/**
 * The faces of a picture, the most certain first.
 *
 * @param {Source} source
 * @param {Options} [options]
 */
export async function align(source, options = {}) {
  return ask("align", await transferable(source), options);
}

/**
 * Boxes from the brows to the chin, scores, and the degrees by which each face leans clockwise.
 *
 * @param {Source} source
 * @param {{minFace?: number}} [options]
 */
export async function detect(source, options = {}) {
  return ask("detect", await transferable(source), options);
}

/**
 * Open the networks before the first picture comes; afterwards no file is read any more.
 *
 * @param {{model?: string}} [options]
 * @returns {Promise<object>} what the package knows: models, point schemes, version.
 */
export function load(options = {}) {
  return ask("load", null, options);
}

let trackers = 0;

/**
 * Follows the faces of a video or camera: each keeps its number (`track`), its points are steady.
 *
 *     const tracker = new Tracker();
 *     const faces = await tracker.step(video, performance.now() / 1000);
 */
export class Tracker {
  #number = trackers++;

  /**
   * @param {{smoothing?: "live" | "none", looks?: 1 | 2, carry?: boolean, detectEvery?: number,
   *   model?: string, minFace?: number, maxFaces?: number, attention?: boolean}} [options]
   */
  constructor(options = {}) {
    this.options = options;
  }

  /** The faces of the next frame. @param {Source} source @param {number} time in seconds. */
  async step(source, time) {
    const options = { ...this.options, tracker: this.#number, time };
    return ask("step", await transferable(source), options);
  }

  /** Forget all faces, as before another video. */
  async reset() {
    await ask("forget", null, { tracker: this.#number });
  }
}

/** Steadies the points of one face that you follow yourself. */
export class Smoother {
  #smoother;

  /** @param {object} settings what `load()` gives. @param {string} markup the points' scheme. */
  constructor(settings, markup) {
    this.#smoother = new LiveSmoother(settings.smoothing, settings.markups[markup].eye_corners);
  }

  /** The points of a frame, filtered. @param {number[][]} points @param {number} time seconds. */
  step(points, time) {
    return this.#smoother.step(points, time);
  }

  /** Forget the past. */
  reset() {
    this.#smoother.reset();
  }
}

/** A photo's pixels as Python reads them: upright by EXIF, colour profiles not applied. */
export function decode(blob) {
  return createImageBitmap(blob, { imageOrientation: "from-image", colorSpaceConversion: "none" });
}

/** Stop the worker; calls under way fail. The next call starts a new one. */
export function close() {
  worker?.terminate();
  worker = null;
  fail("facealign was closed");
}

async function transferable(source) {
  if (source instanceof ImageData) return source;
  return source instanceof Blob ? decode(source) : createImageBitmap(source);
}

function ask(task, source, options) {
  worker ??= start();
  const id = count++;
  const threads = globalThis.crossOriginIsolated
    ? Math.min(THREADS, navigator.hardwareConcurrency || 1)
    : 1;
  const owned = source instanceof ImageBitmap ? [source] : [];
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, task, source, options, base: BASE.href, threads }, owned);
  });
}

function start() {
  const started = new Worker(new URL("worker.js", BASE), { type: "module" });
  started.onmessage = ({ data: { id, value, error } }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(error));
  };
  started.onerror = (event) => {
    worker = null;
    fail(event.message || "the worker could not be started");
  };
  return started;
}

function fail(reason) {
  for (const { reject } of waiting.values()) reject(new Error(reason));
  waiting.clear();
}
