/** Faces that lie on their side or upside down, as in `facealign/aligner/turned.py`. */

import { boxCentre, boxSize, CropTransform, roundEven } from "./geometry.js";
import { blank, resize } from "./pillow.js";

/**
 * The faces of a picture, and by how many degrees each leans clockwise.
 *
 * @param {import("./yunet.js").YuNet} detector
 * @param {import("./pillow.js").Picture} image
 * @param {object} constants those of the Python module, by name.
 * @returns {Promise<{boxes: number[][], scores: number[], angles: number[]}>}
 */
export async function find(detector, image, constants) {
  let found = await detector.detect(image);
  let angle = 0;
  if (!found.boxes.length) [found, angle] = await findByQuarters(detector, image, constants);
  const boxes = [...found.boxes];
  const angles = boxes.map(() => angle);
  for (const [i, score] of found.scores.entries()) {
    if (score >= constants.SURE) continue;
    [boxes[i], angles[i]] = await byEighths(detector, image, boxes[i], angle, constants);
  }
  return { boxes, scores: found.scores, angles };
}

async function findByQuarters(detector, image, { COARSE, QUARTERS }) {
  const scale = Math.min(1, COARSE / Math.max(image.height, image.width));
  const size = [image.width, image.height].map((side) => Math.max(1, roundEven(side * scale)));
  const whole = [0, 0, image.width, image.height];
  const view = scale === 1 ? image : resize(image, ...size, whole, 2);
  const ratio = [image.width / view.width, image.height / view.height];
  for (const quarter of QUARTERS) {
    const found = await detector.detect(quarterTurned(view, quarter));
    if (!found.boxes.length) continue;
    const boxes = found.boxes.map((box) =>
      // A pixel's corner, not its centre, is what a change of size keeps in place.
      turnedBack(box, quarter, view).map((v, k) => Math.fround((v + 0.5) * ratio[k % 2] - 0.5)),
    );
    return [{ boxes, scores: found.scores }, 90 * quarter];
  }
  return [{ boxes: [], scores: [] }, 0];
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

function turnedBack([x0, y0, x1, y1], quarter, { width, height }) {
  const [right, bottom] = [width - 1, height - 1];
  if (quarter === 1) return [right - y1, x0, right - y0, x1];
  if (quarter === 2) return [right - x1, bottom - y1, right - x0, bottom - y0];
  return [y0, bottom - x1, y1, bottom - x0];
}

/** The box and the angle under which the detector is surest of a face that it doubts. */
async function byEighths(detector, image, box, angle, constants) {
  const { EIGHTHS, SURE, BETTER, PATCH, WIDER } = constants;
  let best = [box, angle];
  let surest = 0;
  for (const turn of EIGHTHS) {
    const side = WIDER * Math.fround(Math.sqrt(Math.fround(boxSize(box) ** 2))); // float32
    const patch = CropTransform.fromSquare(boxCentre(box), side, PATCH, angle + turn);
    const found = await detector.detect(patch.warp(image));
    if (found.boxes.length && found.scores[0] > surest + BETTER) {
      surest = found.scores[0];
      // Upright as it stands: the whole picture's box is as good.
      best = turn ? [boxIn(patch, found.boxes[0]), angle + turn] : [box, angle];
    }
    if (turn && surest >= SURE) break;
  }
  return best;
}

/** A box in a turned patch as a box of the same size and centre in the picture. */
function boxIn(patch, box) {
  const [x, y] = patch.toImage(boxCentre(box));
  const [w, h] = [0, 1].map((k) =>
    Math.fround(Math.fround(box[k + 2] - box[k]) / 2 / Math.fround(patch.scale)),
  );
  return [x - w, y - h, x + w, y + h].map(Math.fround);
}
