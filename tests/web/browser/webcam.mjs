// The webcam: what the page shows, then the same stream frame by frame through a Tracker.

import { writeFile } from "node:fs/promises";
import { run } from "./browser.mjs";

/** In the page: frames as PNG, their times, and what the tracker says of each. */
async function follow(count) {
  const { Tracker } = await import("/facealign.js");
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const tracker = new Tracker();
  const frames = [];
  for (let i = 0; i < count; i++) {
    pen.drawImage(video, 0, 0);
    const image = pen.getImageData(0, 0, canvas.width, canvas.height);
    const faces = await tracker.step(image, i / 25);
    frames.push({ png: canvas.toDataURL("image/png"), faces });
    await new Promise((resolve) => setTimeout(resolve, 600));
  }
  for (const track of stream.getTracks()) track.stop();
  return frames;
}

await run(
  async (page, { folder, count }) => {
    await page.locator("#webcam").click();
    await page.locator("#live-facts", { hasText: /^1 face, \d+ ms; yaw/ }).waitFor({ timeout: 60_000 });
    const mirrored = await page.locator("#live").evaluate(({ style }) => style.transform);
    await page.locator("#mirror").uncheck();
    const plain = await page.locator("#live").evaluate(({ style }) => style.transform);
    for (let i = 0; i < 4; i++) {
      await page.waitForTimeout(800);
      const drawn = await page.locator("#live").evaluate((canvas) => canvas.toDataURL("image/png"));
      await writeFile(`${folder}/live-${i}.png`, Buffer.from(drawn.split(",")[1], "base64"));
    }
    const cameras = await page.locator("#cameras option").count();
    await page.locator("#stop").click();
    const stopped = await page.locator("#camera").isHidden();
    const frames = await page.evaluate(follow, count);
    for (const [i, { png }] of frames.entries()) {
      await writeFile(`${folder}/${i}.png`, Buffer.from(png.split(",")[1], "base64"));
    }
    const faces = frames.map((frame) => frame.faces);
    return { mirrored, plain, cameras, stopped, faces };
  },
  ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
);
