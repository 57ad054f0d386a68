/** Runs the aligner off the page's own thread; `facealign.js` talks to it. */

import { Aligner } from "./facealign/aligner.js";
import { overWhite } from "./facealign/pillow.js";
import { FaceTracker } from "./facealign/tracker.js";

let loading = null;
const trackers = new Map();
let last = Promise.resolve();

/** Pixels over white, upright: what `read_image` gives in Python. */
function pixels(source) {
  if ("data" in source) return overWhite(source);
  const { width, height } = source;
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(source, 0, 0);
  source.close();
  return overWhite(pen.getImageData(0, 0, width, height));
}

/** The next frame of a tracker, by the number that the page gave it. */
async function step(aligner, image, { tracker: number, time, ...options }) {
  if (!trackers.has(number)) trackers.set(number, new FaceTracker(aligner));
  const tracker = trackers.get(number);
  tracker.set({ ...tracker.options, ...options });
  return tracker.step(image, time);
}

async function answer({ task, source, options, base, threads }) {
  loading ??= Aligner.load(new URL(base), { threads });
  const aligner = await loading.catch((error) => {
    loading = null; // the next call tries again
    throw error;
  });
  if (task === "load") {
    await aligner.warmUp(options.model);
    return aligner.settings;
  }
  if (task === "forget") return trackers.delete(options.tracker);
  const image = pixels(source);
  if (task === "step") return step(aligner, image, options);
  return task === "detect" ? aligner.detect(image, options) : aligner.align(image, options);
}

addEventListener("message", ({ data }) => {
  // One picture at a time, in the order they came.
  last = last.then(() => answer(data)).then(
    (value) => postMessage({ id: data.id, value }),
    (error) => postMessage({ id: data.id, error: String(error?.message ?? error) }),
  );
});
