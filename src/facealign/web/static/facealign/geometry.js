/**
 * Boxes (IoU, NMS) and crops, as in `facealign/geometry.py`.
 *
 * One pixel convention: (0, 0) is the centre of the top-left pixel. A box is [x0, y0, x1, y1], a
 * point [x, y].
 */

import { affine, affineGray, blank, cut, reduce } from "./pillow.js";

/** Half to even, as Python's `round`. */
export function roundEven(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

export function boxSize([x0, y0, x1, y1]) {
  return Math.sqrt(Math.fround(x1 - x0) * Math.fround(y1 - y0)); // boxes are float32 in Python
}

export function boxCentre([x0, y0, x1, y1]) {
  return [Math.fround(x0 + x1) / 2, Math.fround(y0 + y1) / 2];
}

/** The tightest box around points. */
export function boxOfPoints(points) {
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Intersection over union of two boxes, 0 … 1. */
export function iou(a, b) {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
  return (width * height) / Math.max(area(a) + area(b) - width * height, 1e-12);
}

/** Non-maximum suppression: the indices to keep, the highest score first. */
export function nms(boxes, scores, maxIou) {
  const order = [...scores.keys()].sort((i, j) => scores[j] - scores[i] || i - j);
  const keep = [];
  for (const i of order) {
    if (keep.every((k) => iou(boxes[k], boxes[i]) <= maxIou)) keep.push(i);
  }
  return keep;
}

/** The picture turned counterclockwise by quarters, as `np.rot90` does. */
export function quarterTurned({ width, height, data }, quarter) {
  const turned = quarter === 2 ? blank(width, height) : blank(height, width);
  const source = new Uint32Array(data.buffer, data.byteOffset, width * height);
  const target = new Uint32Array(turned.data.buffer);
  const from = {
    1: (x, y) => y + (width - 1 - x) * turned.width,
    2: (x, y) => width - 1 - x + (height - 1 - y) * turned.width,
    3: (x, y) => height - 1 - y + x * turned.width,
  }[quarter];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) target[from(x, y)] = source[i];
  }
  return turned;
}

/** A box of a picture of this size turned so, in pixels of the picture. */
export function turnedBack([x0, y0, x1, y1], quarter, width, height) {
  const [right, bottom] = [width - 1, height - 1];
  if (quarter === 1) return [right - y1, x0, right - y0, x1];
  if (quarter === 2) return [right - x1, bottom - y1, right - x0, bottom - y0];
  return [y0, bottom - x1, y1, bottom - x0];
}

/** Between image pixels and crop pixels: a similarity (turn, scale, shift), no shear. */
export class CropTransform {
  /**
   * @param {number[][]} matrix 2 × 3, image pixels → crop pixels.
   * @param {number} size side of the square crop in pixels.
   */
  constructor(matrix, size) {
    this.matrix = matrix;
    this.size = size;
    const [[a, b, x], [c, d, y]] = matrix;
    const area = a * d - b * c;
    this.inverse = [
      [d / area, -b / area, (b * y - d * x) / area],
      [-c / area, a / area, (c * x - a * y) / area],
    ];
  }

  /** The square around a box with `margin` box sizes on each side, turned by `angle` degrees. */
  static fromBox(box, size, margin, angle = 0) {
    return CropTransform.fromSquare(boxCentre(box), boxSize(box) * (1 + 2 * margin), size, angle);
  }

  /** The square of `side` image pixels around a centre, turned by `angle` degrees. */
  static fromSquare([x, y], side, size, angle = 0) {
    const scale = size / side;
    const c = Math.cos((angle * Math.PI) / 180) * scale;
    const s = Math.sin((angle * Math.PI) / 180) * scale;
    const middle = (size - 1) / 2;
    const rows = [
      [c, s, middle - (c * x + s * y)],
      [-s, c, middle - (c * y - s * x)],
    ];
    return new CropTransform(rows, size);
  }

