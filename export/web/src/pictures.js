/** The picture on the page, and the samples beside it to choose from. */

import { Blend } from "./live.js";
import { element } from "./page.js";

/** @typedef {import("./model.js").Model} Model */

const NUM_PICTURES = 4; // of a sound: its own and three more samples

export class Pictures {
  /** @type {ImageData[]} the sound's own picture, and further samples as they come */
  drawn = [];
  #chosen = 0;
  #model;
  #blend;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
    this.#blend = new Blend(element("picture"), model.side);
    for (let sample = 0; sample < NUM_PICTURES; sample++) {
      const button = document.createElement("button");
      button.type = "button";
      button.ariaLabel = sample ? `Sample ${sample}` : "The sound’s own picture";
      button.append(canvasOf(model));
      button.onclick = () => this.drawn[sample] && this.#choose(sample);
      element("samples").append(button);
    }
  }

  /** The one that is shown. */
  get chosen() {
    return this.drawn[this.#chosen];
  }

  /** The numbers of the samples beside a sound's own picture. */
  get further() {
    return Array.from({ length: NUM_PICTURES - 1 }, (_, index) => index + 1);
  }

  /**
   * Shows a picture of what is heard now; further samples of it may come.
   *
   * @param {ImageData} picture
   * @param {object} [how]
   * @param {number} [how.milliseconds] that the change takes
   * @param {boolean} [how.alone] no further samples will come
   */
  show(picture, { milliseconds, alone = false } = {}) {
    this.drawn = [picture];
    element("downloads").hidden = false;
    element("settings").hidden = !this.#model.draws;
    element("samples").hidden = !this.#model.draws || alone;
    this.#paint(0);
    this.#choose(0, milliseconds);
  }

  /** Adds a sample, or puts another in its place. @param {number} sample @param {ImageData} picture */
  add(sample, picture) {
    this.drawn[sample] = picture;
    this.#paint(sample);
    if (sample === this.#chosen) this.#choose(sample);
  }

  /** @param {number} sample */
  #paint(sample) {
    const canvas = element("samples").children[sample].firstElementChild;
    canvas.getContext("2d").putImageData(this.drawn[sample], 0, 0);
  }

  #choose(/** @type {number} */ sample, milliseconds = 250) {
    this.#chosen = sample;
    this.#blend.show(this.drawn[sample], milliseconds);
    for (const [index, button] of [...element("samples").children].entries()) {
      button.ariaPressed = String(index === sample);
    }
  }
}

/** A canvas for a picture of the model's. @param {Model} model @param {ImageData} [picture] */
export function canvasOf(model, picture) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [model.side, model.side];
  if (picture) canvas.getContext("2d")?.putImageData(picture, 0, 0);
  return canvas;
}
