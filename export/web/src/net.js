/** A part of the model, which runs in a thread of its own. */

/** @typedef {Record<string, Float32Array>} Arrays */

export class Net {
  /** @type {Map<number, {resolve: (result: any) => void, reject: (error: Error) => void}>} */
  #waiting = new Map();
  #next = 0;
  #worker = new Worker(new URL("./worker.js", import.meta.url));
  /** @type {Record<string, number[]>} of all inputs and outputs by name */
  shapes = {};

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = /** @type {any} */ (this.#waiting.get(id));
      this.#waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    };
    this.#worker.onerror = ({ message }) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(message));
      this.#waiting.clear();
    };
  }

  /** @param {string} folder that the page lies in @param {string} name of the net's file there */
  static async load(folder, name) {
    const net = new Net();
    net.shapes = await net.#call("load", { folder, name });
    return net;
  }

  /** @param {Arrays} given the inputs, each a row @returns {Promise<Arrays>} the outputs */
  run(given) {
    return this.#call("run", given);
  }

  /** @param {string} call @param {object} given @returns {Promise<any>} */
  #call(call, given) {
    return new Promise((resolve, reject) => {
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, call, given });
    });
  }
}
