/** YuNet, the bundled face detector, as in `facealign/yunet/`; its constants come from there. */

import { brighten } from "./exposure.js";
import { boxCentre, CropTransform, nms, quarterTurned, roundEven, turnedBack } from "./geometry.js";
import { cut, reduce } from "./pillow.js";

const PARTS = ["cls", "obj", "bbox"];

/**
 * @typedef {{boxes: number[][], scores: number[], angles: number[]}} Detections
 * @typedef {{box: number[], score: number, angle: number, small: boolean}} Candidate
 */

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

  /**
   * Faces in a picture, the most certain first; where none is sure, and if `turned`, at any angle.
   * @returns {Promise<Detections>}
   */
  async find(photo, turned = true) {
    const image = brighten(photo, this.constants);
    const looks = this.#looks(image.width * image.height);
    let found = await this.#verified(image, await this.#candidates(image), looks);
    const sure = found.some(({ score }) => score >= this.constants.SURE);
    const fewer = Math.floor(looks / this.constants.RARER);
    if (turned && !sure) found = await this.#turned(image, found, fewer);
    found = found.filter(({ score }) => score >= this.minScore);
    return {
      boxes: found.map((candidate) => this.#faceSquare(candidate)),
      scores: found.map(({ score }) => score),
      angles: found.map(({ angle }) => angle),
    };
  }

  /** YuNet's box of a face that leans → the square from the brows to the chin. */
  #faceSquare({ box: [x0, y0, x1, y1], angle }) {
    const { LOWER, NARROWER } = this.constants;
    const f = Math.fround; // each step in float32, as NumPy does it
    const size = f(Math.sqrt(f(f(x1 - x0) * f(y1 - y0))));
    const lower = f(f(LOWER) * size);
    const turn = f((angle * Math.PI) / 180);
    const x = f(f(f(x0 + x1) / 2) - f(f(Math.sin(turn)) * lower));
    const y = f(f(f(y0 + y1) / 2) + f(f(Math.cos(turn)) * lower));
    const half = f(f(f(NARROWER) * size) / 2);
    return [x - half, y - half, x + half, y + half].map(f);
  }

  /** What may be an upright face, at each scale. @returns {Promise<Candidate[]>} */
  async #candidates(image) {
    const parts = [];
    let most = Infinity;
    const { HALVED, LEAST } = this.constants;
    if (Math.max(image.height, image.width) < HALVED * LEAST) {
      parts.push(...(await this.#search(reduced(image, HALVED), HALVED)));
      if (this.#hasClear(parts)) return this.#bestOf(parts);
    }
    for (const [factor, view] of this.#views(image)) {
      const found = await this.#search(view, factor);
      parts.push(...found.filter(({ box }) => longer(box) < most));
      most = factor * this.constants.ROOMY;
    }
    return this.#bestOf(parts);
  }

  /** Whether a face is sure and not small. */
  #hasClear(found) {
    return found.some(({ score, small }) => !small && score >= this.constants.SURE);
  }

  /** The surest first, without those that overlap a surer one. */
  #bestOf(found) {
    const [boxes, scores] = [found.map(({ box }) => box), found.map(({ score }) => score)];
    return nms(boxes, scores, this.constants.MAX_OVERLAP).map((i) => found[i]);
  }

  /** Whole factors and the picture reduced by them, the coarsest first. */
  #views(image) {
    const [finest, ...coarser] = this.#factors(image.height, image.width);
    const view = reduced(image, finest);
    const views = coarser.reverse().map((factor) => [factor, reduced(view, factor / finest)]);
    return [...views, [finest, view]];
  }

  /** By how much the picture is reduced, each a multiple of the first; the finest first. */
  #factors(height, width) {
    const { COARSE, COARSER, LEAST, SMALLEST } = this.constants;
    const worth = Math.floor(Math.max(height, width) / LEAST); // a small one costs little as it is
    const finest = Math.max(1, Math.min(Math.floor(this.minFace / SMALLEST), worth));
    const excess = Math.max(height, width) / finest / COARSE;
    const steps = Math.ceil(Math.log(Math.max(excess, 1)) / Math.log(COARSER));
    const factors = [finest];
    for (let i = 1; i <= steps; i++) factors.push(finest * Math.ceil(excess ** (i / steps)));
    return factors;
  }

  /** What may be a face in a picture reduced by `factor`, in pixels of the picture. */
  async #search(view, factor) {
    const { AROUND, FAINT, LIKELY, OVERLAP, ROOMY, STRIDES, TILE } = this.constants;
    const found = [];
    for (const [x, y, w, h] of tiles(view.width, view.height, TILE, OVERLAP)) {
      const { values, width } = await this.#run([cut(view, x, y, x + w, y + h)]);
      for (const stride of STRIDES) {
        const [cls, obj, bbox] = values[stride];
        for (const { box, score } of decode(cls, obj, bbox, stride, width / stride, FAINT)) {
          const inside = box.map((value, k) => value + (k % 2 ? y : x));
          const place = inside.map((value) => Math.fround(factor * value - 0.5));
          found.push({ box: place, score, angle: 0, small: longer(inside) < ROOMY });
        }
      }
    }
    const most = AROUND * this.#looks(factor ** 2 * view.height * view.width);
    const faint = found.filter(({ score, small }) => small && score < LIKELY);
    const kept = new Set(faint.sort((one, other) => other.score - one.score).slice(0, most));
    return found.filter((candidate) => candidate.score >= LIKELY || kept.has(candidate));
  }

  /** The candidates after a closer look at the surest small ones, without the faint. */
  async #verified(image, found, looks) {
    const { BESIDE, FEW, LIKELY, PROVEN } = this.constants;
    const clear = this.#hasClear(found);
    let small = found.filter((candidate) => candidate.small).slice(0, looks);
    if (clear) small = small.filter(({ score }, rank) => rank < FEW || score >= BESIDE);
    const others = found.filter((one) => !small.includes(one) && one.score >= LIKELY);
    const closer = await this.#lookClosely(image, small);
    const surer = small.map((one, i) => (closer[i].score > one.score ? closer[i] : one));
    const least = ({ score }) => (clear && score < LIKELY ? PROVEN : LIKELY);
    const proven = surer.filter(({ score }, i) => score >= least(small[i]));
    return this.#bestOf([...others, ...proven]);
  }

  /** How many closer looks a picture is worth. */
  #looks(pixels) {
    return this.constants.FEW + Math.floor(pixels / this.constants.PER);
  }

  /** The candidates with those of the picture turned by quarters, each at its best angle. */
  async #turned(image, upright, looks) {
    const { COARSE, QUARTERS } = this.constants;
    const [finest] = this.#factors(image.height, image.width);
    const side = Math.max(image.height, image.width);
    const factor = Math.max(finest, Math.ceil(side / COARSE));
    const view = reduced(image, factor);
    const [width, height] = [factor * view.width, factor * view.height];
    const parts = [];
    for (const quarter of QUARTERS) {
      const found = await this.#search(quarterTurned(view, quarter), factor);
      const back = ({ box }) => turnedBack(box, quarter, width, height).map(Math.fround);
      parts.push(...found.map((one) => ({ ...one, box: back(one), angle: 90 * quarter })));
    }
    const lying = await this.#verified(image, this.#bestOf(parts), looks);
    return this.#leaning(image, this.#bestOf([...upright, ...lying]));
  }

  /** The candidates, the surest few at the angle at which the network is surest of them. */
  async #leaning(image, found) {
    const { BETTER, EIGHTH, FEW } = this.constants;
    const [few, others] = [found.slice(0, FEW), found.slice(FEW)];
    const plain = await this.#lookClosely(image, few);
    let best = few.map((one, i) => (plain[i].score > one.score ? plain[i] : one));
    for (const turn of [-EIGHTH, EIGHTH]) {
      const turned = few.map((one) => ({ ...one, angle: one.angle + turn }));
      const closer = await this.#lookClosely(image, turned);
      best = best.map((one, i) => {
        return closer[i].score > Math.fround(one.score + Math.fround(BETTER)) ? closer[i] : one;
      });
    }
    return this.#bestOf([...best, ...others]);
  }

  /** The surest face near the middle of a patch round each candidate. */
  async #lookClosely(image, candidates) {
    const { ASTRAY, BATCH, STRIDES } = this.constants;
    const looked = [];
    for (let first = 0; first < candidates.length; first += BATCH) {
      const chosen = candidates.slice(first, first + BATCH);
      const crops = chosen.map((candidate) => this.#patch(candidate));
      const { values, width } = await this.#run(crops.map((crop) => crop.warp(image)));
      const best = chosen.map((candidate) => ({ ...candidate, score: -1 }));
      for (const stride of STRIDES) {
        const [cls, obj, bbox] = values[stride];
        const columns = width / stride;
        for (const [n, candidate] of best.entries()) {
          for (const cell of middleCells(columns, ASTRAY)) {
            const at = n * columns * columns + cell;
            const score = scoreOf(cls[at], obj[at]);
            if (score <= candidate.score) continue;
            const box = boxOf(bbox.subarray(4 * at, 4 * at + 4), cell, stride, columns);
            candidate.score = score;
            candidate.box = boxIn(crops[n], box.map((value) => value - 0.5));
          }
        }
      }
      looked.push(...best);
    }
    return looked;
  }

  #patch({ box, angle }) {
    const { PATCH, WIDER } = this.constants;
    const side = WIDER * Math.fround(longer(box.map(Math.fround)));
    return CropTransform.fromSquare(boxCentre(box), side, PATCH, angle);
  }

  /** The outputs of each stride for pictures of one size, and the width searched. */
  async #run(pictures) {
    const { data, dims } = planes(pictures);
    const { STRIDES } = this.constants;
    const names = STRIDES.flatMap((stride) => PARTS.map((part) => `${part}_${stride}`));
    const given = await this.run({ input: { data, dims } }, names);
    const values = {};
    for (const stride of STRIDES) values[stride] = PARTS.map((part) => given[`${part}_${stride}`].data);
    return { values, width: dims[3] };
  }
}

