/** Faces followed from frame to frame, as `FaceTracker` in `facealign/tracking/tracker.py`. */

import { iou } from "./geometry.js";
import { likeness, patchOf } from "./registration.js";
import { isInside, isOutline, isSure, match, outlineBox, Track } from "./track.js";

const GAP = 0.5; // seconds without a frame, after which the detector runs: a page is often busy

export class FaceTracker {
  /**
   * @param {import("./aligner.js").Aligner} aligner
   * @param {{smoothing?: "live" | "none", looks?: 1 | 2, carry?: boolean, detectEvery?: number,
   *   model?: string, minFace?: number, maxFaces?: number, attention?: boolean}} [options]
   */
  constructor(aligner, options = {}) {
    this.aligner = aligner;
    this.settings = aligner.settings;
    this.constants = aligner.settings.tracker;
    this.next = 0;
    const { DETECT_EVERY } = this.constants;
    this.set({ smoothing: "live", looks: 2, carry: true, detectEvery: DETECT_EVERY, ...options });
    this.reset();
  }

  /** Other options from the next frame on; another model begins anew. */
  set(options) {
    const { smoothing, looks, detectEvery } = options;
    if (!["live", "none"].includes(smoothing)) throw new Error(`smoothing is "live" or "none", not "${smoothing}"`);
    if (![1, 2].includes(looks)) throw new Error(`looks is 1 or 2, not ${looks}`);
    if (!(detectEvery >= 1)) throw new Error(`detectEvery is 1 or more, not ${detectEvery}`);
    if (this.options && this.options.model !== options.model) this.reset();
    this.options = options;
  }

  /** Forget all faces; numbers that were given are not given again. */
  reset() {
    this.tracks = [];
    this.since = 0;
    this.scene = null;
    this.steps = 0;
    this.last = null;
  }

  /** The faces of the next frame, by their numbers. @param {number} time seconds. */
  async step(image, time) {
    const cut = this.#isNewScene(image);
    if (this.last !== null && time - this.last > GAP) this.since = Infinity;
    this.last = time;
    this.tracks = this.tracks.filter((t) => !t.missing || time - t.seen <= this.constants.WAIT);
    const moved = cut ? new Map() : this.#registered(image);
    const carried = this.#carried(moved, time);
    let followed = await this.#follow(image, time, carried);
    if (cut) followed = this.#survivors(followed, image);
    const lost = followed.size + carried.size < this.#active().length;
    for (const track of this.tracks) {
      if (carried.has(track)) track.carry(carried.get(track), time);
      else if (followed.has(track)) track.look(followed.get(track), image, time, moved.get(track));
      else track.lose();
    }
    this.#partDoubles(time);
    if (cut) this.tracks = this.#active();
    if (this.#detectorIsDue() || lost || cut) await this.#detect(image, time);
    this.steps++;
    const active = this.#active().sort((a, b) => a.number - b.number);
    return active.map((track) => this.#given(track, time));
  }

  #active() {
    return this.tracks.filter((track) => !track.missing);
  }

  #given(track, time) {
    const { face, smoother } = track;
    const box = track.shownBox(face.landmarks);
    if (!smoother) return { ...face, box, track: track.number };
    const landmarks = track.smoothed(time);
    const smoothed = this.aligner.described({ ...face, landmarks });
    return { ...smoothed, box: track.shownBox(landmarks), track: track.number };
  }

