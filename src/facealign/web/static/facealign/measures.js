/** How far eyes and mouth are open, from the landmarks of one face: height over width. */

const MOST_YAW = 30; // degrees either way: beyond, widths shorten and heights do not
const LEAST_SCORE = 0.45; // mean score of the points of an eye or the mouth
const OUTLINES = {
  eye_openness_left: "left_eye",
  eye_openness_right: "right_eye",
  mouth_openness: "inner_lip",
};

const distance = ([x0, y0], [x1, y1]) => Math.hypot(x1 - x0, y1 - y0);

/**
 * The mean height of an outline over its width. It runs from corner to corner along the top and back
 * along the bottom, as an eye's six points (Soukupová and Čech's ratio) and the inner lip's eight.
 */
export function openness(points) {
  const half = points.length / 2;
  let height = 0;
  for (let i = 1; i < half; i++) height += distance(points[i], points[points.length - i]);
  const width = distance(points[0], points[half]);
  return width > 0 ? height / (half - 1) / width : null;
}

/**
 * @param {{landmarks: number[][], markup: string, pose: {yaw: number}, scores?: number[],
 *   visible?: boolean[]}} face
 * @param {Object<string, number[]>} groups of its point scheme.
 * @returns {{eye_openness_left: ?number, eye_openness_right: ?number, mouth_openness: ?number}}
 *   null where the points are not ibug68's, are hidden or uncertain, or the head looks aside.
 */
export function measures(face, groups) {
  const known = face.markup === "ibug68" && Math.abs(face.pose.yaw) <= MOST_YAW;
  const values = Object.entries(OUTLINES).map(([name, outline]) => [
    name,
    known && isSeen(face, groups[outline])
      ? openness(groups[outline].map((i) => face.landmarks[i]))
      : null,
  ]);
  return Object.fromEntries(values);
}

function isSeen({ scores, visible }, indices) {
  if (visible && !indices.every((i) => visible[i])) return false;
  const sum = scores ? indices.reduce((total, i) => total + scores[i], 0) : Infinity;
  return sum / indices.length >= LEAST_SCORE;
}
