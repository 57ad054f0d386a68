/** One face over time, as in `facealign/tracking/track.py`, and which box is whose, as in `matching.py`. */

import { boxCentre, boxOfPoints, boxSize, CropTransform, iou } from "./geometry.js";
import { lean } from "./pose.js";
import { after, IDENTITY, inverse, movedPoint, movement, patchOf, registered } from "./registration.js";
import { LiveSmoother } from "./smoothing.js";

const centred = ([x, y], [w, h]) => [x - w, y - h, x + w, y + h].map(Math.fround);
export const isOutline = (face, settings) => "jaw" in settings.markups[face.markup].groups;
const square = (centre, side) => centred(centre, [side / 2, side / 2]);
const squared = (box) => square(boxCentre(box), boxSize(box));
const wrapped = (degrees) => ((((degrees + 180) % 360) + 360) % 360) - 180;

/** Whether the network sees a face there, as far as its model says. */
export function isSure({ scores }, { LOST }) {
  return !scores || scores.reduce((a, b) => a + b, 0) / scores.length >= LOST;
}

/** Whether the middle of a box is in the picture. */
export function isInside(box, { width, height }) {
  const [x, y] = boxCentre(box);
  return x >= 0 && x < width && y >= 0 && y < height;
}

/** The box by which a newly found face is compared with those that are followed. */
export function outlineBox(face, settings) {
  return isOutline(face, settings) ? boxOfPoints(face.landmarks) : face.box;
}

export class Track {
  constructor(number, face, image, time, settings, smooth) {
    this.number = number;
    this.settings = settings;
    this.constants = settings.track;
    this.face = face;
    this.box = face.box;
    this.missing = true;
    this.unseen = 0;
    this.setAnchor(face);
    const markup = settings.markups[face.markup];
    this.smoother = smooth ? new LiveSmoother(settings.smoothing, markup) : null;
    this.look(face, image, time);
  }

  /** The network has seen the face in a frame; `found` is how its pixels moved. */
  look(face, image, time, found = null) {
    const { registration, markups } = this.settings;
    const known = !this.missing && movement(this.patch, image, face.landmarks, found, registration);
    this.since = known || null;
    this.lastStep = this.since && after(this.since, inverse(this.moved));
    [this.moved, this.looked, this.carried] = [IDENTITY, time, false];
    this.#move(face, time);
    this.patch = patchOf(image, face, markups[face.markup].inner, registration);
  }

  /** The face moves along with its pixels: all of it has moved alike since the last look. */
  carry({ affine }, time) {
    this.lastStep = after(affine, inverse(this.moved));
    [this.moved, this.carried] = [affine, true];
    const landmarks = this.patch.points.map((point) => movedPoint(affine, point));
    const { matrix, size } = this.face.crop;
    const crop = { matrix: after(matrix, inverse(this.lastStep)), size };
    this.#move({ ...this.face, landmarks, crop }, time);
  }

  /** How the face has moved since the last look, searched where it was heading. */
  registered(image) {
    const guess = this.lastStep ? after(this.lastStep, this.moved) : this.moved;
    return registered(this.patch, image, guess, this.settings.registration);
  }

  /** Whether the landmarks may be moved along: the place is sure, and all moved alike. */
  needsNoLook({ own }, time) {
    const { OWN, UNLOOKED } = this.constants;
    const age = time - this.looked;
    return Boolean(this.smoother?.steady) && own <= OWN && age > 0 && age <= UNLOOKED;
  }

  #move(face, time) {
    this.angle += wrapped(this.#lean(face) - this.angle);
    [this.face, this.seen, this.missing] = [face, time, false];
    this.box = this.#nextBox(face.landmarks);
    if (isOutline(face, this.settings)) this.anchor = [this.box, face.landmarks];
    this.places.push([time, ...boxCentre(this.box), Math.log(boxSize(this.box)), this.angle]);
    if (this.places.length > this.constants.STEADY + this.constants.UNSURE) this.places.shift();
  }

  /** The face's points in a frame, smoothed. */
  smoothed(time) {
    const { smoother, moved, since, face } = this;
    return this.carried ? smoother.carriedTo(moved, time) : smoother.step(face.landmarks, time, since);
  }

  lose() {
    this.missing = true;
    this.smoother?.reset();
  }

  /** The detector has found the face, at first or again. */
  setAnchor(face) {
    this.places = [];
    this.angle = this.#lean(face);
    const outline = isOutline(face, this.settings);
    const box = outline ? squared(boxRound(face.landmarks, this.angle)) : face.box;
    this.anchor = [box, face.landmarks];
  }

