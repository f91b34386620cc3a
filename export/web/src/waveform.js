/** The waveform, and the part of it that counts, which mouse and keyboard move. */

import { MAX_SECONDS } from "./decode.js";

const KEY_SECONDS = 0.1;
const PAGE_SECONDS = 1;
const BAR = 2; // pixels, and as many between two
const LEAST_HIGH = 0.05; // of full scale, that fills the height

export class Waveform {
  #canvas;
  #slider;
  /** @type {Float32Array} */
  #samples = new Float32Array(0);
  #rate = 1;
  #part = 6;
  #start = 0;
  #played = 0;
  #peaks = new Float32Array(0);

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} slider over the canvas
   * @param {(start: number) => void} moved told where the part begins, in seconds
   */
  constructor(canvas, slider, moved) {
    this.#canvas = canvas;
    this.#slider = slider;
    const move = (/** @type {number} */ start) => {
      const before = this.#start;
      this.start = start;
      if (this.#start !== before) moved(this.#start);
    };
    slider.addEventListener("keydown", (event) => {
      const page = event.shiftKey ? PAGE_SECONDS : KEY_SECONDS;
      /** @type {Record<string, number>} */
      const steps = {
        ArrowLeft: -page,
        ArrowDown: -page,
        ArrowRight: page,
        ArrowUp: page,
        PageDown: -PAGE_SECONDS,
        PageUp: PAGE_SECONDS,
        Home: -Infinity,
        End: Infinity,
      };
      if (!(event.key in steps)) return;
      event.preventDefault();
      move(this.#start + steps[event.key]);
    });
    const frame = /** @type {HTMLElement} */ (canvas.parentElement);
    frame.addEventListener("pointerdown", (event) => {
      if (slider.hidden) return;
      const at = () => ((moving.clientX - frame.getBoundingClientRect().left) / frame.clientWidth) * this.#seconds;
      let moving = event;
      const inside = at() >= this.#start && at() <= this.#start + this.#part;
      const grip = inside ? at() - this.#start : this.#part / 2;
      const follow = (/** @type {PointerEvent} */ next) => {
        moving = next;
        move(at() - grip);
      };
      follow(event);
      frame.setPointerCapture(event.pointerId);
      frame.addEventListener("pointermove", follow);
      const release = () => frame.removeEventListener("pointermove", follow);
      frame.addEventListener("pointerup", release, { once: true });
      frame.addEventListener("pointercancel", release, { once: true });
      slider.focus();
      event.preventDefault();
    });
    new ResizeObserver(() => this.#measure()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
  }

  /**
   * @param {Float32Array} samples
   * @param {number} rate
   * @param {number} part how many seconds count
   */
  show(samples, rate, part) {
    [this.#samples, this.#rate, this.#part, this.#played] = [samples, rate, part, 0];
    this.start = this.#start;
    this.#measure();
  }

  /** Where the part begins, in seconds. */
  get start() {
    return this.#start;
  }

  set start(seconds) {
    const last = Math.max(0, this.#seconds - this.#part);
    this.#start = Math.max(0, Math.min(last, seconds));
    const end = Math.min(this.#seconds, this.#start + this.#part);
    const slider = this.#slider;
    slider.style.left = `${(100 * this.#start) / this.#seconds || 0}%`;
    slider.style.width = `${(100 * (end - this.#start)) / this.#seconds || 100}%`;
    slider.ariaValueMax = last.toFixed(1);
    slider.ariaValueNow = this.#start.toFixed(1);
    slider.ariaValueText = this.text;
  }

  /** Where the part lies, in words. */
  get text() {
    const isCut = this.#seconds >= MAX_SECONDS;
    const seconds = isCut ? `the first ${MAX_SECONDS}` : this.#seconds.toFixed(1);
    if (this.#seconds <= this.#part) return `The whole sound counts, ${seconds} seconds`;
    const end = (this.#start + this.#part).toFixed(1);
    return `Seconds ${this.#start.toFixed(1)} to ${end} of ${seconds} count`;
  }

  /** How far the sound has been played, in seconds. */
  set played(/** @type {number} */ seconds) {
    this.#played = seconds;
    this.#paint();
  }

  get #seconds() {
    return this.#samples.length / this.#rate;
  }

  /** Finds the peak behind each bar, then paints. */
  #measure() {
    const canvas = this.#canvas;
    canvas.width = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.height = Math.round(canvas.clientHeight * devicePixelRatio);
    this.#peaks = new Float32Array(Math.floor(canvas.clientWidth / (2 * BAR)));
    const each = this.#samples.length / this.#peaks.length;
    for (let bar = 0; bar < this.#peaks.length; bar++) {
      const last = Math.ceil((bar + 1) * each);
      let peak = 0;
      for (let n = Math.floor(bar * each); n < last; n++) {
        peak = Math.max(peak, Math.abs(this.#samples[n]));
      }
      this.#peaks[bar] = peak;
    }
    // A quiet sound is shown as high as a loud one, noise is not.
    const highest = Math.max(LEAST_HIGH, ...this.#peaks);
    this.#peaks = this.#peaks.map((peak) => peak / highest);
    this.#paint();
  }

  #paint() {
    const { width, height } = this.#canvas;
    const pen = /** @type {CanvasRenderingContext2D} */ (this.#canvas.getContext("2d"));
    const style = getComputedStyle(this.#canvas);
    const [accent, warm] = ["--accent", "--warm"].map((name) => style.getPropertyValue(name));
    const played = (this.#played / this.#seconds) * this.#peaks.length;
    const wide = width / this.#peaks.length / 2;
    pen.clearRect(0, 0, width, height);
    this.#peaks.forEach((peak, bar) => {
      const tall = Math.max(wide, peak * height * 0.92);
      pen.fillStyle = bar < played ? warm : accent;
      pen.fillRect(2 * wide * bar, (height - tall) / 2, wide, tall);
    });
  }
}
