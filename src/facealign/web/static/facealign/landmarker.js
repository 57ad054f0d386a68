/** Boxes → faces, as in `facealign/aligner/landmarker.py`; looks again where it doubts. */

import { blank } from "./blank.js";
import { confidence, percentile } from "./confidence.js";
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
   * @param {{attention?: boolean, looks?: number, turned?: boolean}} options also the attention
   *   maps; each face as the mean of 2 crops, which is steadier; doubted faces seen turned.
   */
  async align(image, found, { attention = false, looks = 1, turned = true } = {}) {
    const faces = [];
    const see = (crops) => this.#meanLook(image, crops, attention, looks);
    for (let first = 0; first < found.boxes.length; first += BATCH) {
      const rows = found.boxes.slice(first, first + BATCH).map((box, i) => ({
        box,
        score: found.scores[first + i],
        angle: found.angles[first + i],
        lower: (found.lower ?? 0) * boxSize(box),
      }));
      faces.push(...(await this.#batch(rows, see, turned)));
    }
    const { blank: constants, exposure } = this.settings;
    for (const face of faces.filter(({ visible }) => visible)) {
      const hidden = blank(image, face.landmarks, constants, exposure);
      face.visible = face.visible.map((seen, i) => seen && !hidden[i]);
    }
    return faces;
  }

  async #batch(rows, see, turned) {
    const crops = rows.map(({ box, angle }) => this.#crop(box, angle));
    const views = (await see(crops)).map((view, i) => ({ ...view, box: rows[i].box }));
    if (turned && views[0].scores) await this.#lookAround(rows, views, see);
    await this.#lookUpright(views, see);
    return rows.map(({ score }, i) => {
      const { angle, ...view } = views[i];
      const seen = view.visible?.map((v) => v > this.settings.landmarker.SEEN);
      const sure = view.scores && confidence(view.scores, this.settings.confidence);
      const face = { score, markup: this.facts.markup, ...view };
      return { ...face, ...(seen && { visible: seen }), ...(sure && { confidence: sure }) };
    });
  }

  /** See faces that the network doubts turned by quarters, then upright; keep the surest. */
  async #lookAround(rows, views, see) {
    const { DOUBT: doubt, LIKELY: likely, TURNS: turns, SURER: surer } = this.settings.landmarker;
    const sure = ({ scores }) => percentile(scores, surer);
    const worth = ({ lower, score }) => !lower || score >= likely; // a given box, or a likely face
    const doubted = [...rows.keys()].filter((i) => worth(rows[i]) && sure(views[i]) < doubt);
    if (!doubted.length) return;
    const best = doubted.map((i) => views[i]);
    for (const turn of turns) {
      const turned = doubted.map((i) => turnedRow(rows[i], turn));
      const others = await see(turned.map(({ box, angle }) => this.#crop(box, angle)));
      others.forEach((view, k) => {
        if (sure(view) > sure(best[k])) best[k] = { ...view, box: turned[k].box };
      });
    }
    await this.#lookUpright(best, see);
    best.forEach((view, k) => {
      if (sure(view) >= doubt) views[doubted[k]] = view;
    });
  }

  /** See faces that lean in their crops again, upright; replace their views. */
  async #lookUpright(views, see) {
    const { LEANS: leans } = this.settings.landmarker;
    const again = [];
    views.forEach(({ angle, box, landmarks }, i) => {
      const leaning = lean(landmarks, this.generic);
      if (Math.abs(modulo(leaning - angle + 180, 360) - 180) <= leans) return;
      again.push({ i, crop: this.#uprightCrop(box, landmarks, leaning) });
    });
    if (!again.length) return;
    const better = await see(again.map(({ crop }) => crop));
    again.forEach(({ i }, n) => (views[i] = { ...better[n], box: views[i].box }));
  }

  /** What the network says of crops shifted a little, the mean. */
  async #meanLook(image, crops, attention, looks) {
    const views = [];
    for (const share of this.settings.landmarker.SHIFTS[looks]) {
      const shift = share * this.facts.input_size;
      const shifted = looks === 1 ? crops : crops.map((crop) => crop.shifted(shift, shift));
      views.push(await this.#look(image, shifted, attention));
    }
    return crops.map((crop, n) => ({
      ...meanOf(views.map((view) => view[n])),
      crop: { matrix: crop.matrix, size: crop.size },
      angle: crop.angle,
    }));
  }

  #crop(box, angle) {
    return this.#cropOnGrid(boxCentre(box), boxSize(box), angle);
  }

  /** On a grid, so that a box's last bits, which differ from Python's, do not change the crop. */
  #cropOnGrid(centre, size, angle) {
    const { CROP_STEPS: steps, ANGLE_STEPS: parts } = this.settings.landmarker;
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

/** A face that leans `turn` degrees further than the detector knows. */
function turnedRow({ box, angle, lower }, turn) {
  const [before, after] = [angle, angle + turn].map((degrees) => (degrees * Math.PI) / 180);
  const x = lower * (Math.sin(before) - Math.sin(after));
  const y = lower * (Math.cos(after) - Math.cos(before));
  const shift = [x, y, x, y];
  return { box: box.map((value, k) => Math.fround(value + shift[k])), angle: angle + turn };
}
