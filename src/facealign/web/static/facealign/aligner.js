/**
 * The whole way from pixels to faces, as `FaceAligner` in Python. It runs where it is called: pages
 * call `facealign.js`, which runs it in a worker; Node may import it as it is.
 */

import { distinctFaces } from "./confidence.js";
import { measures } from "./measures.js";
import { fitPose } from "./pose.js";
import { Landmarker } from "./landmarker.js";
import { openSession } from "./session.js";
import { YuNet } from "./yunet.js";

/**
 * @typedef {object} Options
 * @property {string} [model] a name in `settings.models`; the default model unless given.
 * @property {number[][]} [boxes] one face is aligned in each, and no detector runs.
 * @property {boolean} [attention] also return the attention maps.
 * @property {number} [minFace] side of the smallest face to look for, in pixels.
 * @property {number} [maxFaces] at most that many faces, the most certain.
 */

export class Aligner {
  /** @param {object} settings settings.json; @param {(file: string) => Promise<Function>} open */
  constructor(settings, open) {
    this.settings = settings;
    this.open = open;
    this.networks = new Map();
  }

  /**
   * @param {URL} base the folder with settings.json, ort/ and models/.
   * @param {{read?: (url: URL) => Promise<Uint8Array>, threads?: number}} [options]
   */
  static async load(base, { read = fetched, threads = 1 } = {}) {
    const bytes = await read(new URL("settings.json", base));
    const settings = JSON.parse(new TextDecoder().decode(bytes));
    return new Aligner(settings, (file) => openSession(base, file, read, threads));
  }

  /** Open the detector and a model before the first picture comes. */
  async warmUp(model = this.settings.default) {
    await Promise.all([this.#network(this.settings.detector.file), this.#landmarker(model)]);
  }

  /** Faces' boxes and scores, the most certain first. */
  async detect(image, { minFace, turned = true } = {}) {
    if (minFace !== undefined && !(minFace >= 1)) throw new Error(`minFace is 1 or more, not ${minFace}`);
    const { file, constants } = this.settings.detector;
    const detector = new YuNet(await this.#network(file), constants, { minFace });
    const lower = constants.LOWER / constants.NARROWER;
    return { ...(await detector.find(image, turned)), lower };
  }

  /** The landmarks of faces that `detect` or an earlier frame found, in their order. */
  async look(image, found, { model, attention = false, turned = true } = {}, looks = 1) {
    const landmarker = await this.#landmarker(model ?? this.settings.default);
    const faces = await landmarker.align(image, found, { attention, looks, turned });
    return faces.map((face) => this.described(face));
  }

  /** The faces of a picture, the most certain first. @param {Options} [options] */
  async align(image, { model, boxes, attention = false, minFace, maxFaces } = {}) {
    const found = boxes ? given(boxes) : await this.detect(image, { minFace });
    if (maxFaces !== undefined && !(maxFaces >= 1)) {
      throw new Error(`maxFaces is 1 or more, not ${maxFaces}`);
    }
    if (maxFaces) for (const name of ["boxes", "scores", "angles"]) found[name].splice(maxFaces);
    const faces = await this.look(image, found, { model, attention });
    return boxes ? faces : distinctFaces(faces, found.angles, this.settings.confidence);
  }

  async #landmarker(model) {
    const facts = this.settings.models[model];
    if (!facts) {
      const known = Object.keys(this.settings.models).join(", ");
      throw new Error(`"${model}" is not a model here: choose ${known}`);
    }
    return new Landmarker(await this.#network(facts.file), facts, this.settings);
  }

  /** A face with what follows from its points. */
  described(face) {
    const pose = fitPose(face.landmarks, this.settings.generic_faces[face.markup]);
    const { groups } = this.settings.markups[face.markup];
    return { ...face, pose, measures: measures({ ...face, pose }, groups) };
  }

  #network(file) {
    if (!this.networks.has(file)) {
      const network = this.open(file);
      network.catch(() => this.networks.delete(file)); // the next call tries again
      this.networks.set(file, network);
    }
    return this.networks.get(file);
  }
}

function given(boxes) {
  for (const box of boxes) {
    const good = box.length === 4 && box.every(Number.isFinite) && box[0] < box[2] && box[1] < box[3];
    if (!good) throw new Error(`[${box}] is not a box: it needs x0 < x1 and y0 < y1`);
  }
  return {
    boxes: boxes.map((box) => box.map(Math.fround)),
    scores: boxes.map(() => 1),
    angles: boxes.map(() => 0),
    lower: 0,
  };
}

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: cannot be read (${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}