/** Blue, green, red planes of pictures, padded with black to whole cells of 32 pixels. */
function planes(pictures) {
  const [{ width, height }] = pictures;
  const [wide, high] = [width, height].map((side) => 32 * Math.ceil(side / 32));
  const plane = wide * high;
  const values = new Float32Array(pictures.length * 3 * plane);
  pictures.forEach(({ data }, n) => {
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0, at = 3 * n * plane + y * wide; x < width; x++, i += 4, at++) {
        values[at] = data[i + 2];
        values[at + plane] = data[i + 1];
        values[at + 2 * plane] = data[i];
      }
    }
  });
  return { data: values, dims: [pictures.length, 3, high, wide] };
}

/** The boxes and scores of one stride of YuNet, in pixels from the tile's outer corner. */
function decode(cls, obj, bbox, stride, columns, minScore) {
  const found = [];
  for (let cell = 0; cell < cls.length; cell++) {
    const score = scoreOf(cls[cell], obj[cell]);
    if (score < minScore) continue;
    const box = boxOf(bbox.subarray(4 * cell, 4 * cell + 4), cell, stride, columns);
    found.push({ box, score });
  }
  return found;
}

function scoreOf(cls, obj) {
  const unit = (value) => Math.min(1, Math.max(0, value));
  return Math.fround(Math.sqrt(Math.fround(unit(cls) * unit(obj))));
}

