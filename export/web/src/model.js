/** The model, as the page calls it; `s2i_tf.web.model_file` says what its two nets take and give. */

import { Net } from "./net.js";
import { drawnNumbers } from "./numbers.js";
import { Problem } from "./problem.js";

/** @typedef {import("./net.js").Arrays} Arrays */
/** @typedef {{name: string, share: number}} Heard a class and its probability */

/**
 * What `model.json` says beside the file.
 *
 * @typedef {object} Facts
 * @property {string[]} class_names
 * @property {{sample_rate_hz: number}} sound
 * @property {number[]} draw_sizes
 * @property {number} known_from the score from which a sound is like what the model knows
 */

// A module with one instruction of WebAssembly's SIMD.
const SIMD = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0],
  ...[10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
);

export class Model {
  #facts;
  #ear;
  #hand;

  /** @param {Facts} facts @param {Net} ear @param {Net} hand */
  constructor(facts, ear, hand) {
    this.#facts = facts;
    this.#ear = ear;
    this.#hand = hand;
  }

  /** Loads the model that lies beside the page. */
  static async load() {
    if (!globalThis.WebAssembly?.validate(SIMD)) {
      throw new Problem(
        "This browser lacks WebAssembly SIMD, which the model needs. " +
          "Please open the page in a newer version of Chrome, Edge, Firefox or Safari.",
      );
    }
    const folder = new URL(".", document.baseURI).href;
    try {
      const [facts, ear, hand] = await Promise.all([
        fetch(`${folder}model.json`).then((response) => response.json()),
        Net.load(folder, "listen"),
        Net.load(folder, "draw"),
      ]);
      return new Model(facts, ear, hand);
    } catch (error) {
      throw new Problem(
        `The model could not be loaded (${error}). Please check the connection and reload the page.`,
      );
    }
  }

  /** Samples a second of the waveforms that it hears. */
  get rate() {
    return this.#facts.sound.sample_rate_hz;
  }

  /** Of a waveform that it hears. */
  get samples() {
    return this.#ear.shapes.waveform[1];
  }

  get seconds() {
    return this.samples / this.rate;
  }

  /** Of its pictures. */
  get side() {
    return this.#hand.shapes.image[1];
  }

  get numClasses() {
    return this.#facts.class_names.length;
  }

  /** Whether one sound can have several pictures. */
  get draws() {
    return this.#facts.draw_sizes.length > 0;
  }

  /** @param {Float32Array} waveform `samples` of it in [-1, 1] @returns {Promise<Arrays>} */
  listen(waveform) {
    return this.#ear.run({ waveform });
  }

  /**
   * The classes heard, the likeliest first.
   *
   * @param {Arrays} found what `listen` gave
   * @returns {Heard[]}
   */
  heard(found) {
    return this.#facts.class_names
      .map((name, index) => ({ name: name.replaceAll("_", " "), share: found.heard[index] }))
      .sort((a, b) => b.share - a.share);
  }

  /** Whether a sound is like anything that the model knows. @param {Arrays} found */
  knows({ known_score: [score] }) {
    return score >= this.#facts.known_from;
  }

  /** How sure the model is of what it heard. @param {Arrays} found */
  sureness({ heard, known_score: [score] }) {
    return score * Math.max(...heard);
  }

  /**
   * A picture of what was heard.
   *
   * @param {Arrays} found what `listen` gave
   * @param {{sample?: number, seed?: number, spread?: number}} [how] sample 0 is the sound's one
   *   picture, further ones depend on the seed and vary with the spread
   */
  async draw(found, { sample = 0, seed = 0, spread = 1 } = {}) {
    /** @type {Arrays} */
    const given = { before: found.before };
    if (this.draws) {
      given.numbers = sample ? drawnNumbers(this.#facts.draw_sizes, seed, sample) : found.numbers;
      given.spread = sample ? found.spread.map(() => spread) : found.spread;
    }
    const { image } = await this.#hand.run(given);
    return pixels(image, this.side);
  }
}

/** @param {Float32Array} image RGB in [0, 1] @param {number} side */
function pixels(image, side) {
  const result = new ImageData(side, side);
  for (let pixel = 0; pixel < side * side; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      result.data[4 * pixel + channel] = Math.round(image[3 * pixel + channel] * 255);
    }
    result.data[4 * pixel + 3] = 255;
  }
  return result;
}
