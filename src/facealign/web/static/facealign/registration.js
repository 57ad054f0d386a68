/** How a face has moved between two frames, as in `facealign/tracking/registration.py`. */

import { boxCentre, boxOfPoints, boxSize, CropTransform, roundEven } from "./geometry.js";
import { solve } from "./linear.js";
import { gray, soften } from "./pillow.js";

export const IDENTITY = [
  [1, 0, 0],
  [0, 1, 0],
];

/** The map that applies `first`, then `second`; both 2 × 3. */
export const after = (second, first) =>
  second.map(([a, b, shift]) => [
    a * first[0][0] + b * first[1][0],
    a * first[0][1] + b * first[1][1],
    a * first[0][2] + b * first[1][2] + shift,
  ]);
export const inverse = (matrix) => new CropTransform(matrix, 1).inverse;
export const movedPoint = (matrix, [x, y]) =>
  matrix.map(([a, b, shift]) => Math.fround(a * x + b * y + shift));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const deviation = (values, middle) =>
  Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));

/**
 * The part of a frame round a face, gray: what cuts patches of SIDE² out of it by their crops, and
 * the factor by which the frame was reduced first; 0 leaves it to the crop.
 */
function region(image, matrix, wanted, { SIDE, REACH }) {
  const wide = new CropTransform(matrix, SIDE).shifted(REACH, REACH).matrix;
  const part = new CropTransform(wide, SIDE + 2 * REACH).part(image, wanted);
  if (!part) return [() => new Float64Array(SIDE * SIDE), 0];
  const picture = soften(gray(part.picture));
  return [(crop) => new CropTransform(crop, SIDE).cutGray({ ...part, picture }), part.factor];
}

/**
 * A face's picture in one frame, small and gray.
 *
 * @param {boolean[]} inner which landmarks are not on the face's outline.
 */
export function patchOf(image, { landmarks, crop: { matrix, size } }, inner, constants) {
  const { SIDE } = constants;
  const box = boxOfPoints(landmarks);
  const { angle } = new CropTransform(matrix, size);
  const crop = CropTransform.fromSquare(boxCentre(box), Math.max(1, boxSize(box)), SIDE, angle);
  const [cut, factor] = region(image, crop.matrix, 0, constants);
  const picture = cut(crop.matrix);
  const contrast = Math.max(1, deviation(picture, mean(picture)));
  return { crop: crop.matrix, gray: picture, points: landmarks, factor, inner, contrast };
}

/** The correlation of two patches at half their size: -1 … 1. */
export function likeness(one, other, { SIDE }) {
  const [first, second] = [one, other].map(({ gray: picture }) => {
    const half = Float64Array.from({ length: (SIDE / 2) ** 2 }, (_, i) => {
      const at = 2 * (i % (SIDE / 2)) + 2 * SIDE * Math.floor(i / (SIDE / 2));
      return (picture[at] + picture[at + 1] + picture[at + SIDE] + picture[at + SIDE + 1]) / 4;
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
function steepest(picture, places, side) {
  const middle = mean(picture);
  const slope = (i, at, by) => {
    const [low, high] = [at > 0 ? i - by : i, at < side - 1 ? i + by : i];
    return (picture[high] - picture[low]) / ((high - low) / by);
  };
  return places.map(([x, y], i) => {
    const right = slope(i, i % side, 1);
    const down = slope(i, Math.floor(i / side), side);
    return [right, down, right * x, right * y, down * x, down * y, picture[i] - middle, 1];
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

/** The largest movement of an inner landmark of its own, from the differences that are left. */
function ownMovement({ crop, points, inner, contrast }, rows, left, { SIDE, AROUND, FLAT }) {
  const half = Math.floor(AROUND / 2);
  const flat = FLAT * contrast ** 2 * AROUND ** 2;
  const within = (value) => Math.min(Math.max(roundEven(value), half), SIDE - 1 - half);
  const transform = new CropTransform(crop, SIDE);
  const moves = points.filter((_, k) => inner[k]).flatMap((point) => {
    const [x, y] = transform.toCrop(point).map(within);
    const [sums, squares] = [[0, 0], [flat, flat]];
    for (let i = 0; i < AROUND * AROUND; i++) {
      const at = SIDE * (y - half + Math.floor(i / AROUND)) + x - half + (i % AROUND);
      for (const k of [0, 1]) {
        sums[k] += left[at] * rows[at][k];
        squares[k] += rows[at][k] ** 2;
      }
    }
    return sums.map((sum, k) => Math.abs(sum / squares[k]));
  });
  return Math.max(0, ...moves);
}

/**
 * How the face of a patch has moved, searched from a guess: the affine map from pixels of its frame
 * to those of this one, and the largest movement of a landmark besides, in patch pixels.
 *
 * @param {number[][]} guess that map, as far as it is known.
 * @returns {?{affine: number[][], own: number}} null where the pixels do not tell.
 */
export function registered(before, image, guess, constants) {
  const { SIDE, ROUNDS, STILL, ROBUST, FAR, UNLIKE } = constants;
  const middle = (SIDE - 1) / 2;
  const places = grid(SIDE);
  const near = places.map(([, , weight]) => weight);
  const rows = (before.rows ??= steepest(before.gray, places, SIDE));
  let crop = after(before.crop, inverse(guess));
  if (!crop.flat().every(Number.isFinite)) return null;
  const [cut] = region(image, crop, before.factor, constants);
  let [weights, left] = [near, null];
  for (let round = 0; round < ROUNDS; round++) {
    const gaps = [...cut(crop)].map((value, i) => value - before.gray[i]);
    let step;
    [step, left] = fitted(rows, gaps, weights);
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
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const rest = left.reduce((sum, value, i) => sum + weights[i] * value ** 2, 0);
  if (!(Math.sqrt(rest / total) / before.contrast <= UNLIKE)) return null;
  const affine = after(inverse(crop), before.crop);
  return { affine, own: ownMovement(before, rows, left, constants) };
}

/**
 * The map of a face whose landmarks are known; null where pixels or landmarks do not tell.
 *
 * @param {?{affine: number[][]}} found what `registered` gave without the landmarks.
 */
export function movement(before, image, points, found, constants) {
  const guess = CropTransform.fromPoints(before.points, points, 1).matrix;
  const most = constants.APART * boxSize(boxOfPoints(points));
  const agrees = (one) => {
    const gaps = before.points.map((point) => {
      const [[x, y], [u, v]] = [movedPoint(one.affine, point), movedPoint(guess, point)];
      return Math.hypot(x - u, y - v);
    });
    return mean(gaps) <= most;
  };
  if (found && agrees(found)) return found.affine;
  const again = registered(before, image, guess, constants);
  return again && agrees(again) ? again.affine : null;
}
