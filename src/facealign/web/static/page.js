/** The page: photos and webcam in, landmarks out. All work is done by facealign.js. */

import { align, decode, load, toCsv, toJson } from "./facealign.js";
import { Camera } from "./camera.js";
import { drawFaces } from "./drawing.js";
import { counted, Photo } from "./photo.js";

const of = (id) => document.getElementById(id);
const photos = [];
const shown = ["points", "lines", "boxes", "numbers"];
let settings = null;
const early = []; // photos given before the networks are there
let last = Promise.resolve();

function say(text, failed = false) {
  of("status").textContent = text;
  of("status").classList.toggle("error", failed);
}

function show() {
  const flags = Object.fromEntries(shown.map((id) => [id, of(id).checked]));
  return { ...flags, stage: Number(of("attention").value) || null };
}

function options() {
  const minFace = Number(of("min-face").value) || undefined;
  return { model: of("model").value, minFace, attention: show().stage !== null };
}

/** Find the faces of a photo. One that cannot be done says why, and the rest goes through. */
async function work(photo) {
  const result = { source: photo.name, width: null, height: null, faces: [], error: null };
  let picture = null;
  try {
    picture = photo.picture ?? (await decode(photo.blob).catch(() => null));
    if (!picture) throw new Error("this browser cannot read it as a picture; save it as JPEG or PNG");
    result.faces = await align(picture, options());
    Object.assign(result, { width: picture.width, height: picture.height });
  } catch (error) {
    result.error = `${photo.name}: ${error.message}`;
  }
  photo.update(picture, result);
  photo.show(settings, show());
}

/** Queue photos, one after the other. */
function run(list) {
  last = last.then(async () => {
    for (const [i, photo] of list.entries()) {
      say(`Looking at photo ${i + 1} of ${list.length} …`);
      await work(photo);
    }
    const done = photos.filter(({ result }) => !result.error);
    const faces = done.reduce((sum, { result }) => sum + result.faces.length, 0);
    const failed = photos.length - done.length;
    const rest = failed ? `; ${counted(failed, "photo")} could not be read` : "";
    say(`${counted(faces, "face")} in ${counted(done.length, "photo")}${rest}.`);
  });
  return last;
}

function add(files) {
  if (!settings) {
    early.push(...files);
    return;
  }
  const list = [...files].map((file) => new Photo(file.name || "pasted.png", file, savePicture));
  if (!list.length) return;
  photos.push(...list);
  of("photos").append(...list.map(({ element }) => element));
  of("results").hidden = false;
  run(list);
}

function save(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function savePicture(photo) {
  const canvas = document.createElement("canvas");
  drawFaces(photo.picture, canvas, photo.result.faces, settings, show());
  const stem = photo.name.replace(/\.[^.]*$/, "");
  canvas.toBlob((blob) => save(blob, "image/png", `${stem}-landmarks.png`), "image/png");
}

const results = () => photos.map(({ result }) => result);

function saveCsv() {
  const kinds = new Set(results().flatMap(({ faces }) => faces.map(({ markup }) => markup)));
  if (kinds.size > 1) say("A CSV table holds one point scheme: choose a model again.", true);
  else save(toCsv(results()), "text/csv", "landmarks.csv");
}

function clear() {
  photos.splice(0).forEach(({ picture }) => picture?.close());
  of("photos").replaceChildren();
  of("results").hidden = true;
  say("Ready.");
  of("choose").focus();
}

function fill() {
  of("model").replaceChildren(
    ...Object.entries(settings.models).map(([name, { markup, bytes }]) => {
      const points = settings.markups[markup].count;
      const text = `${name} (${points} points, ${(bytes / 1e6).toFixed(1)} MB)`;
      return new Option(text, name, false, name === settings.default);
    }),
  );
  stages();
  const terms = settings.models[settings.default].terms;
  of("about").textContent = `facealign ${settings.version}, Apache-2.0; the models' weights: ${terms}.`;
}

/** The attention maps of the model chosen. */
function stages() {
  const now = of("attention").value;
  const maps = settings.models[of("model").value].attention_stages;
  const entries = maps.map((s) => new Option(`stage ${s}`, s, false, String(s) === now));
  of("attention").replaceChildren(new Option("off", ""), ...entries);
}

function redraw() {
  photos.filter(({ picture }) => picture).forEach((photo) => photo.show(settings, show()));
}

/** Redraw; look again where the maps are wanted and not there. */
function changeMap() {
  const lacking = photos.filter(({ result }) => result.faces.some(({ attention }) => !attention));
  if (show().stage && lacking.length) run(lacking);
  else redraw();
}

const camera = new Camera(
  of("camera"),
  () => ({ settings, options: options(), show: show() }),
  (error) => say(`This camera cannot be used: ${error.message}`, true),
);

async function startCamera() {
  try {
    say("Starting the webcam …");
    await camera.start();
    say("The webcam runs; its pictures stay in this page.");
    of("stop").focus();
  } catch (error) {
    say(`The webcam cannot be used: ${error.message}`, true);
  }
}

async function sample() {
  const answer = await fetch("sample.jpg");
  add([new File([await answer.blob()], "sample.jpg", { type: "image/jpeg" })]);
}

function listen() {
  of("choose").addEventListener("click", () => of("files").click());
  of("files").addEventListener("change", ({ target }) => {
    add(target.files);
    target.value = ""; // the same photo may be chosen again
  });
  of("sample").addEventListener("click", sample);
  of("webcam").addEventListener("click", startCamera);
  of("stop").addEventListener("click", () => {
    say("The webcam is off.");
    of("webcam").focus();
  });
  of("save-json").addEventListener("click", () =>
    save(toJson(results()), "application/json", "landmarks.json"),
  );
  of("save-csv").addEventListener("click", saveCsv);
  of("clear").addEventListener("click", clear);
  of("model").addEventListener("change", () => {
    stages();
    run(photos);
  });
  of("min-face").addEventListener("change", () => run(photos));
  of("attention").addEventListener("change", changeMap);
  for (const id of shown) of(id).addEventListener("change", redraw);
  addEventListener("resize", redraw);
  document.addEventListener("paste", ({ clipboardData }) => add(clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    of("drop").classList.add("over");
  });
  document.addEventListener("dragleave", () => of("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    of("drop").classList.remove("over");
    add(event.dataTransfer.files);
  });
}

async function start() {
  listen();
  try {
    settings = await load();
  } catch (error) {
    say(`The networks cannot be loaded: ${error.message}`, true);
    return;
  }
  fill();
  for (const id of ["choose", "sample", "webcam", "model"]) of(id).disabled = false;
  say("Ready.");
  add(early.splice(0));
}

start();
