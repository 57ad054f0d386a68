// What a caller in TypeScript writes: tsc must accept all of it, and refuse what is marked.

import {
  align,
  close,
  decode,
  detect,
  faceEntry,
  load,
  Smoother,
  toCsv,
  toJson,
  Tracker,
} from "./facealign.js";
import type { AttentionMap, Box, Face, ImageResult, Options, Point, Settings } from "./facealign.js";

const settings: Settings = await load({ model: "aan-s" });
const box: Box = [10, 20, 90, 110];
const options: Options = { boxes: [box], attention: true, minFace: 30, maxFaces: 2 };
const file: File = document.querySelector<HTMLInputElement>("input")!.files![0];
const faces: Face[] = await align(await decode(file), options);
const [x, y]: Point = faces[0].landmarks[30];
const maps: AttentionMap[] = faces[0].attention ?? [];
const count: number = settings.markups[faces[0].markup].count + maps.length;
const { boxes, angles } = await detect(document.querySelector("canvas")!, { minFace: 40 });

const tracker = new Tracker({ smoothing: "live", looks: 1, detectEvery: 5 });
const smoother = new Smoother(settings, faces[0].markup);
for (const { track, landmarks, pose } of await tracker.step(document.querySelector("video")!, 0.04)) {
  const steady: Point[] = smoother.step(landmarks, 0.04);
  console.log(track + pose.yaw, steady, x, y, count, boxes, angles);
}
await tracker.reset();
smoother.reset();

const result: ImageResult = { source: file.name, width: 640, height: 480, faces, error: null };
const texts: string[] = [toJson([result]), toCsv([result])];
console.log(texts, faceEntry(faces[0]));
close();

// @ts-expect-error a picture is asked for, not its address
await align("photo.jpg");
// @ts-expect-error no such option
await align(file, { min_face: 20 });
// @ts-expect-error a frame's time is asked for
await tracker.step(file);
// @ts-expect-error one of two words
new Tracker({ smoothing: "none at all" });
