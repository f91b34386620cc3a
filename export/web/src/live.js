/**
 * Pictures of sound as it comes, as many a second as the computer draws, each blending into the
 * next. What is heard is smoothed and all pictures are of one sample, so that they change as the
 * sound does and not by chance.
 */

import { capture, Recent } from "./capture.js";
import { tiled } from "./window.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Arrays} Arrays */

// A picture is of the last two seconds, repeated as any short sound is: it follows what it hears.
export const SECONDS = 2;
const LEAST_SECONDS = 1; // a shorter beginning, repeated, would be heard as a buzz
const QUIET = 2e-3; // a peak of -54 dB
const SMOOTHING = 0.5; // how much of what was heard before stays
const HEAR_MS = 400; // from one hearing to the next, so that drawing and showing have the processor
const CALM_MS = 1000; // between two pictures, for those who asked for less motion

/**
 * @typedef {object} Seen
 * @property {ImageData} picture
 * @property {Arrays} found what was heard, smoothed
 * @property {Float32Array} samples the last seconds of sound, at the model's rate
 * @property {number} perSecond pictures a second of late
 */

/**
 * Draws until it is told to stop.
 *
 * @param {AudioNode} node what is heard
 * @param {Model} model
 * @param {() => {seed: number, spread: number}} settings of the sample that all pictures are
 * @param {(seen: Seen) => void} show
 * @param {(samples: Float32Array) => void} hush called now and then while it is quiet
 * @returns {() => void} ends it
 */
export function drawLive(node, model, settings, show, hush) {
  const recent = new Recent(SECONDS, node.context.sampleRate, model.rate);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches ? CALM_MS : 0;
  /** @type {Arrays | null} what was heard last; null while it is quiet */
  let heard = null;
  /** @type {Arrays | null} what was drawn last, on its way to what is heard */
  let shown = null;
  let [listening, drawing, ended] = [false, false, false];
  let heardAt = -Infinity;
  let last = performance.now();
  let perSecond = 0;

  const stop = capture(node, async (chunk) => {
    recent.add(chunk);
    const { samples } = recent;
    if (samples.length < LEAST_SECONDS * model.rate) return;
    if (listening || performance.now() < heardAt + HEAR_MS) return;
    heardAt = performance.now();
    if (!samples.some((value) => Math.abs(value) >= QUIET)) {
      heard = shown = null;
      hush(samples);
      return;
    }
    listening = true;
    heard = await model.listen(tiled(samples, model.samples));
    listening = false;
    if (!drawing) draw();
  });

  // Hearing takes longer than drawing and runs beside it: pictures approach what was heard last.
  async function draw() {
    drawing = true;
    while (heard && !ended) {
      shown = smoothed(shown, heard);
      const found = shown;
      const picture = await model.draw(found, { sample: 1, ...settings() });
      const now = performance.now();
      perSecond += 0.3 * (1000 / (now - last) - perSecond);
      last = now;
      if (heard && !ended) show({ picture, found, samples: recent.samples, perSecond });
      if (calm) await new Promise((resolve) => setTimeout(resolve, calm));
    }
    drawing = false;
  }

  return () => {
    ended = true;
    stop();
  };
}

/** @param {Arrays | null} before @param {Arrays} found @returns {Arrays} */
function smoothed(before, found) {
  if (!before) return found;
  const mix = (/** @type {string} */ name) =>
    found[name].map((value, at) => SMOOTHING * before[name][at] + (1 - SMOOTHING) * value);
  return { ...found, heard: mix("heard"), before: mix("before") };
}

/** A canvas on which each picture blends into the next. */
export class Blend {
  #canvas;
  #from;
  #to;
  #began = 0;
  #frame = 0;
  #milliseconds = 1;

  /** @param {HTMLCanvasElement} canvas @param {number} side of the pictures */
  constructor(canvas, side) {
    this.#canvas = canvas;
    this.#from = new OffscreenCanvas(side, side);
    this.#to = new OffscreenCanvas(side, side);
  }

  /** @param {ImageData} picture @param {number} [milliseconds] that the change takes */
  show(picture, milliseconds = 0) {
    const { width, height } = this.#from;
    const now = pen(this.#from);
    now.drawImage(this.#canvas, 0, 0, width, height);
    pen(this.#to).putImageData(picture, 0, 0);
    this.#began = performance.now();
    this.#milliseconds = document.hidden ? 1 : Math.max(1, milliseconds); // a hidden page has no frames
    cancelAnimationFrame(this.#frame);
    this.#paint();
  }

  #paint = () => {
    const share = Math.min(1, (performance.now() - this.#began) / this.#milliseconds);
    const { width, height } = this.#canvas;
    const brush = pen(this.#canvas);
    brush.imageSmoothingQuality = "high";
    brush.globalAlpha = 1;
    if (share < 1) brush.drawImage(this.#from, 0, 0, width, height);
    brush.globalAlpha = this.#milliseconds > 1 ? share : 1;
    brush.drawImage(this.#to, 0, 0, width, height);
    if (share < 1 && this.#milliseconds > 1) this.#frame = requestAnimationFrame(this.#paint);
  };
}

/**
 * @param {HTMLCanvasElement | OffscreenCanvas} canvas
 * @returns {CanvasRenderingContext2D}
 */
function pen(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}
