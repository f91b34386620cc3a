/** Sound as it comes: from the microphone, or from a sound that is being played. */

import { Problem } from "./problem.js";
import { reach, resample } from "./resample.js";

/**
 * @typedef {object} Source
 * @property {AudioNode} node
 * @property {() => void} stop
 */

/** Web Audio, which may start only once a person has acted; without worklets on a page of plain http. */
export async function openAudio() {
  const context = new AudioContext();
  await context.audioWorklet?.addModule(new URL("./capture.worklet.js", import.meta.url));
  return context;
}

/**
 * The microphone, as it is: without what makes calls clearer.
 *
 * @param {AudioContext} context
 * @param {() => void} lost called when it is unplugged, or no longer allowed
 */
export async function microphone(context, lost) {
  if (!navigator.mediaDevices) {
    throw new Problem("This page may not use a microphone: open it by https or on localhost.");
  }
  const plain = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: plain });
  } catch (error) {
    throw new Problem(refusals[/** @type {DOMException} */ (error).name] ?? refusals.other);
  }
  for (const track of stream.getTracks()) track.onended = lost;
  const node = context.createMediaStreamSource(stream);
  return { node, stop: () => stream.getTracks().forEach((track) => track.stop()) };
}

/** @type {Record<string, string>} */
const refusals = {
  NotAllowedError:
    "The microphone was refused. Allow it for this page in the browser’s settings, then try again.",
  NotFoundError: "No microphone was found. Connect one, or open a file instead.",
  NotReadableError: "The microphone is in use by another program. Close that and try again.",
  other: "The microphone cannot be used. Please open a file instead.",
};

/**
 * Calls back with each piece of sound, some 20 ms long.
 *
 * @param {AudioNode} node of a context of `openAudio`
 * @param {(chunk: Float32Array) => void} take
 * @returns {() => void} ends it
 */
export function capture(node, take) {
  const tap = new AudioWorkletNode(node.context, "capture", { numberOfOutputs: 0 });
  tap.port.onmessage = ({ data }) => take(data);
  node.connect(tap);
  return () => {
    tap.port.onmessage = null;
    tap.port.postMessage("end");
    node.disconnect(tap);
  };
}

/** All of a sound that comes in pieces. */
export class Recording {
  /** @type {Float32Array[]} */
  #chunks = [];

  /** @param {Float32Array} chunk as long as every other */
  add(chunk) {
    this.#chunks.push(chunk);
  }

  get numChunks() {
    return this.#chunks.length;
  }

  get samples() {
    const all = new Float32Array(this.#chunks.length * (this.#chunks[0]?.length ?? 0));
    this.#chunks.forEach((chunk, index) => all.set(chunk, index * chunk.length));
    return all;
  }
}

/** The last seconds of sound that comes in pieces, at another rate. */
export class Recent {
  #from;
  #to;
  #reach;
  #input = new Float32Array(0); // what later outputs still need
  #offset = 0; // where it begins
  #end = 0; // of the outputs made
  #output;
  #filled = 0;

  /** @param {number} seconds @param {number} from samples a second @param {number} to */
  constructor(seconds, from, to) {
    this.#from = from;
    this.#to = to;
    this.#reach = reach(from, to);
    this.#output = new Float32Array(Math.round(seconds * to));
  }

  /** @param {Float32Array} chunk */
  add(chunk) {
    const input = new Float32Array(this.#input.length + chunk.length);
    input.set(this.#input);
    input.set(chunk, this.#input.length);
    const known = this.#offset + input.length - this.#reach - 1;
    const end = Math.max(this.#end, Math.floor((known * this.#to) / this.#from));
    const made = resample(input, this.#from, this.#to, this.#end, end, this.#offset);
    const size = this.#output.length;
    const kept = made.subarray(Math.max(0, made.length - size));
    this.#output.copyWithin(0, kept.length);
    this.#output.set(kept, size - kept.length);
    this.#filled = Math.min(size, this.#filled + kept.length);
    this.#end = end;
    const needed = Math.floor((end * this.#from) / this.#to) - this.#reach - 1;
    const past = Math.max(0, needed - this.#offset);
    this.#input = input.subarray(past);
    this.#offset += past;
  }

  /** What has come of the last seconds. */
  get samples() {
    return this.#output.subarray(this.#output.length - this.#filled);
  }
}
