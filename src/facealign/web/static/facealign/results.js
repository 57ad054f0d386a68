/** Results as files: JSON of schema `facealign/1`, and the CSV table, as Python writes them. */

const rounded = (value, digits) => {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale || 0; // no -0
};

/**
 * @typedef {object} ImageResult
 * @property {string} source the photo's name.
 * @property {?number} width
 * @property {?number} height
 * @property {object[]} faces
 * @property {?string} error why the photo could not be done.
 */

/** A face as plain numbers. */
export function faceEntry(face) {
  const entry = {
    box: Array.from(face.box, (value) => rounded(value, 3)),
    score: rounded(face.score, 4),
    markup: face.markup,
    landmarks: face.landmarks.map((point) => point.map((value) => rounded(value, 3))),
  };
  if (face.confidence !== undefined) entry.confidence = rounded(face.confidence, 4);
  if (face.scores) entry.scores = face.scores.map((score) => rounded(score, 4));
  if (face.visible) entry.visible = face.visible;
  const { yaw, pitch, roll } = face.pose;
  entry.pose = { yaw: rounded(yaw, 2), pitch: rounded(pitch, 2), roll: rounded(roll, 2) };
  return entry;
}

/** The document of several photos. @param {ImageResult[]} results @returns {string} */
export function toJson(results) {
  const lines = results.map(({ source, width, height, faces, error }) =>
    JSON.stringify({ source, width, height, faces: faces.map(faceEntry), error: error ?? null }),
  );
  return `{"schema": "facealign/1", "images": [\n${lines.join(",\n")}\n]}\n`;
}

/**
 * A row a face; a photo without one, or that failed, has a row of its own.
 * @param {ImageResult[]} results @returns {string}
 */
export function toCsv(results) {
  const first = results.flatMap(({ faces }) => faces)[0];
  const count = [...(first?.landmarks.keys() ?? [])];
  const columns = ["image", "width", "height", "error", "score"];
  if (first?.confidence !== undefined) columns.push("confidence");
  columns.push("markup");
  columns.push("left", "top", "right", "bottom", ...count.flatMap((i) => [`x${i}`, `y${i}`]));
  if (first?.scores) columns.push(...count.map((i) => `score${i}`));
  if (first?.visible) columns.push(...count.map((i) => `visible${i}`));
  const rows = results.flatMap((result) => {
    const image = [result.source, result.width, result.height, result.error];
    return (result.faces.length ? result.faces.map(faceCells) : [[]]).map((cells) => [
      ...image,
      ...cells,
    ]);
  });
  const filled = rows.map((row) => columns.map((_, i) => cell(row[i])));
  return [columns, ...filled].map((row) => `${row.join(",")}\n`).join("");
}

function faceCells(face) {
  const entry = faceEntry(face);
  const flags = (entry.visible ?? []).map(Number);
  const numbers = [...entry.box, ...entry.landmarks.flat(), ...(entry.scores ?? []), ...flags];
  const sure = entry.confidence === undefined ? [] : [entry.confidence];
  return [entry.score, ...sure, entry.markup, ...numbers];
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
