/** Steady landmarks: one face's points over time, as `LiveSmoother` in `facealign/tracking/smoothing.py`. */

import { gram, solve } from "./linear.js";

const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const minus = ([a, b], [c, d]) => [a - c, b - d];
const plus = ([a, b], [c, d]) => [a + c, b + d];
const scaled = ([a, b], by) => [a * by, b * by];
const mean = (values) => scaled(values.reduce(plus, [0, 0]), 1 / values.length);

function over(a, [c, d]) {
  return scaled(times(a, [c, -d]), 1 / (c * c + d * d));
}

/** The frame of a face: between image pixels and its own units. Points are complex numbers. */
class Frame {
  constructor(points, corners) {
    const middle = mean(points);
    const centred = points.map((point) => minus(point, middle));
    const square = centred.reduce((sum, [x, y]) => sum + x * x + y * y, 0);
    const spread = Math.sqrt(square / points.length);
    const unit = corners ? Math.hypot(...minus(points[corners[0]], points[corners[1]])) : 0;
    const size = unit || spread || 1;
    this.reference = centred.map((point) => scaled(point, 1 / size));
    this.weight = square / size ** 2 || 1;
  }

  /** Place, size-and-turn in the picture; the shape in the face's units. */
  split(points) {
    const place = mean(points);
    const along = this.reference.map(([x, y], i) => times([x, -y], minus(points[i], place)));
    let turn = scaled(along.reduce(plus, [0, 0]), 1 / this.weight);
    if (turn[0] === 0 && turn[1] === 0) turn = [1e-6, 0];
    return { place, turn, shape: points.map((point) => over(minus(point, place), turn)) };
  }
}

/** How much each time counts in the local polynomial's value at the last one. */
function weights(moments, degree) {
  const ages = moments.map((t) => t - moments.at(-1));
  const reach = Math.max(...ages.map(Math.abs)) || 1; // the value does not depend on the unit
  const order = Math.min(degree, moments.length - 1);
  const powers = ages.map((t) => Array.from({ length: order + 1 }, (_, k) => (t / reach) ** k));
  const first = solve(gram(powers, powers), [1, ...Array(order).fill(0)]);
  return powers.map((row) => row.reduce((sum, value, k) => sum + value * first[k], 0));
}

const mapped = ([[a, b, x], [c, d, y]], points) =>
  points.map(([u, v]) => [a * u + b * v + x, c * u + d * v + y]);

/** Filters the points of one face, frame by frame. */
export class LiveSmoother {
  /**
   * @param {object} settings the constants of `tracking/smoothing.py`.
   * @param {{eye_corners: ?number[], quick: boolean[]}} markup the point scheme.
   */
  constructor(settings, markup) {
    this.settings = settings;
    this.markup = markup;
    this.reset();
  }

  /** Forget the past: the face was lost, or the scene has changed. */
  reset() {
    this.frame = null;
    this.past = [];
    this.moved = [];
    this.last = null;
    this.speed = null;
    this.latest = 0;
  }

  /** Whether the place is a mean of several frames, no longer that of one alone. */
  get steady() {
    return this.moved.length >= this.settings.KNOWN;
  }

  /** The points of a frame without new ones: the last smoothed ones, moved along; lids and lips go on. */
  carriedTo(movement, time) {
    const [{ shape: found }, { place, turn, shape }] = this.last.map((points) => this.frame.split(points));
    const { QUICK: quick, CALM: calm } = this.settings;
    const seconds = time - this.latest;
    this.latest = time;
    this.speed ??= shape.map(() => [0, 0]);
    const smooth = shape.map((point, i) => {
      const settings = this.markup.quick[i] ? quick : calm;
      this.speed[i] = scaled(this.speed[i], 1 - share(settings.speed_cutoff, seconds));
      if (settings === calm) return plus(place, times(turn, point));
      const cutoff = settings.cutoff + settings.beta * Math.hypot(...this.speed[i]);
      return plus(place, times(turn, plus(point, scaled(minus(found[i], point), share(cutoff, seconds)))));
    });
    this.last = [this.last[0], smooth];
    return mapped(movement, smooth).map((point) => point.map(Math.fround));
  }

  /**
   * The points of a frame, filtered.
   *
   * @param {number[][]} points
   * @param {number} time seconds.
   * @param {?number[][]} movement of the face's pixels since the last step's frame; null: not known.
   */
  step(points, time, movement = null) {
    const { MOST_SECONDS: most, FRAMES: frames, MOVED: moved } = this.settings;
    const before = this.past.at(-1)?.time;
    if (before !== undefined && !(time > before && time - before <= most)) this.reset();
    this.frame ??= new Frame(points, this.markup.eye_corners);
    const seconds = this.past.length ? time - this.latest : 0;
    this.latest = time;
    this.moved = movement ? this.moved.map((old) => mapped(movement, old)) : [];
    if (movement) this.last = this.last?.map((old) => mapped(movement, old)) ?? null;
    const { place, turn, shape } = this.frame.split(points);
    this.past.push({ time, place, turn });
    if (this.past.length > frames) this.past.shift();
    this.moved.push(points);
    if (this.moved.length > moved) this.moved.shift();
    const filtered = seconds ? this.#filtered(shape, seconds, movement !== null) : shape;
    const similarity = this.#similarity(time);
    const smooth = filtered.map((point) =>
      plus(similarity.place, times(similarity.turn, point)).map(Math.fround),
    );
    this.last = [points, smooth];
    return smooth;
  }

  #similarity(time) {
    const { MOST_SECONDS: most, DEGREE: degree, KNOWN: known } = this.settings;
    if (this.moved.length >= known) {
      const all = this.moved.map((points) => this.frame.split(points));
      return { place: mean(all.map((one) => one.place)), turn: mean(all.map((one) => one.turn)) };
    }
    const recent = this.past.filter((one) => time - one.time <= most);
    const shares = weights(recent.map((one) => one.time), degree);
    const fitted = (name) => recent.map((one, i) => scaled(one[name], shares[i])).reduce(plus);
    return { place: fitted("place"), turn: fitted("turn") };
  }

  /** One-Euro, a cutoff for each point by its own speed. */
  #filtered(shape, seconds, moved) {
    const { LIVE_SHAPE: usual, QUICK: quick, CALM: calm } = this.settings;
    const [last, before] = this.last.map((points) => this.frame.split(points).shape);
    this.speed ??= shape.map(() => [0, 0]);
    return shape.map((point, i) => {
      const settings = !moved ? usual : this.markup.quick[i] ? quick : calm;
      const rate = scaled(minus(point, last[i]), 1 / seconds);
      const steady = share(settings.speed_cutoff, seconds);
      this.speed[i] = plus(this.speed[i], scaled(minus(rate, this.speed[i]), steady));
      const cutoff = settings.cutoff + settings.beta * Math.hypot(...this.speed[i]);
      return plus(before[i], scaled(minus(point, before[i]), share(cutoff, seconds)));
    });
  }
}

/** The share of the way to a new value that a first-order low-pass moves. */
function share(cutoff, seconds) {
  const turns = 2 * Math.PI * cutoff * seconds;
  return turns / (1 + turns);
}
