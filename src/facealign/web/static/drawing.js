/** Faces over a picture: boxes, outlines coloured by region, points, numbers, attention maps. */

const BOX = "#ffbe00";
const POINT = "#ffffff";
const REGIONS = {
  jaw: "#00c8ff",
  brow: "#ffd166",
  nose: "#8ce99a",
  eye: "#74c0fc",
  lip: "#ff8fa3",
  mouth: "#ff8fa3",
  pupil: "#ffffff",
  chin: "#00c8ff",
};
const COLD_TO_HOT = [[0, 0, 60], [90, 0, 130], [230, 60, 50], [255, 180, 30], [255, 255, 200]];

/**
 * @param {CanvasImageSource & {width: number, height: number}} picture
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas takes the picture's shape.
 * @param {object[]} faces
 * @param {{markups: object}} settings
 * @param {{points: boolean, lines: boolean, boxes: boolean, numbers: boolean, stage: ?number}} show
 * @param {number} scale canvas pixels a pixel of the picture.
 */
export function drawFaces(picture, canvas, faces, settings, show, scale = 1) {
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  // Picture pixels a pixel of the screen: on a phone, too, a point is there to be seen.
  const unit = canvas.clientWidth ? picture.width / canvas.clientWidth : 1 / scale;
  // From here on in the picture's pixels, with the first one's centre at (0, 0).
  pen.setTransform(scale, 0, 0, scale, scale / 2, scale / 2);
  for (const face of faces) {
    if (show.stage) drawMap(pen, face, show.stage);
    drawFace(pen, face, settings.markups[face.markup], show, unit);
  }
}

function drawFace(pen, face, markup, show, unit) {
  const [x0, y0, x1, y1] = face.box;
  const size = Math.sqrt((x1 - x0) * (y1 - y0));
  const thin = Math.max(unit, size / 150);
  if (show.boxes) {
    pen.strokeStyle = BOX;
    pen.lineWidth = 1.5 * thin;
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  pen.lineWidth = thin;
  for (const [region, indices] of Object.entries(markup.groups)) {
    const points = indices.map((i) => face.landmarks[i]);
    if (show.lines) drawLine(pen, points, markup.closed.includes(region), colour(region));
  }
  if (show.points) drawPoints(pen, face, Math.max(1.2 * unit, size / 110));
  if (show.numbers) drawNumbers(pen, face, Math.max(9 * unit, size / 22));
}

function colour(region) {
  const part = Object.keys(REGIONS).find((word) => region.includes(word));
  return REGIONS[part] ?? REGIONS.jaw;
}

function drawLine(pen, points, closed, colour) {
  if (points.length < 2) return;
  pen.strokeStyle = colour;
  pen.beginPath();
  for (const point of points) pen.lineTo(...point);
  if (closed) pen.closePath();
  pen.stroke();
}

function drawPoints(pen, face, radius) {
  face.landmarks.forEach(([x, y], i) => {
    pen.fillStyle = face.visible?.[i] === false ? "#ff6b6b" : POINT;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
  });
}

function drawNumbers(pen, face, size) {
  pen.font = `${size}px system-ui, sans-serif`;
  pen.lineWidth = size / 5;
  pen.strokeStyle = "#000";
  pen.fillStyle = POINT;
  face.landmarks.forEach(([x, y], i) => {
    pen.strokeText(i, x + size / 4, y - size / 4);
    pen.fillText(i, x + size / 4, y - size / 4);
  });
}

/** A face's attention map over what the network saw, in colours by the map's own range. */
function drawMap(pen, { attention, crop }, stage) {
  const map = attention?.find((one) => one.stage === stage);
  if (!map) return;
  const [[a, b, x], [c, d, y]] = crop.matrix;
  const area = a * d - b * c;
  pen.save();
  // Crop pixels from the outer corner → picture pixels: the inverse of the crop's matrix.
  pen.transform(d / area, -c / area, -b / area, a / area, (b * y - d * x) / area, (c * x - a * y) / area);
  pen.translate(-0.5, -0.5);
  pen.scale(crop.size / map.side, crop.size / map.side);
  pen.drawImage(coloured(map), 0, 0);
  pen.restore();
}

function coloured({ side, values }) {
  const low = values.reduce((a, b) => Math.min(a, b));
  const range = Math.max(values.reduce((a, b) => Math.max(a, b)) - low, 1e-6);
  const picture = new ImageData(side, side);
  values.forEach((value, i) => {
    const place = ((value - low) / range) * (COLD_TO_HOT.length - 1);
    const k = Math.min(Math.floor(place), COLD_TO_HOT.length - 2);
    const channels = COLD_TO_HOT[k].map((v, j) => v + (COLD_TO_HOT[k + 1][j] - v) * (place - k));
    picture.data.set([...channels, 150], 4 * i);
  });
  const canvas = new OffscreenCanvas(side, side);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
