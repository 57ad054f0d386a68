/** Boxes → faces, as in `facealign/aligner/landmarker.py`: each that leans is looked at again. */

import { brighten, evenLight } from "./exposure.js";
import { boxCentre, boxOfPoints, boxSize, CropTransform, roundEven } from "./geometry.js";
import { lean } from "./pose.js";

const BATCH = 8; // faces a run of the network: a phone's memory is small
const EXTRA = ["scores", "visible"];

export class Landmarker {
  /**
   * @param {(feeds: object, outputs: string[]) => Promise<object>} run of the network.
   * @param {object} facts of the model, from settings.json.
   * @param {object} settings the whole of settings.json.
   */
  constructor(run, facts, settings) {
    this.run = run;
    this.facts = facts;
    this.settings = settings;
    this.generic = settings.generic_faces[facts.markup];
    this.outlined = "jaw" in settings.markups[facts.markup].groups;
  }

  /**
   * The faces of a picture, in the order of the boxes.
   *
   * @param {import("./pillow.js").Picture} image
   * @param {{boxes: number[][], scores: number[], angles: number[]}} found
   * @param {boolean} attention also the attention maps.
   * @param {number} looks 2 takes each face as the mean of two crops, which is steadier.
   */
  async align(image, found, attention = false, looks = 1) {
    const faces = [];
    for (let first = 0; first < found.boxes.length; first += BATCH) {
      const rows = found.boxes.slice(first, first + BATCH).map((box, i) => ({
        box,
        score: found.scores[first + i],
        angle: found.angles[first + i],
      }));
      faces.push(...(await this.#batch(image, rows, attention, looks)));
    }
    return faces;
  }

  async #batch(image, rows, attention, looks) {
    const crops = rows.map(({ box, angle }) => this.#crop(box, angle));
    const views = await this.#meanLook(image, crops, attention, looks);
    const again = [];
    rows.forEach((row, i) => {
      const leaning = lean(views[i].landmarks, this.generic);
      if (Math.abs(modulo(leaning - row.angle + 180, 360) - 180) <= this.settings.leans) return;
      again.push({ i, crop: this.#uprightCrop(row.box, views[i].landmarks, leaning) });
    });
    if (again.length) {
      const upright = again.map(({ crop }) => crop);
      const better = await this.#meanLook(image, upright, attention, looks);
      again.forEach(({ i }, n) => (views[i] = better[n]));
    }
    return rows.map(({ box, score }, i) => ({
      box,
      score,
      markup: this.facts.markup,
      ...views[i],
      ...(views[i].visible && { visible: views[i].visible.map((v) => v > this.settings.seen) }),
    }));
  }

  /** What the network says of crops shifted a little, the mean. */
  async #meanLook(image, crops, attention, looks) {
    const views = [];
    for (const share of this.settings.shifts[looks]) {
      const shift = share * this.facts.input_size;
      const shifted = looks === 1 ? crops : crops.map((crop) => crop.shifted(shift, shift));
      views.push(await this.#look(image, shifted, attention));
    }
    return crops.map((crop, n) => ({
      ...meanOf(views.map((view) => view[n])),
      crop: { matrix: crop.matrix, size: crop.size },
    }));
  }

  #crop(box, angle) {
    return this.#cropOnGrid(boxCentre(box), boxSize(box), angle);
  }

  /** On a grid, so that a box's last bits, which differ from Python's, do not change the crop. */
  #cropOnGrid(centre, size, angle) {
    const { crop_steps: steps, angle_steps: parts } = this.settings;
    const side = size * (1 + 2 * this.facts.margin);
    const step = 2 ** Math.floor(Math.log2(side / steps));
    const [x, y, whole] = [...centre, side].map((value) => roundEven(value / step) * step);
    const turn = roundEven(angle * parts) / parts;
    return CropTransform.fromSquare([x, y], whole, this.facts.input_size, turn);
  }

  /** The crop of a face that leans: round its first landmarks, where they outline the face. */
  #uprightCrop(box, points, angle) {
    if (!this.outlined) return this.#crop(box, angle);
    const turn = CropTransform.fromSquare([0, 0], 1, 1, angle);
    const upright = boxOfPoints(points.map((point) => turn.toCrop(point)));
    const centre = turn.toImage(boxCentre(upright).map(Math.fround));
    return this.#cropOnGrid(centre, boxSize(upright), angle);
  }

  /** What the network says of each crop of the picture, once. */
  async #look(image, crops, attention) {
    const { markup, attention_stages: stages, outputs, input_size: size } = this.facts;
    const count = this.settings.markups[markup].count;
    const maps = attention ? stages.map((stage) => `attention.${stage}`) : [];
    const extra = EXTRA.filter((name) => outputs.includes(name));
    const values = await this.run({ image: this.#image(image, crops) }, [
      "landmarks",
      ...extra,
      ...maps,
    ]);
    return crops.map((crop, n) => {
      const points = values.landmarks.data.subarray(2 * n * count, 2 * (n + 1) * count);
      const row = (name) => Array.from(values[name].data.subarray(n * count, (n + 1) * count));
      // The network counts from the crop's outer corner, half a pixel before the first centre.
      const inCrop = (value) => Math.fround(Math.fround(value * size) - 0.5);
      const look = {
        landmarks: Array.from({ length: count }, (_, k) =>
          crop.toImage([inCrop(points[2 * k]), inCrop(points[2 * k + 1])]),
        ),
      };
      if (extra.includes("scores")) look.scores = row("scores");
      if (extra.includes("visible")) look.visible = row("visible");
      if (attention) look.attention = maps.map((name, i) => oneMap(values[name], n, stages[i]));
      return look;
    });
  }

  /** Crops as the network takes them: (B, 3, S, S), by its mean and deviation. */
  #image(image, crops) {
    const { input_size: size, mean, std } = this.facts;
    const [scale, shift] = [Math.fround(1 / (255 * std)), Math.fround(mean / std)];
    const plane = size * size;
    const data = new Float32Array(crops.length * 3 * plane);
    crops.forEach((crop, n) => {
      const { exposure } = this.settings;
      const pixels = evenLight(brighten(crop.warp(image), exposure), exposure).data;
      for (let k = 0; k < 3; k++) {
        const start = (3 * n + k) * plane;
        for (let i = 0; i < plane; i++) {
          data[start + i] = Math.fround(pixels[4 * i + k] * scale) - shift;
        }
      }
    });
    return { data, dims: [crops.length, 3, size, size] };
  }
}

/** One face's attention map: its stage, its side, its values in 0 … 1 by rows. */
function oneMap({ data, dims }, n, stage) {
  const side = dims.at(-1);
  return { stage, side, values: data.slice(n * side * side, (n + 1) * side * side) };
}

/** The mean of several looks at one face. */
function meanOf(views) {
  if (views.length === 1) return views[0];
  const mean = (values) => values.reduce((a, b) => Math.fround(a + b)) / values.length;
  const rows = (name) => views[0][name].map((_, i) => mean(views.map((view) => view[name][i])));
  const look = {
    landmarks: views[0].landmarks.map((_, i) =>
      [0, 1].map((k) => mean(views.map((view) => view.landmarks[i][k]))),
    ),
  };
  for (const name of EXTRA) if (views[0][name]) look[name] = rows(name);
  if (views[0].attention) {
    look.attention = views[0].attention.map((map, s) => ({
      ...map,
      values: map.values.map((_, i) => mean(views.map((view) => view.attention[s].values[i]))),
    }));
  }
  return look;
}

const modulo = (value, by) => ((value % by) + by) % by;
