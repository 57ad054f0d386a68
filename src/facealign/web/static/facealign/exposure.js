/** Dark photos and deep shadows, as in `facealign/exposure.py`; its constants come from there. */

import { blank, reduce } from "./pillow.js";

/** Stretch a picture that is dark all over; any other is returned as it is. */
export function brighten(image, { DARK, BRIGHT, SHARE }) {
  const { width, height, data } = image;
  const step = Math.max(1, Math.floor(Math.min(width, height) / 128));
  const light = [];
  for (let y = 0; y < height; y += step) {
    for (let x = 0; x < width; x += step) {
      const i = 4 * (y * width + x);
      light.push(Math.max(data[i], data[i + 1], data[i + 2]));
    }
  }
  if (light.filter((value) => value >= DARK).length >= SHARE * light.length) return image;
  light.sort((a, b) => a - b);
  const place = (1 - SHARE) * (light.length - 1); // numpy.percentile, interpolated
  const below = Math.floor(place);
  const above = light[Math.min(below + 1, light.length - 1)];
  const top = light[below] + (above - light[below]) * (place - below);
  if (top < 1) return image;
  const table = Array.from({ length: 256 }, (_, i) => Math.min(255, Math.floor(i * (BRIGHT / top))));
  const bright = blank(width, height);
  for (let i = 0; i < data.length; i++) bright.data[i] = i % 4 === 3 ? data[i] : table[data[i]];
  return bright;
}

/** Lift deep shadows of a square crop; an evenly lit one is returned as it is. */
export function evenLight(crop, { CELLS, INNER, SHADOW, STRENGTH, MOST, FLOOR }) {
  const size = crop.width;
  const { width: cells, data } = reduce(crop, Math.max(1, Math.floor(size / CELLS)));
  const light = Array.from({ length: cells * cells }, (_, i) =>
    Math.max(data[4 * i], data[4 * i + 1], data[4 * i + 2]),
  );
  const inside = (k) => k >= INNER && k < cells - INNER;
  const inner = light.filter((_, i) => inside(i % cells) && inside(Math.floor(i / cells)));
  inner.sort((a, b) => a - b);
  const [low, high] = [inner[3], inner.at(-4)];
  if (low >= SHADOW * high) return crop;
  const gain = light.map((value) => {
    const ratio = Math.max(high, 1) / Math.max(value, FLOOR);
    return Math.min(MOST, Math.max(1, ratio ** STRENGTH));
  });
  const smooth = enlarge(gain.map(Math.fround), cells, size);
  const lit = blank(size, size);
  for (let i = 0; i < lit.data.length; i++) {
    const value = i % 4 === 3 ? 255 : Math.floor(Math.fround(crop.data[i] * smooth[i >> 2]));
    lit.data[i] = Math.min(255, Math.max(0, value));
  }
  return lit;
}

/** Pillow's bicubic resize of `cells` × `cells` floats to `size` × `size`. */
function enlarge(values, cells, size) {
  const rows = weights(cells, size);
  const wide = new Float32Array(cells * size);
  for (let y = 0; y < cells; y++) {
    rows.forEach((row, x) => {
      wide[y * size + x] = row.reduce((sum, [k, w]) => sum + w * values[y * cells + k], 0);
    });
  }
  const all = new Float32Array(size * size);
  rows.forEach((row, y) => {
    for (let x = 0; x < size; x++) {
      all[y * size + x] = row.reduce((sum, [k, w]) => sum + w * wide[k * size + x], 0);
    }
  });
  return all;
}

/** For each place of the larger side: the cells it is made of, with their weights. */
function weights(cells, size) {
  return Array.from({ length: size }, (_, i) => {
    const centre = ((i + 0.5) * cells) / size;
    const [first, end] = [Math.max(0, Math.floor(centre - 1.5)), Math.min(cells, Math.floor(centre + 2.5))];
    const row = [];
    for (let k = first; k < end; k++) row.push([k, cubic(k - centre + 0.5)]);
    const sum = row.reduce((total, [, w]) => total + w, 0);
    return row.map(([k, w]) => [k, w / sum]);
  });
}

function cubic(x) {
  const [a, t] = [-0.5, Math.abs(x)];
  if (t < 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}
