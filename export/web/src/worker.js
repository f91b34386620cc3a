/**
 * A part of the model in a thread of its own, so that the page never stands still and hearing and
 * drawing go on side by side. Each message is a call: `{id, call, given}`; its answer is
 * `{id, result}` or `{id, error}`.
 */

import { loadAndCompile, loadLiteRt, Tensor } from "@litertjs/core";

/** @typedef {Record<string, Float32Array>} Arrays */

/** @type {import("@litertjs/core").CompiledModel} */
let model;

const calls = {
  /**
   * @param {{folder: string, name: string}} given the page's folder, and the model's file in it
   * @returns {Promise<Record<string, number[]>>} the shapes of all inputs and outputs
   */
  async load({ folder, name }) {
    // The runtime looks for a graphics processor when it starts; everything runs on this one.
    Object.defineProperty(navigator, "gpu", { value: undefined });
    const [wasmBinary, bytes] = await Promise.all([
      unpacked(`${folder}litert.wasm.gz`),
      unpacked(`${folder}${name}.tflite.gz`),
    ]);
    const printErr = (/** @type {string} */ line) => /ERROR|FATAL/.test(line) && console.error(line);
    Object.assign(self, { Module: { wasmBinary, printErr } });
    await loadLiteRt(`${folder}litert.js`);
    model = await loadAndCompile(new Uint8Array(bytes), { accelerator: "wasm" });
    const tensors = [...model.getInputDetails(), ...model.getOutputDetails()];
    return Object.fromEntries(tensors.map(({ name, shape }) => [name, [...shape]]));
  },

  /** @param {Arrays} given the inputs, each a row @returns {Promise<Arrays>} the outputs */
  async run(given) {
    const inputs = Object.fromEntries(
      Object.entries(given).map(([name, row]) => [name, new Tensor(row, [1, row.length])]),
    );
    const outputs = await model.run(inputs);
    /** @type {Arrays} */
    const result = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      result[name] = /** @type {Float32Array} */ (tensor.toTypedArray()).slice();
    }
    for (const tensor of [...Object.values(inputs), ...Object.values(outputs)]) tensor.delete();
    return result;
  },
};

/** A file, unpacked here unless the server had the browser do it. @param {string} url */
async function unpacked(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const bytes = await response.arrayBuffer();
  const [first, second] = new Uint8Array(bytes);
  if (first !== 0x1f || second !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

self.onmessage = async ({ data: { id, call, given } }) => {
  try {
    self.postMessage({ id, result: await calls[/** @type {"run"} */ (call)](given) });
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
};
