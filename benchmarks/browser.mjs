// How long the page's steps take in headless Chromium: node browser.mjs '{"url": …, …}' prints JSON.

import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

/** In the page: milliseconds of each step, through `facealign.js` as any page calls it. */
async function measure({ png, repeats, threads }) {
  // facealign.js takes as many threads as there are cores, at most four.
  Object.defineProperty(navigator, "hardwareConcurrency", { value: threads, configurable: true });
  const { align, close, detect, Tracker } = await import("/facealign.js");
  close(); // the page's own worker, which has its threads already
  const bytes = Uint8Array.from(atob(png), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const image = pen.getImageData(0, 0, bitmap.width, bitmap.height);
  const started = performance.now();
  const [{ box, landmarks }] = await align(image);
  const first = performance.now() - started;
  const tracker = new Tracker();
  let time = 0;
  const steps = {
    detector: () => detect(image),
    network: () => align(image, { boxes: [box] }),
    photo: () => align(image),
    frame: () => tracker.step(image, (time += 0.04)),
  };
  const taken = {};
  for (const [name, step] of Object.entries(steps)) {
    for (let i = 0; i < 5; i++) await step();
    taken[name] = [];
    for (let i = 0; i < repeats; i++) {
      const start = performance.now();
      await step();
      taken[name].push(performance.now() - start);
    }
  }
  close();
  return { first, landmarks, taken, isolated: globalThis.crossOriginIsolated };
}

const { url, chromium, playwright, photo, repeats, threads } = JSON.parse(process.argv[2]);
const png = (await readFile(photo)).toString("base64");
const library = await import(pathToFileURL(playwright).href);
const args = ["--no-sandbox", "--disable-gpu"];
const browser = await library.chromium.launch({ executablePath: chromium, args });
try {
  const found = { browser: browser.version(), threads: {} };
  for (const count of threads) {
    const page = await browser.newPage();
    await page.goto(url);
    await page.locator("#status", { hasText: "Ready" }).waitFor({ timeout: 120_000 });
    found.threads[count] = await page.evaluate(measure, { png, repeats, threads: count });
    await page.close();
  }
  console.log(JSON.stringify(found));
} finally {
  await browser.close();
}
