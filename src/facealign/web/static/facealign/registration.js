/** How a face has moved between two frames, as in `facealign/tracking/registration.py`. */

import { boxCentre, boxOfPoints, boxSize, CropTransform } from "./geometry.js";
import { solve } from "./linear.js";

/** The map that applies `first`, then `second`; both 2 × 3. */
const after = (second, first) =>
  second.map(([a, b, shift]) => [
    a * first[0][0] + b * first[1][0],
    a * first[0][1] + b * first[1][1],
    a * first[0][2] + b * first[1][2] + shift,
  ]);
const inverse = (matrix) => new CropTransform(matrix, 1).inverse;
const moved = (matrix, [x, y]) => matrix.map(([a, b, shift]) => a * x + b * y + shift);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values, middle) =>
  Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));

function grayOf({ data }, [red, green, blue]) {
  return Float64Array.from(
    { length: data.length / 4 },
    (_, i) => red * data[4 * i] + green * data[4 * i + 1] + blue * data[4 * i + 2],
  );
}

/** A face's picture in one frame, small and gray. */
export function patchOf(image, { landmarks, crop: { matrix, size } }, { SIDE, GRAY }) {
  const box = boxOfPoints(landmarks);
  const { angle } = new CropTransform(matrix, size);
  const crop = CropTransform.fromSquare(boxCentre(box), Math.max(1, boxSize(box)), SIDE, angle);
  return { crop: crop.matrix, gray: grayOf(crop.warp(image), GRAY), points: landmarks };
}

/** The correlation of two patches at half their size: -1 … 1. */
export function likeness(one, other, { SIDE }) {
  const [first, second] = [one, other].map(({ gray }) => {
    const half = Float64Array.from({ length: (SIDE / 2) ** 2 }, (_, i) => {
      const at = 2 * (i % (SIDE / 2)) + 2 * SIDE * Math.floor(i / (SIDE / 2));
      return (gray[at] + gray[at + 1] + gray[at + SIDE] + gray[at + SIDE + 1]) / 4;
    });
    const middle = mean(half);
    const spread = Math.max(1, deviation(half, middle));
    return half.map((value) => (value - middle) / spread);
  });
  return mean(first.map((value, i) => value * second[i]));
}

/** Where each pixel of a patch is, from its middle, and how much it counts. */
function grid(side) {
  return Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [(i % side) - (side - 1) / 2, Math.floor(i / side) - (side - 1) / 2];
    return [x, y, Math.exp(-((x / (0.36 * side)) ** 2) - (y / (0.42 * side)) ** 2)];
  });
}

/** How the patch changes with a shift, with the affine map's four numbers, with the light. */
function steepest(gray, places, side) {
  const middle = mean(gray);
  const slope = (i, at, by) => {
    const [low, high] = [at > 0 ? i - by : i, at < side - 1 ? i + by : i];
    return (gray[high] - gray[low]) / ((high - low) / by);
  };
  return places.map(([x, y], i) => {
    const right = slope(i, i % side, 1);
    const down = slope(i, Math.floor(i / side), side);
    return [right, down, right * x, right * y, down * x, down * y, gray[i] - middle, 1];
  });
}

/** The step of weighted least squares from the gaps, and what it leaves of them. */
function fitted(rows, gaps, weights) {
  const count = rows[0].length;
  const normal = Array.from({ length: count }, () => new Float64Array(count));
  const right = new Float64Array(count);
  rows.forEach((row, i) => {
    for (let a = 0; a < count; a++) {
      const weighted = weights[i] * row[a];
      right[a] += weighted * gaps[i];
      for (let b = 0; b < count; b++) normal[a][b] += weighted * row[b];
    }
  });
  normal.forEach((row, a) => (row[a] *= 1 + 1e-6));
  const step = solve(normal, [...right]);
  const left = gaps.map((gap, i) => gap - rows[i].reduce((sum, v, a) => sum + v * step[a], 0));
  return [step, left];
}

/**
 * The affine map from pixels of the frame before to those of this one; null where the pixels do
 * not tell.
 */
export function movement(before, image, points, constants) {
  const { SIDE, GRAY, ROUNDS, STILL, ROBUST, FAR, UNLIKE, APART } = constants;
  const middle = (SIDE - 1) / 2;
  const guess = CropTransform.fromPoints(before.points, points, 1).matrix;
  const places = grid(SIDE);
  const near = places.map(([, , weight]) => weight);
  const rows = steepest(before.gray, places, SIDE);
  let crop = after(before.crop, inverse(guess));
  let [weights, left] = [near, null];
  for (let round = 0; round < ROUNDS; round++) {
    const now = grayOf(new CropTransform(crop, SIDE).warp(image), GRAY);
    let step;
    [step, left] = fitted(rows, [...now].map((value, i) => value - before.gray[i]), weights);
    if (!step.slice(2, 7).every((value) => Math.abs(value) <= FAR)) return null;
    const [a, b, c, d] = [1 - step[2], -step[3], -step[4], 1 - step[5]];
    const back = inverse([[a, b, -step[0]], [c, d, -step[1]]]);
    const about = back.map(([p, q, shift]) => [p, q, shift + middle - (p + q) * middle]);
    crop = after(about, crop);
    const usual = mean(left.map(Math.abs));
    weights = near.map((weight, i) => weight / (1 + (left[i] / (ROBUST * usual + 1)) ** 2));
    const turned = step.slice(2, 6).reduce((sum, value) => sum + Math.abs(value), 0);
    if (round && Math.abs(step[0]) + Math.abs(step[1]) + (SIDE / 2) * turned < STILL) break;
  }
  const found = after(inverse(crop), before.crop);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = left.reduce((sum, value, i) => sum + weights[i] * value ** 2, 0);
  const contrast = Math.max(1, deviation(before.gray, mean(before.gray)));
  const gaps = before.points.map((point) => {
    const [[x, y], [u, v]] = [moved(found, point), moved(guess, point)];
    return Math.hypot(x - u, y - v);
  });
  if (!(mean(gaps) <= APART * boxSize(boxOfPoints(points)))) return null;
  return Math.sqrt(rest / total) / contrast <= UNLIKE ? found : null;
}
