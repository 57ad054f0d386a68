/** The webcam: one frame after the other through a tracker, as fast as it goes. */

import { Tracker } from "./facealign.js";
import { drawFaces } from "./drawing.js";
import { counted, spoken } from "./photo.js";

const WIDE = { width: { ideal: 640 }, height: { ideal: 480 } };

export class Camera {
  /** @param {HTMLElement} section @param {() => {settings, options, show}} chosen */
  constructor(section, chosen) {
    this.section = section;
    this.chosen = chosen;
    this.canvas = section.querySelector("canvas");
    this.facts = section.querySelector("#live-facts");
    this.cameras = section.querySelector("#cameras");
    this.mirror = section.querySelector("#mirror");
    this.stream = null;
    this.tracker = new Tracker();
    this.cameras.addEventListener("change", () => this.start(this.cameras.value));
    section.querySelector("#stop").addEventListener("click", () => this.stop());
    this.mirror.addEventListener("change", () => this.#turn());
  }

  /** Start, or change to another camera. Throws where there is none, or it is refused. */
  async start(deviceId) {
    this.stop();
    if (!navigator.mediaDevices) throw new Error("this browser gives no camera to this page");
    const wish = deviceId ? { ...WIDE, deviceId: { exact: deviceId } } : WIDE;
    const stream = await navigator.mediaDevices.getUserMedia({ video: wish });
    this.stream = stream;
    this.section.hidden = false;
    this.#turn();
    await this.#list(stream);
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    await this.tracker.reset();
    this.#loop(stream, video);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.section.hidden = true;
  }

  #turn() {
    this.canvas.style.transform = this.mirror.checked ? "scaleX(-1)" : "";
  }

  async #list(stream) {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const now = stream.getVideoTracks()[0].getSettings().deviceId;
    const options = devices
      .filter(({ kind }) => kind === "videoinput")
      .map((d, i) => new Option(d.label || `camera ${i + 1}`, d.deviceId, false, d.deviceId === now));
    this.cameras.replaceChildren(...options);
    this.section.querySelector("#camera-choice").hidden = options.length < 2;
  }

  async #loop(stream, video) {
    while (this.stream === stream) {
      const started = performance.now();
      try {
        const frame = await createImageBitmap(video);
        const { settings, options, show } = this.chosen();
        this.tracker.options = options;
        const faces = await this.tracker.step(frame, started / 1000);
        if (this.stream === stream) this.#show(frame, faces, settings, show, started);
        frame.close();
      } catch (error) {
        this.facts.textContent = error.message;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      if (stream.getVideoTracks()[0].readyState === "ended") this.stop();
      await new Promise(requestAnimationFrame);
    }
    video.srcObject = null;
  }

  #show(frame, faces, settings, show, started) {
    // Numbers would be unreadable in the mirror.
    const numbers = show.numbers && !this.mirror.checked;
    drawFaces(frame, this.canvas, faces, settings, { ...show, numbers });
    const time = Math.round(performance.now() - started);
    const first = faces.length ? `; ${spoken(faces[0])}` : "";
    this.facts.textContent = `${counted(faces.length, "face")}, ${time} ms${first}`;
    this.faces = faces;
  }
}
