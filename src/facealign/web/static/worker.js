/** Runs the aligner off the page's own thread; `facealign.js` talks to it. */

import { Aligner } from "./facealign/aligner.js";

let loading = null;
let last = Promise.resolve();

/** Pixels over white, upright: what `read_image` gives in Python. */
function pixels(source) {
  if ("data" in source) return source;
  const { width, height } = source;
  const pen = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(source, 0, 0);
  source.close();
  return pen.getImageData(0, 0, width, height);
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
  const image = pixels(source);
  return task === "detect" ? aligner.detect(image, options) : aligner.align(image, options);
}

addEventListener("message", ({ data }) => {
  // One picture at a time, in the order they came.
  last = last.then(() => answer(data)).then(
    (value) => postMessage({ id: data.id, value }),
    (error) => postMessage({ id: data.id, error: String(error?.message ?? error) }),
  );
});
