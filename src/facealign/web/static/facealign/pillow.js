/**
 * Pillow's resampling, to the bit: what the networks see here is what they see in Python.
 *
 * A picture is `{width, height, data}` with four bytes a pixel, as ImageData has it; the fourth is
 * not looked at.
 */

const PRECISION = 22; // bits of a weight behind the point, as in Pillow's Resample.c

/** Pillow's filters: how far they reach at scale 1, and the weight at a distance. */
export const BILINEAR = { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) };

/** @typedef {{width: number, height: number, data: Uint8Array | Uint8ClampedArray}} Picture */

/** @returns {Picture} */
export function blank(width, height) {
  return { width, height, data: new Uint8ClampedArray(4 * width * height) };
}

/**
 * Transparent pixels laid over white, in place, as Pillow does it. A canvas of its own rounds
 * otherwise, by a gray level.
 * @param {Picture} image @returns {Picture}
 */
export function overWhite(image) {
  const { data } = image;
  for (let i = 3; i < data.length; i += 4) {
    const alpha = data[i];
    if (alpha === 255) continue;
    for (let k = i - 3; k < i; k++) {
      data[k] = Math.floor((data[k] * alpha + 255 * (255 - alpha) + 127) / 255);
    }
    data[i] = 255;
  }
  return image;
}

/** The pixels x0 ≤ x < x1, y0 ≤ y < y1. @returns {Picture} */
export function cut(image, x0, y0, x1, y1) {
  if (x0 === 0 && y0 === 0 && x1 === image.width && y1 === image.height) return image;
  const part = blank(x1 - x0, y1 - y0);
  for (let y = y0; y < y1; y++) {
    const start = 4 * (y * image.width + x0);
    part.data.set(image.data.subarray(start, start + 4 * part.width), 4 * (y - y0) * part.width);
  }
  return part;
}

/**
 * `Image.reduce`: each block of fx × fy pixels becomes its mean; the last block may be smaller.
 * @returns {Picture}
 */
export function reduce(image, fx, fy = fx, box = [0, 0, image.width, image.height]) {
  const [x0, y0, x1, y1] = box;
  const small = blank(Math.ceil((x1 - x0) / fx), Math.ceil((y1 - y0) / fy));
  for (let v = 0; v < small.height; v++) {
    const top = y0 + v * fy;
    const bottom = Math.min(top + fy, y1);
    for (let u = 0; u < small.width; u++) {
      const left = x0 + u * fx;
      mean(image, left, top, Math.min(left + fx, x1), bottom, small.data, 4 * (v * small.width + u));
    }
  }
  return small;
}

function mean(image, left, top, right, bottom, target, at) {
  const count = (right - left) * (bottom - top);
  const multiplier = Math.floor(2 ** 24 / count); // Pillow divides by multiplying and shifting
  const half = Math.floor(count / 2);
  let r = half;
  let g = half;
  let b = half;
  for (let y = top; y < bottom; y++) {
    let i = 4 * (y * image.width + left);
    for (let x = left; x < right; x++, i += 4) {
      r += image.data[i];
      g += image.data[i + 1];
      b += image.data[i + 2];
    }
  }
  target[at] = Math.floor((r * multiplier) / 2 ** 24);
  target[at + 1] = Math.floor((g * multiplier) / 2 ** 24);
  target[at + 2] = Math.floor((b * multiplier) / 2 ** 24);
  target[at + 3] = 255;
}

/**
 * `Image.resize` of a part of the picture.
 *
 * @param {Picture} image
 * @param {number} width
 * @param {number} height
 * @param {number[]} box x0 y0 x1 y1 in pixels from the outer corner; may cut through pixels.
 * @param {number} gap Pillow's `reducing_gap`: whole blocks are averaged first.
 * @param {{support: number, weight: (x: number) => number}} filter
 * @returns {Picture}
 */
export function resize(image, width, height, box, gap, filter = BILINEAR) {
  const scale = [(box[2] - box[0]) / width, (box[3] - box[1]) / height];
  const [fx, fy] = scale.map((s) => Math.trunc(s / gap) || 1);
  if (fx > 1 || fy > 1) {
    const [sx, sy] = scale.map((s) => (filter.support - 0.5) * s);
    const safe = [
      Math.max(0, Math.trunc(box[0] - sx)),
      Math.max(0, Math.trunc(box[1] - sy)),
      Math.min(image.width, Math.ceil(box[2] + sx)),
      Math.min(image.height, Math.ceil(box[3] + sy)),
    ];
    image = reduce(image, fx, fy, safe);
    const [x, y] = safe;
    box = [(box[0] - x) / fx, (box[1] - y) / fy, (box[2] - x) / fx, (box[3] - y) / fy];
  }
  return blend(image, width, height, box.map(Math.fround), filter); // Pillow keeps a box in float32
}

function blend(image, width, height, [x0, y0, x1, y1], filter) {
  const rows = weights(image.height, y0, y1, height, filter);
  const first = rows[0].first;
  const last = rows[height - 1].first + rows[height - 1].kernel.length;
  if (width !== image.width || x0 !== 0 || x1 !== width) {
    const columns = weights(image.width, x0, x1, width, filter);
    const wide = blank(width, last - first);
    for (let y = 0; y < wide.height; y++) {
      for (let x = 0; x < width; x++) {
        const { first: start, kernel } = columns[x];
        const from = 4 * ((y + first) * image.width + start);
        weigh(image.data, from, 4, kernel, wide.data, 4 * (y * width + x));
      }
    }
    rows.forEach((row) => (row.first -= first));
    image = wide;
  }
  if (height === image.height && y0 === 0 && y1 === height) return image;
  const result = blank(width, height);
  for (let y = 0; y < height; y++) {
    const { first: start, kernel } = rows[y];
    for (let x = 0; x < width; x++) {
      const from = 4 * (start * width + x);
      weigh(image.data, from, 4 * width, kernel, result.data, 4 * (y * width + x));
    }
  }
  return result;
}

