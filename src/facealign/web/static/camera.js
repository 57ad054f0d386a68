/** The webcam: one frame after the other through a tracker, as fast as it goes. */

import { Tracker } from "./facealign.js";
import { drawFaces } from "./drawing.js";
import { counted, spoken } from "./photo.js";

const WIDE = { width: { ideal: 640 }, height: { ideal: 480 } };

const TRIES = 3;

export class Camera {
  /**
   * @param {HTMLElement} section
   * @param {() => {settings, options, show}} chosen
   * @param {(error: Error) => void} failed told when another camera was chosen and does not start
   */
  constructor(section, chosen, failed) {
    this.section = section;
    this.chosen = chosen;
    this.canvas = section.querySelector("canvas");
    this.facts = section.querySelector("#live-facts");
    this.cameras = section.querySelector("#cameras");
    this.mirror = section.querySelector("#mirror");
    this.stream = null;
    this.wish = 0; // counts what was asked for: a camera that starts after a later wish is let go
    this.tracker = new Tracker();
    this.cameras.addEventListener("change", () => this.#change(this.cameras.value).catch(failed));
    section.querySelector("#stop").addEventListener("click", () => this.stop());
    this.mirror.addEventListener("change", () => this.#turn());
  }

  /** Start, or change to another camera. Throws where there is none, or it is refused. */
  async start(deviceId) {
    this.#close();
    const wish = ++this.wish;
    if (!navigator.mediaDevices) throw new Error("this browser gives no camera to this page");
    const stream = await open(deviceId ? { ...WIDE, deviceId: { exact: deviceId } } : WIDE);
    if (wish !== this.wish) {
      end(stream);
      return;
    }
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
    this.wish++;
    this.#close();
    this.section.hidden = true;
  }

  /** To another camera; back to the one before where it does not start. */
  async #change(deviceId) {
    const before = deviceOf(this.stream);
    try {
      await this.start(deviceId);
    } catch (error) {
      await this.start(before).catch(() => this.stop());
      throw error;
    }
  }

  #close() {
    end(this.stream);
    this.stream = null;
    this.facts.textContent = "";
  }

  #turn() {
    this.canvas.style.transform = this.mirror.checked ? "scaleX(-1)" : "";
  }

  async #list(stream) {
    const devices = await navigator.mediaDevices.enumerateDevices();
    const now = deviceOf(stream);
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
      // A camera that was pulled out; not one that another has replaced while this frame was read.
      const ended = stream.getVideoTracks()[0].readyState === "ended";
      if (ended && this.stream === stream) this.stop();
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

/** A camera's stream; asked for again where it takes too long to start, as on a busy machine. */
async function open(video) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await navigator.mediaDevices.getUserMedia({ video });
    } catch (error) {
      if (error.name !== "AbortError" || attempt === TRIES) throw error;
    }
  }
}

/** @param {MediaStream | null} stream */
function end(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** @param {MediaStream | null} stream */
function deviceOf(stream) {
  return stream?.getVideoTracks()[0].getSettings().deviceId;
}
