/** Points where a photo shows nothing, as in `facealign/aligner/blank.py`. */

import { brighten } from "./exposure.js";
import { boxOfPoints, boxSize, roundEven } from "./geometry.js";

/**
 * Which points no picture can show: outside the photo, on flat black, on a border of one colour.
 *
 * @param {import("./pillow.js").Picture} image
 * @param {number[][]} points
 * @param {{REACH: number, FLAT: number, BLACK: number}} constants
 * @param {object} exposure constants of `brighten`.
 * @returns {boolean[]}
 */
export function blank(image, points, { REACH, FLAT, BLACK }, exposure) {
  const reach = Math.max(1, REACH * boxSize(boxOfPoints(points)));
  const steps = [-reach, 0, reach];
  let lit; // asked for only where something is black
  return points.map(([x, y]) => {
    if (x < -0.5 || y < -0.5 || x > image.width - 0.5 || y > image.height - 0.5) return true;
    const around = steps.flatMap((dy) => steps.map((dx) => colourAt(image, x + dx, y + dy)));
    const channels = [0, 1, 2].map((k) => around.map((colour) => colour[k]));
    if (!channels.every((values) => Math.max(...values) - Math.min(...values) <= FLAT)) return false;
    if (reachesBorder(image, x, y, FLAT)) return true;
    if (!channels.every((values) => Math.max(...values) <= BLACK)) return false;
    lit ??= brighten(image, exposure) === image;
    return lit;
  });
}

/** Whether all pixels straight from one to a side of the photo have its colour. */
function reachesBorder(image, x, y, most) {
  const { width, height } = image;
  const [column, row] = [within(x, width), within(y, height)];
  const colour = colourAt(image, column, row);
  const ways = [
    [-1, 0, column],
    [1, 0, width - 1 - column],
    [0, -1, row],
    [0, 1, height - 1 - row],
  ];
  return ways.some(([dx, dy, length]) => {
    for (let i = 1; i <= length; i++) {
      const there = colourAt(image, column + i * dx, row + i * dy);
      if (there.some((value, k) => Math.abs(value - colour[k]) > most)) return false;
    }
    return true;
  });
}

function colourAt({ data, width, height }, x, y) {
  const i = 4 * (within(y, height) * width + within(x, width));
  return [data[i], data[i + 1], data[i + 2]];
}

const within = (value, length) => Math.min(Math.max(roundEven(value), 0), length - 1);