  /** The similarity that brings points nearest to others, by least squares; no mirroring. */
  static fromPoints(points, template, size) {
    const [middle, goal] = [points, template].map((list) =>
      [0, 1].map((k) => list.reduce((sum, p) => sum + p[k], 0) / list.length),
    );
    let [spread, c, s] = [0, 0, 0];
    points.forEach((point, i) => {
      const [x, y] = [point[0] - middle[0], point[1] - middle[1]];
      const [u, v] = [template[i][0] - goal[0], template[i][1] - goal[1]];
      spread += x * x + y * y;
      c += x * u + y * v;
      s += x * v - y * u;
    });
    if (!(spread > 0)) throw new Error("points that all coincide fit no template");
    [c, s] = [c / spread, s / spread];
    const rows = [
      [c, -s, goal[0] - (c * middle[0] - s * middle[1])],
      [s, c, goal[1] - (s * middle[0] + c * middle[1])],
    ];
    return new CropTransform(rows, size);
  }

  /** The crop of the same size and turn whose picture lies x, y crop pixels further. */
  shifted(x, y) {
    const [[a, b, u], [c, d, v]] = this.matrix;
    return new CropTransform([[a, b, u + x], [c, d, v + y]], this.size);
  }

  /** Degrees by which a face that stands upright in the crop leans clockwise in the image. */
  get angle() {
    return (Math.atan2(this.matrix[0][1], this.matrix[0][0]) * 180) / Math.PI;
  }

  /** Crop pixels per image pixel. */
  get scale() {
    return Math.hypot(this.matrix[0][0], this.matrix[1][0]);
  }

  toCrop([x, y]) {
    return this.matrix.map(([a, b, c]) => Math.fround(a * x + b * y + c));
  }

  toImage([x, y]) {
    return this.inverse.map(([a, b, c]) => Math.fround(a * x + b * y + c));
  }

  /** The crop of a picture, antialiased; black where the picture ends. */
  warp(image) {
    const part = this.part(image);
    return part ? affine(part.picture, this.size, this.#toPart(part)) : blank(this.size, this.size);
  }

  /**
   * What the crop can see of a picture, from pixel (x0, y0) on, reduced; null outside it.
   * @param {number} [wanted] the factor; 0 leaves it to the crop.
   */
  part(image, wanted = 0) {
    const [x0, y0, x1, y1] = this.#region(image.width, image.height);
    if (x0 >= x1 || y0 >= y1) return null;
    const whole = wanted || Math.max(1, Math.trunc(1 / this.scale));
    const factor = Math.min(whole, Math.max(x1 - x0, y1 - y0));
    // Shrinking first, by a whole factor, keeps fine texture from aliasing in the bilinear step.
    const part = cut(image, x0, y0, x1, y1);
    return { picture: factor > 1 ? reduce(part, factor) : part, x0, y0, factor };
  }

  /** The crop out of a part whose picture is gray: a Float64Array. */
  cutGray(part) {
    return affineGray(part.picture, this.size, this.#toPart(part));
  }

  /** The pixels of the image that the crop can see: x0, y0, x1, y1, the last exclusive. */
  #region(width, height) {
    const pad = 1 + 1 / this.scale;
    const [[x0, x1], [y0, y1]] = this.inverse.map((row) => this.#seen(row, pad));
    const within = (value, most) => Math.min(Math.max(value, 0), most);
    return [within(x0, width), within(y0, height), within(x1, width), within(y1, height)];
  }

  #seen([a, b, shift], pad) {
    const ends = [-0.5, this.size - 0.5];
    const places = ends.flatMap((u) => ends.map((v) => Math.fround(a * u + b * v + shift)));
    return [Math.floor(Math.min(...places) - pad), Math.ceil(Math.max(...places) + pad) + 1];
  }

  /** Crop → shrunken part of the image, in Pillow's frame: a pixel's corner at (0, 0). */
  #toPart({ x0, y0, factor }) {
    return this.inverse.flatMap(([a, b, shift], i) => {
      const start = i === 0 ? x0 : y0;
      return [a, b, shift - (a + b) / 2 + 0.5 - start].map((value) => value / factor);
    });
  }
}