  #lean(face) {
    return lean(face.landmarks, this.settings.generic_faces[face.markup]);
  }

  /** The anchor's box moved as its points have, and drawn a little to the one round these. */
  #nextBox(points) {
    const [box, before] = this.anchor;
    const moved = CropTransform.fromPoints(before, points, 1);
    const there = square(moved.toCrop(boxCentre(box)), boxSize(box) * moved.scale);
    if (!isOutline(this.face, this.settings)) return there;
    const round = squared(boxRound(points, this.angle));
    const { PULL } = this.constants;
    return there.map((value, k) => Math.fround(value + PULL * (round[k] - value)));
  }

  /** The box that is given with a face. */
  shownBox(points) {
    const outline = isOutline(this.face, this.settings);
    return outline ? boxRound(points, this.angle) : this.#nextBox(points);
  }

  /** Box and angle at a time shortly after, by the straight line through the last ones. */
  expected(time, most) {
    const near = this.places.filter(([t]) => time - t <= most);
    const newest = near.slice(-this.constants.NEWEST);
    if (newest.length < this.constants.NEWEST) return [this.box, this.angle];
    const mean = (k) => newest.reduce((sum, place) => sum + place[k], 0) / newest.length;
    const ages = newest.map(([t]) => t - mean(0));
    const spread = ages.reduce((sum, age) => sum + age * age, 0);
    const [x, y, size, angle] = [1, 2, 3, 4].map((k) => {
      const along = newest.reduce((sum, place, i) => sum + ages[i] * place[k], 0);
      return mean(k) + ((time - mean(0)) * along) / spread;
    });
    return [square([x, y], Math.exp(size)), angle];
  }

  /** The box where the face should be at a time, had it moved on as before. */
  heading(time) {
    const steady = this.places.slice(0, -this.constants.UNSURE);
    if (steady.length < 3) return this.box;
    const [[t0, x0, y0], [t1, x1, y1]] = [steady[0], steady.at(-1)];
    const ahead = (time - t1) / (t1 - t0);
    const [x, y] = boxCentre(this.box);
    const moved = [x1 + (x1 - x0) * ahead - x, y1 + (y1 - y0) * ahead - y];
    return this.box.map((value, k) => Math.fround(value + moved[k % 2]));
  }

  /** How well a detected box fits, 0 … 1; 0 where it is not this face's. */
  affinity(box, time) {
    const { SAME_BOX, LEAST_RATIO } = this.constants;
    if (!this.missing) {
      const shared = iou(this.box, box);
      return shared >= SAME_BOX ? shared : 0;
    }
    const ratio = boxSize(box) / boxSize(this.box);
    if (!(ratio > LEAST_RATIO && ratio < 1 / LEAST_RATIO)) return 0;
    const [x, y] = boxCentre(box);
    const gaps = [this.box, this.heading(time)].map((there) => {
      const [u, v] = boxCentre(there);
      return Math.hypot(x - u, y - v);
    });
    return Math.max(0, SAME_BOX * (1 - Math.min(...gaps) / boxSize(this.box)));
  }

  /** How far the face is from where it was heading, in sides of its box. */
  strayed(time) {
    const there = this.heading(time);
    return Math.hypot(this.box[0] - there[0], this.box[1] - there[1]) / boxSize(this.box);
  }
}

/** The box of points that lean by `angle`, put upright about its own centre. */
function boxRound(points, angle) {
  const turn = CropTransform.fromSquare([0, 0], 1, 1, angle);
  const upright = boxOfPoints(points.map((point) => turn.toCrop(point)));
  const half = [0, 1].map((k) => Math.fround(upright[k + 2] - upright[k]) / 2);
  return centred(turn.toImage(boxCentre(upright)), half);
}

/** Row → column, each at most once, with the largest sum of affinities; 0 is not a match. */
export function match(affinity) {
  const fits = affinity.map((row) => [...row.keys()].filter((c) => row[c] > 0));
  const wanted = Array(affinity.length + 1).fill(0n);
  for (let r = affinity.length - 1; r >= 0; r--) {
    wanted[r] = fits[r].reduce((bits, c) => bits | (1n << BigInt(c)), wanted[r + 1]);
  }
  const known = new Map();
  const best = (row, taken) => {
    if (row === affinity.length) return { total: 0, pairs: [] };
    const key = `${row} ${taken}`;
    if (known.has(key)) return known.get(key);
    let found = best(row + 1, taken & wanted[row + 1]);
    for (const column of fits[row]) {
      const bit = 1n << BigInt(column);
      if (taken & bit) continue;
      const rest = best(row + 1, (taken | bit) & wanted[row + 1]);
      const total = rest.total + affinity[row][column];
      if (total > found.total) found = { total, pairs: [[row, column], ...rest.pairs] };
    }
    known.set(key, found);
    return found;
  };
  return new Map(best(0, 0n).pairs);
}