function boxOf([dx, dy, w, h], cell, stride, columns) {
  const x = ((cell % columns) + dx) * stride;
  const y = (Math.floor(cell / columns) + dy) * stride;
  const [halfW, halfH] = [(Math.exp(w) * stride) / 2, (Math.exp(h) * stride) / 2];
  return [x - halfW, y - halfH, x + halfW, y + halfH];
}

/** Of side × side cells, those whose middle is at most `astray` sides from that of them all. */
function middleCells(side, astray) {
  const near = (k) => Math.abs((k + 0.5) / side - 0.5) <= astray;
  return [...Array(side * side).keys()].filter((i) => near(i % side) && near(Math.floor(i / side)));
}

function longer([x0, y0, x1, y1]) {
  return Math.max(x1 - x0, y1 - y0);
}

/** A box in a turned crop as a box of the same sides and middle in the picture. */
function boxIn(crop, [x0, y0, x1, y1]) {
  const [x, y] = crop.toImage([Math.fround((x0 + x1) / 2), Math.fround((y0 + y1) / 2)]);
  const [w, h] = [(x1 - x0) / 2 / crop.scale, (y1 - y0) / 2 / crop.scale];
  return [x - w, y - h, x + w, y + h].map(Math.fround);
}

function* tiles(width, height, most, overlap) {
  for (const [y, h] of spans(height, most, overlap)) {
    for (const [x, w] of spans(width, most, overlap)) yield [x, y, w, h];
  }
}

/** Start and length of equal parts that cover `length` and share at least `overlap`. */
export function spans(length, most, overlap) {
  if (length <= most) return [[0, length]];
  const count = Math.ceil((length - overlap) / (most - overlap));
  const part = Math.ceil((length + (count - 1) * overlap) / count);
  return Array.from({ length: count }, (_, i) => [
    roundEven((i * (length - part)) / (count - 1)),
    part,
  ]);
}

function reduced(image, factor) {
  return factor === 1 ? image : reduce(image, factor);
}
