/** How sure a face is, as in `facealign/aligner/confidence.py`; the constants come from there. */

import { boxOfPoints, nms } from "./geometry.js";

/** Of detected faces those that the landmarks do not deny, each once. */
export function distinctFaces(faces, angles, { FACE, SAME, SHARE, SURE }) {
  const real = faces.filter(({ scores, score }, i) => {
    if (!scores || (score >= SURE && angles[i] === 0)) return true;
    return mean(scores) + SHARE * score >= FACE;
  });
  if (real.length < 2 || real.some(({ scores }) => !scores)) return real;
  const boxes = real.map(({ landmarks }) => boxOfPoints(landmarks));
  const kept = nms(boxes, real.map(({ scores }) => mean(scores)), SAME);
  return kept.sort((a, b) => a - b).map((i) => real[i]);
}

/** The probability that the points are right. */
export function confidence(scores, { SHIFT, SLOPES, UNSURE }) {
  const [unsure, median] = [UNSURE, 50].map((share) => percentile(scores, share));
  return 1 / (1 + Math.exp(-(SLOPES[0] * unsure + SLOPES[1] * median + SHIFT)));
}

/** numpy.percentile: between two values, in proportion. */
export function percentile(values, share) {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const place = (share / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const above = sorted[Math.min(below + 1, sorted.length - 1)];
  return sorted[below] + (above - sorted[below]) * (place - below);
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
