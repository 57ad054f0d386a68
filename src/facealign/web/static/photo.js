/** One photo on the page: its picture, what was found, and a table of its faces. */

import { drawFaces } from "./drawing.js";

const LARGEST = 1600; // canvas pixels a side on the page; a saved picture has the photo's own
const ZOOM = 3; // canvas pixels a pixel of a small photo, at most
const NEAR = 14; // CSS pixels within which the pointer names a point

const COLUMNS = {
  score: (face) => face.score.toFixed(2),
  "point score": (face) => fixed(mean(face.scores), 2),
  yaw: (face) => degrees(face.pose.yaw),
  pitch: (face) => degrees(face.pose.pitch),
  roll: (face) => degrees(face.pose.roll),
  "right eye": (face) => fixed(face.measures.eye_openness_right, 2),
  "left eye": (face) => fixed(face.measures.eye_openness_left, 2),
  mouth: (face) => fixed(face.measures.mouth_openness, 2),
};

const mean = (values) => (values ? values.reduce((a, b) => a + b, 0) / values.length : null);
const fixed = (value, digits) => (value == null ? "–" : value.toFixed(digits));
const degrees = (value) => `${Math.round(value) || 0}°`;

/** "1 face", "2 faces". */
export const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;

/** What a screen reader says of a face. */
export function spoken(face) {
  const { yaw, pitch, roll } = face.pose;
  return `yaw ${degrees(yaw)}, pitch ${degrees(pitch)}, roll ${degrees(roll)}`;
}

export class Photo {
  /**
   * @param {string} name
   * @param {Blob} blob
   * @param {(photo: Photo) => void} onSave asks for the drawn picture.
   */
  constructor(name, blob, onSave) {
    this.name = name;
    this.blob = blob;
    this.result = { source: name, width: null, height: null, faces: [], error: null };
    const template = document.querySelector("#photo");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.canvas = this.element.querySelector("canvas");
    this.element.querySelector("h3").textContent = name;
    this.element.querySelector(".png").addEventListener("click", () => onSave(this));
    this.canvas.addEventListener("pointermove", (event) => this.#point(event));
    this.canvas.addEventListener("pointerleave", () => this.#name(null));
    this.canvas.addEventListener("keydown", (event) => this.#step(event));
    this.chosen = null;
  }

  /** @param {?ImageBitmap} picture @param {object} result */
  update(picture, result) {
    this.picture = picture;
    this.result = result;
    this.chosen = null;
  }

  show(settings, show) {
    this.settings = settings;
    const { faces, error } = this.result;
    const failed = error !== null;
    for (const part of this.element.querySelectorAll(".view, .scroll, .buttons")) part.hidden = failed;
    const line = this.element.querySelector(".point");
    line.classList.toggle("error", failed);
    line.textContent = error ?? (faces.length ? "" : "No face was found.");
    if (failed) return;
    this.scale = Math.min(ZOOM, LARGEST / Math.max(this.picture.width, this.picture.height));
    drawFaces(this.picture, this.canvas, faces, settings, show, this.scale);
    this.drawn = null;
    const said = faces.map((face, i) => `Face ${i + 1}: ${spoken(face)}.`).join(" ");
    this.canvas.ariaLabel = `${this.name}: ${counted(faces.length, "face")}. ${said} Arrow keys name the points.`;
    this.#table(faces);
  }

  #table(faces) {
    const table = this.element.querySelector("table");
    table.parentElement.hidden = !faces.length;
    table.replaceChildren(tableRow("th", ["face", ...Object.keys(COLUMNS)]));
    faces.forEach((face, i) => {
      const cells = Object.values(COLUMNS).map((text) => text(face));
      table.append(tableRow("td", [String(i + 1), ...cells]));
    });
  }

  /** Name the point nearest to the pointer. */
  #point(event) {
    const box = this.canvas.getBoundingClientRect();
    const unit = box.width / this.canvas.width; // CSS pixels a canvas pixel
    const place = (point) => point.map((value) => (value + 0.5) * this.scale * unit);
    let [nearest, least] = [null, NEAR];
    this.result.faces.forEach((face, f) => {
      face.landmarks.forEach((point, i) => {
        const [x, y] = place(point);
        const distance = Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top);
        if (distance < least) [nearest, least] = [[f, i], distance];
      });
    });
    this.#name(nearest);
  }

  /** Step from point to point with the arrow keys. */
  #step(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = this.result.faces.flatMap((face, f) => face.landmarks.map((_, i) => [f, i]));
    if (!step || !all.length) return;
    event.preventDefault();
    const now = this.chosen ? all.findIndex(([f, i]) => String([f, i]) === String(this.chosen)) : -1;
    const start = now < 0 && step < 0 ? 0 : now;
    this.#name(all[(start + step + all.length) % all.length]);
  }

  #name(chosen) {
    if (this.result.error || !this.result.faces.length) return;
    if (String(chosen) === String(this.chosen)) return;
    this.chosen = chosen;
    const pen = this.canvas.getContext("2d");
    if (this.drawn) pen.putImageData(this.drawn, 0, 0);
    const line = this.element.querySelector(".point");
    line.textContent = chosen ? this.#described(...chosen) : "";
    if (!chosen) return;
    this.drawn ??= pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
    const [x, y] = this.result.faces[chosen[0]].landmarks[chosen[1]];
    const unit = this.picture.width / this.canvas.clientWidth;
    pen.lineWidth = 2 * unit;
    pen.strokeStyle = "#e8308a";
    pen.beginPath();
    pen.arc(x, y, 5 * unit, 0, 2 * Math.PI);
    pen.stroke();
  }

  #described(f, i) {
    const face = this.result.faces[f];
    const [x, y] = face.landmarks[i];
    const which = this.result.faces.length > 1 ? `Face ${f + 1}, point` : "Point";
    const name = this.settings.markups[face.markup].names[i].replaceAll("_", " ");
    const score = face.scores ? `, score ${face.scores[i].toFixed(2)}` : "";
    return `${which} ${i}: ${name}, x ${x.toFixed(1)}, y ${y.toFixed(1)}${score}`;
  }
}

function tableRow(kind, texts) {
  const row = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(kind);
    if (kind === "th") cell.scope = "col";
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}