  /** How each face has moved since the network looked at it, as far as its pixels tell. */
  #registered(image) {
    const tracks = this.#active().filter(({ box }) => isInside(box, image));
    return new Map(tracks.map((track) => [track, track.registered(image)]));
  }

  /** The faces of which all has moved alike, so that the network need not look at them. */
  #carried(moved, time) {
    if (!this.options.carry) return new Map();
    return new Map([...moved].filter(([track, found]) => found && track.needsNoLook(found, time)));
  }

  /** The other faces that are found again where their tracks say. */
  async #follow(image, time, carried) {
    const here = ({ box }) => isInside(box, image);
    const tracks = this.#active().filter((track) => here(track) && !carried.has(track));
    if (!tracks.length) return new Map();
    const most = this.settings.smoothing.MOST_SECONDS;
    const places = tracks.map((track) => track.expected(time, most));
    const faces = await this.#look(image, {
      boxes: places.map(([box]) => box),
      scores: tracks.map(({ face }) => face.score),
      angles: places.map(([, angle]) => angle),
    });
    const pairs = tracks.map((track, i) => [track, faces[i]]);
    return new Map(pairs.filter(([, face]) => isSure(face, this.settings.track)));
  }

  #look(image, found) {
    const options = { ...this.options, turned: false };
    return this.aligner.look(image, found, options, this.options.looks);
  }

  /** Of a frame that may begin a new scene: the faces that look as they did before it. */
  #survivors(followed, image) {
    const alike = ([track, face]) => {
      const { registration, markups } = this.settings;
      const patch = patchOf(image, face, markups[face.markup].inner, registration);
      return likeness(patch, track.patch, registration) >= this.constants.ALIKE;
    };
    return new Map([...followed].filter(alike));
  }

  /** Where two tracks have come to the same face, the one that left its own way is lost. */
  #partDoubles(time) {
    const active = this.#active();
    active.forEach((one, i) => {
      for (const other of active.slice(i + 1)) {
        if (one.missing || other.missing) continue;
        if (iou(one.box, other.box) <= this.constants.SAME_POINTS) continue;
        const gap = one.strayed(time) - other.strayed(time) || one.number - other.number;
        (gap > 0 ? one : other).lose();
      }
    });
  }

  #detectorIsDue() {
    const { detectEvery } = this.options;
    const searching = !this.tracks.length || this.tracks.some(({ missing }) => missing);
    const every = searching ? Math.min(this.constants.SEARCH_EVERY, detectEvery) : detectEvery;
    this.since++;
    return this.steps === 0 || this.since >= every;
  }

  /** Run the detector: tracks are confirmed, missing faces return, new ones begin. */
  async #detect(image, time) {
    this.since = 0;
    const { minFace, maxFaces = Infinity } = this.options;
    const found = await this.aligner.detect(image, { minFace, turned: false });
    for (const name of ["boxes", "scores", "angles"]) found[name].splice(maxFaces);
    const pairs = match(
      this.tracks.map((track) => found.boxes.map((box) => track.affinity(box, time))),
    );
    const back = new Map();
    for (const [t, i] of pairs) if (this.tracks[t].missing) back.set(i, this.tracks[t]);
    const taken = new Set(pairs.values());
    this.tracks.forEach((track, t) => {
      track.unseen = pairs.has(t) ? 0 : track.unseen + 1;
      if (pairs.has(t) && !track.missing) {
        track.face = { ...track.face, score: found.scores[pairs.get(t)] };
        const box = found.boxes[pairs.get(t)];
        if (!isOutline(track.face, this.settings)) track.anchor = [box, track.face.landmarks];
      } else if (!track.face.scores && track.unseen >= this.constants.UNSEEN) {
        track.lose();
      }
    });
    const chosen = [...found.boxes.keys()].filter((i) => !taken.has(i) || back.has(i));
    await this.#begin(found, chosen, back, image, time);
  }

  /** Look at the detected faces that no track follows; those in `back` have a number. */
  async #begin({ boxes, scores, angles }, chosen, back, image, time) {
    const some = [boxes, scores, angles].map((values) => chosen.map((i) => values[i]));
    const faces = await this.#look(image, { boxes: some[0], scores: some[1], angles: some[2] });
    const { maxFaces = Infinity, smoothing } = this.options;
    chosen.forEach((index, n) => {
      const face = faces[n];
      const box = outlineBox(face, this.settings);
      const double = this.#active().some((t) => iou(box, t.box) > this.constants.SAME_POINTS);
      if (double || !isSure(face, this.settings.track)) return;
      const track = back.get(index);
      if (track) {
        track.setAnchor(face);
        track.look(face, image, time);
      } else if (this.tracks.length < maxFaces) {
        const live = smoothing === "live";
        this.tracks.push(new Track(this.next++, face, image, time, this.settings, live));
      }
    });
  }

  /** Whether the picture's grays have jumped since the last frame. */
  #isNewScene(image) {
    const { data, width, height } = image;
    const counts = new Array(16).fill(0);
    for (let i = 0; i < 64 * 64; i++) {
      const x = Math.floor((((i % 64) + 0.5) * width) / 64);
      const k = 4 * (Math.floor(((Math.floor(i / 64) + 0.5) * height) / 64) * width + x);
      const gray = (data[k] * 19595 + data[k + 1] * 38470 + data[k + 2] * 7471 + 0x8000) >> 16;
      counts[gray >> 4]++;
    }
    const [before, total] = [this.scene, 64 * 64];
    this.scene = counts;
    if (!before) return false;
    const changed = counts.reduce((sum, count, i) => sum + Math.abs(count - before[i]), 0);
    return changed > 2 * this.constants.CUT * total;
  }
}
