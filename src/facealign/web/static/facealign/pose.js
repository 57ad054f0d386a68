/** How a head is turned: a generic 3D face fitted to the landmarks, as in `facealign/face/pose.py`. */

import { cross, dot, gram, multiply, solve } from "./linear.js";

const STEPS = 12;
const CLOSE = 1e-9;
const LARGEST_STEP = 0.5; // radians

const DEGREES = 180 / Math.PI;

/**
 * @param {number[][]} landmarks K points.
 * @param {{indices: number[], places: number[][]}} generic the points that the generic face has.
 * @returns {{yaw: number, pitch: number, roll: number}} degrees.
 */
export function fitPose(landmarks, { indices, places }) {
  const seen = indices.map((i) => landmarks[i]);
  const middle = [0, 1].map((k) => seen.reduce((sum, p) => sum + p[k], 0) / seen.length);
  const points = seen.map(([x, y]) => [x - middle[0], y - middle[1]]);
  const size = Math.max(...points.flat().map(Math.abs));
  if (!(size > 0)) return { yaw: 0, pitch: 0, roll: 0 };
  const most = Math.max(...places.flat().map(Math.abs));
  const model = places.map((place) => place.map((value) => value / most));
  return angles(fit(model, points.map((point) => point.map((value) => value / size))));
}

function angles(r) {
  return {
    yaw: Math.atan2(r[2][0], r[2][2]) * DEGREES,
    pitch: -Math.asin(Math.min(1, Math.max(-1, r[2][1]))) * DEGREES,
    roll: Math.atan2(-r[0][1], r[1][1]) * DEGREES,
  };
}

/** The rotation that brings the model nearest to the points: Gauss-Newton from the affine fit. */
function fit(model, points) {
  let { rotation, scale } = affineFit(model, points);
  for (let n = 0; n < STEPS; n++) {
    const step = gaussNewton(model, points, rotation, scale);
    rotation = multiply(turn(step), rotation);
    scale += step[3];
    if (Math.max(...step.map(Math.abs)) < CLOSE) break;
  }
  return rotation;
}

/** The nearest rotation and scale to the best affine map from the model to the points. */
function affineFit(model, points) {
  const moment = gram(model, model);
  const rows = [0, 1].map((k) => solve(moment, gram(model, points.map((p) => [p[k]])).flat()));
  const [[a, b], [, d]] = [0, 1].map((i) => [0, 1].map((j) => dot(rows[i], rows[j])));
  const area = Math.sqrt(Math.max(a * d - b * b, 0));
  const trace = Math.sqrt(a + d + 2 * area);
  // The 2 × 2 root of rows · rowsᵀ; its inverse makes the rows orthonormal.
  const root = [(a + area) / trace, b / trace, (d + area) / trace];
  const size = root[0] * root[2] - root[1] * root[1];
  const inverse = [root[2] / size, -root[1] / size, root[0] / size];
  const first = rows[0].map((v, k) => inverse[0] * v + inverse[1] * rows[1][k]);
  const second = rows[0].map((v, k) => inverse[1] * v + inverse[2] * rows[1][k]);
  return { rotation: [first, second, cross(first, second)], scale: (root[0] + root[2]) / 2 };
}

function gaussNewton(model, points, rotation, scale) {
  const slopes = [];
  const missing = [];
  model.forEach((place, i) => {
    const turned = rotation.map((row) => dot(row, place));
    const [x, y, z] = turned.map((value) => value * scale);
    // How the seen point moves when the face turns about x, y, z, and when it grows.
    slopes.push([0, z, -y, turned[0]], [-z, 0, x, turned[1]]);
    missing.push([points[i][0] - x], [points[i][1] - y]);
  });
  return solve(gram(slopes, slopes), gram(slopes, missing).flat());
}

/** Rotation about an axis by its length in radians (Rodrigues), cut at `LARGEST_STEP`. */
function turn([x, y, z]) {
  const whole = Math.hypot(x, y, z);
  if (whole < 1e-12) return [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
  [x, y, z] = [x / whole, y / whole, z / whole];
  const angle = Math.min(whole, LARGEST_STEP);
  const [s, c] = [Math.sin(angle), 1 - Math.cos(angle)];
  const k = [[0, -z, y], [z, 0, -x], [-y, x, 0]];
  const squared = multiply(k, k);
  return k.map((row, i) => row.map((v, j) => (i === j ? 1 : 0) + s * v + c * squared[i][j]));
}

/** By how many degrees a face leans clockwise in the picture. */
export function lean(landmarks, { indices, places }) {
  let [along, across] = [0, 0];
  indices.forEach((i, n) => {
    const [[x, y], [u, v]] = [landmarks[i], places[n]];
    along += x * u + y * v;
    across += y * u - x * v;
  });
  return Math.atan2(across, along) * DEGREES;
}
