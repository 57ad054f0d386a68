/** YuNet, the bundled face detector, as in `facealign/yunet.py`; its constants come from there. */

import { brighten } from "./exposure.js";
import { nms, roundEven } from "./geometry.js";
import { cut, resize } from "./pillow.js";

const PARTS = ["cls", "obj", "bbox"];

/** @typedef {{boxes: number[][], scores: number[]}} Detections */

export class YuNet {
  /**
   * @param {(feeds: object, outputs: string[]) => Promise<object>} run of the network.
   * @param {object} constants those of the Python class, by name.
   * @param {{minScore?: number, minFace?: number}} options
   */
  constructor(run, constants, { minScore, minFace } = {}) {
    this.run = run;
    this.constants = constants;
    this.minScore = minScore ?? constants.min_score;
    this.minFace = minFace ?? constants.min_face;
  }

  /** Faces in a picture, the most certain first. @returns {Promise<Detections>} */
  async detect(photo) {
    const image = brighten(photo, this.constants);
    const { SURE, MAX_OVERLAP } = this.constants;
    const scales = this.#scales(image.height, image.width);
    const boxes = [];
    const scores = [];
    for (const [level, scale] of scales.entries()) {
      const largest = level ? SURE / scales[level - 1] : Infinity;
      const found = await this.#search(image, scale, largest);
      boxes.push(...found.boxes);
      scores.push(...found.scores);
    }
    const keep = nms(boxes, scores, MAX_OVERLAP);
    return {
      boxes: keep.map((i) => this.#faceSquare(boxes[i])),
      scores: keep.map((i) => scores[i]),
    };
  }

  /** YuNet's box → the square from the brows to the chin. */
  #faceSquare([x0, y0, x1, y1]) {
    const { LOWER, NARROWER } = this.constants;
    const f = Math.fround; // each step in float32, as NumPy does it
    const size = f(Math.sqrt(f(f(x1 - x0) * f(y1 - y0))));
    const x = f(f(x0 + x1) / 2);
    const y = f(f(f(y0 + y1) / 2) + f(f(LOWER) * size));
    const half = f(f(f(NARROWER) * size) / 2);
    return [x - half, y - half, x + half, y + half].map(f);
  }

  #scales(height, width) {
    const { COARSE, SMALLEST } = this.constants;
    const finest = Math.min(1, SMALLEST / Math.max(this.minFace, 1e-6));
    const scales = [Math.min(1, COARSE / Math.max(height, width))];
    while (scales.at(-1) < finest) scales.push(Math.min(finest, scales.at(-1) * 4));
    return scales;
  }

  /** Faces below `largest` pixels, on the picture reduced by `scale`. */
  async #search(image, scale, largest) {
    const width = Math.max(1, roundEven(image.width * scale));
    const height = Math.max(1, roundEven(image.height * scale));
    const perPixel = [image.width / width, image.height / height];
    const found = { boxes: [], scores: [] };
    for (const tile of tiles(width, height, this.constants.TILE, this.constants.OVERLAP)) {
      const inside = await this.#run(reduced(image, tile, perPixel));
      inside.boxes.forEach((box, i) => {
        const edges = box.map((value, k) => (value + tile[k % 2]) * perPixel[k % 2]);
        if (Math.max(edges[2] - edges[0], edges[3] - edges[1]) >= largest) return;
        found.boxes.push(edges.map((value) => Math.fround(value - 0.5)));
        found.scores.push(inside.scores[i]);
      });
    }
    return found;
  }

  async #run(tile) {
    const { STRIDES } = this.constants;
    const { data, width, height } = planes(tile);
    const names = STRIDES.flatMap((stride) => PARTS.map((part) => `${part}_${stride}`));
    const values = await this.run({ input: { data, dims: [1, 3, height, width] } }, names);
    const found = { boxes: [], scores: [] };
    for (const stride of STRIDES) {
      const [cls, obj, bbox] = PARTS.map((part) => values[`${part}_${stride}`].data);
      decode(cls, obj, bbox, stride, width / stride, this.minScore, found);
    }
    return found;
  }
}

/** Blue, green, red planes of a picture, padded with black to whole cells of 32 pixels. */
function planes({ data, width, height }) {
  const [wide, high] = [width, height].map((side) => 32 * Math.ceil(side / 32));
  const values = new Float32Array(3 * wide * high);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0, at = y * wide; x < width; x++, i += 4, at++) {
      values[at] = data[i + 2];
      values[at + wide * high] = data[i + 1];
      values[at + 2 * wide * high] = data[i];
    }
  }
  return { data: values, width: wide, height: high };
}

/** The boxes of one stride of YuNet, in pixels from the tile's outer corner, put into `found`. */
export function decode(cls, obj, bbox, stride, columns, minScore, found) {
  const unit = (value) => Math.min(1, Math.max(0, value));
  for (let cell = 0; cell < cls.length; cell++) {
    const score = Math.fround(Math.sqrt(Math.fround(unit(cls[cell]) * unit(obj[cell]))));
    if (score < minScore) continue;
    const [dx, dy, w, h] = bbox.subarray(4 * cell, 4 * cell + 4);
    const x = ((cell % columns) + dx) * stride;
    const y = (Math.floor(cell / columns) + dy) * stride;
    const halfW = (Math.exp(w) * stride) / 2;
    const halfH = (Math.exp(h) * stride) / 2;
    found.boxes.push([x - halfW, y - halfH, x + halfW, y + halfH]);
    found.scores.push(score);
  }
}

function* tiles(width, height, tile, overlap) {
  for (const y of starts(height, tile, overlap)) {
    for (const x of starts(width, tile, overlap)) {
      yield [x, y, Math.min(tile, width - x), Math.min(tile, height - y)];
    }
  }
}

/** Where tiles begin so that they cover `length` and neighbours share at least `overlap`. */
export function starts(length, tile, overlap) {
  if (length <= tile) return [0];
  const count = Math.ceil((length - overlap) / (tile - overlap));
  return Array.from({ length: count }, (_, i) => roundEven((i * (length - tile)) / (count - 1)));
}

/** One tile (x, y, w, h in reduced pixels) of the picture, reduced with antialiasing. */
function reduced(image, [x, y, w, h], [perX, perY]) {
  const [x0, y0, x1, y1] = [x * perX, y * perY, (x + w) * perX, (y + h) * perY];
  const [left, top] = [Math.floor(x0), Math.floor(y0)];
  const right = Math.min(Math.ceil(x1), image.width);
  const part = cut(image, left, top, right, Math.min(Math.ceil(y1), image.height));
  if (part.width === w && part.height === h) return part;
  // The last pixel may end a rounding error past the picture.
  const ends = [Math.min(x1 - left, part.width), Math.min(y1 - top, part.height)];
  return resize(part, w, h, [x0 - left, y0 - top, ...ends], 2);
}