function weigh(source, from, step, kernel, target, at) {
  const half = 1 << (PRECISION - 1);
  let r = half;
  let g = half;
  let b = half;
  for (let k = 0; k < kernel.length; k++, from += step) {
    const weight = kernel[k];
    r += source[from] * weight;
    g += source[from + 1] * weight;
    b += source[from + 2] * weight;
  }
  target[at] = r >> PRECISION;
  target[at + 1] = g >> PRECISION;
  target[at + 2] = b >> PRECISION;
  target[at + 3] = 255;
}

/** The pixels that each place of a resized line takes, and their weights as whole numbers. */
function weights(length, start, end, count, filter) {
  const scale = Math.fround(end - start) / count;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const places = [];
  for (let i = 0; i < count; i++) {
    const centre = start + (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(length, Math.trunc(centre + support + 0.5));
    const kernel = [];
    for (let x = first; x < last; x++) {
      kernel.push(filter.weight((x - centre + 0.5) * (1 / stretch)));
    }
    const sum = kernel.reduce((a, b) => a + b, 0);
    const whole = kernel.map((w) => Math.trunc(0.5 + (sum ? w / sum : w) * 2 ** PRECISION));
    places.push({ first, kernel: Int32Array.from(whole) });
  }
  return places;
}

/**
 * `Image.transform(AFFINE, BILINEAR)` into a square; black where the picture ends. Pillow truncates
 * its values, so this does.
 *
 * @param {Picture} image
 * @param {number} size side of the square.
 * @param {number[]} m a b c d e f: x' = a x + b y + c, y' = d x + e y + f, from pixel corners.
 * @returns {Picture}
 */
export function affine(image, size, [a, b, c, d, e, f]) {
  const { width, height, data } = image;
  const result = blank(size, size);
  for (let v = 0, at = 0; v < size; v++) {
    for (let u = 0; u < size; u++, at += 4) {
      result.data[at + 3] = 255;
      const px = a * (u + 0.5) + b * (v + 0.5) + c;
      const py = d * (u + 0.5) + e * (v + 0.5) + f;
      if (!(px >= 0 && px < width && py >= 0 && py < height)) continue;
      const x = Math.floor(px - 0.5);
      const y = Math.floor(py - 0.5);
      const dx = px - 0.5 - x;
      const dy = py - 0.5 - y;
      const left = 4 * Math.max(x, 0);
      const right = 4 * Math.min(x + 1, width - 1);
      const upper = 4 * width * Math.max(y, 0);
      const lower = 4 * width * Math.min(y + 1, height - 1);
      for (let k = 0; k < 3; k++) {
        const one = data[upper + left + k];
        const two = data[lower + left + k];
        const over = one + (data[upper + right + k] - one) * dx;
        const under = two + (data[lower + right + k] - two) * dx;
        result.data[at + k] = Math.floor(over + (under - over) * dy);
      }
    }
  }
  return result;
}

/** `Image.convert("L")`, one byte a pixel. @param {Picture} image */
export function gray({ width, height, data }) {
  const value = (i) => (data[i] * 19595 + data[i + 1] * 38470 + data[i + 2] * 7471 + 32768) >> 16;
  return { width, height, data: Uint8Array.from({ length: width * height }, (_, i) => value(4 * i)) };
}

/** `Image.filter` of a gray picture by 1 2 1 along rows and columns; its border stays as it is. */
export function soften({ width, height, data }) {
  const result = Uint8Array.from(data);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const row = (i) => data[i - 1] + 2 * data[i] + data[i + 1];
      const i = y * width + x;
      result[i] = (row(i - width) + 2 * row(i) + row(i + width) + 8) >> 4;
    }
  }
  return { width, height, data: result };
}

/** As `affine`, of a gray picture and without rounding, as in Pillow's mode F. */
export function affineGray({ width, height, data }, size, [a, b, c, d, e, f]) {
  const result = new Float64Array(size * size);
  for (let v = 0, at = 0; v < size; v++) {
    for (let u = 0; u < size; u++, at++) {
      const px = a * (u + 0.5) + b * (v + 0.5) + c;
      const py = d * (u + 0.5) + e * (v + 0.5) + f;
      if (!(px >= 0 && px < width && py >= 0 && py < height)) continue;
      const x = Math.floor(px - 0.5);
      const y = Math.floor(py - 0.5);
      const [left, right] = [Math.max(x, 0), Math.min(x + 1, width - 1)];
      const [upper, lower] = [Math.max(y, 0) * width, Math.min(y + 1, height - 1) * width];
      const dx = px - 0.5 - x;
      const over = data[upper + left] + (data[upper + right] - data[upper + left]) * dx;
      const under = data[lower + left] + (data[lower + right] - data[lower + left]) * dx;
      result[at] = over + (under - over) * (py - 0.5 - y);
    }
  }
  return result;
}
