// The library of the page in Node, without a browser: node parity.mjs SITE JOBS.json ANSWERS.
// A job: {task, raw, width, height, …}; raw is a file of RGBA bytes.

import { readFile, writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [site, jobs, target] = process.argv.slice(2);
const base = pathToFileURL(`${site}/`);
const { Aligner } = await import(new URL("facealign/aligner.js", base).href);
const { CropTransform } = await import(new URL("facealign/geometry.js", base).href);
const { overWhite, resize } = await import(new URL("facealign/pillow.js", base).href);
const { LiveSmoother } = await import(new URL("facealign/smoothing.js", base).href);
const { match } = await import(new URL("facealign/track.js", base).href);
const { FaceTracker } = await import(new URL("facealign/tracker.js", base).href);
const { fitPose, lean } = await import(new URL("facealign/pose.js", base).href);
const { toCsv, toJson } = await import(new URL("facealign/results.js", base).href);

const read = async (url) => new Uint8Array(await readFile(url));
let loaded = null;
const aligner = () => (loaded ??= Aligner.load(base, { read }));
const bytes = ({ data }) => Buffer.from(data).toString("base64");

const TASKS = {
  align: async (image, { options }) => (await aligner()).align(image, options),
  files: async (image, { options, source }) => {
    const { width, height } = image;
    const faces = await (await aligner()).align(image, options);
    const results = [
      { source, width, height, faces, error: null },
      { source: 'no,"face', width: 3, height: 2, faces: [], error: null },
      { source: "broken.jpg", width: null, height: null, faces: [], error: "broken.jpg: damaged" },
    ];
    return { json: toJson(results), csv: toCsv(results) };
  },
  track: async (image, { frames, options }) => {
    const tracker = new FaceTracker(await aligner(), options);
    const answers = [];
    for (const { raw, width, height, time } of frames) {
      const data = await read(pathToFileURL(raw));
      answers.push(await tracker.step({ width, height, data }, time));
    }
    return answers;
  },
  smooth: async (image, { frames, markup }) => {
    const { smoothing, markups } = (await aligner()).settings;
    const smoother = new LiveSmoother(smoothing, markups[markup]);
    return frames.map(({ points, time, movement }) => smoother.step(points, time, movement));
  },
  match: (image, { affinity }) => [...match(affinity)],
  warp: (image, { box, size, margin, angle }) =>
    bytes(CropTransform.fromBox(box, size, margin, angle).warp(image)),
  white: (image) => bytes(overWhite(image)),
  resize: (image, { size, box }) => bytes(resize(image, ...size, box, 2)),
  pose: async (image, { landmarks, markup }) => {
    const generic = (await aligner()).settings.generic_faces[markup];
    return landmarks.map((points) => ({ ...fitPose(points, generic), lean: lean(points, generic) }));
  },
  error: async (image, { options }) => {
    try {
      await (await aligner()).align(image, options);
      return null;
    } catch (error) {
      return error.message;
    }
  },
};

const plain = (key, value) => (value instanceof Float32Array ? [...value] : value);
const answers = [];
for (const job of JSON.parse(await readFile(jobs, "utf8"))) {
  const { task, raw, width, height } = job;
  const image = raw && { width, height, data: await read(pathToFileURL(raw)) };
  answers.push(await TASKS[task](image, job));
}
await writeFile(target, JSON.stringify(answers, plain));
process.exit(0); // ONNX Runtime's worker would keep Node alive
