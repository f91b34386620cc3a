/** The part of a sound that the model hears. */

import { filterOf, reach, resample, resampledLength } from "./resample.js";

/** @typedef {import("./decode.js").Sound} Sound */
/** @typedef {import("./model.js").Model} Model */

const MAX_WINDOWS = 4;
const FAINT = 1e-2; // of the loudest part's power

/**
 * Where the part can begin at most, in samples of the model's rate; 0 for a short sound.
 *
 * @param {Sound} sound
 * @param {Model} model
 */
export function lastStart(sound, model) {
  return Math.max(0, resampledLength(sound.samples.length, sound.rate, model.rate) - model.samples);
}

/**
 * Where the part begins that the model is surest of, among the loudest ones and the middle, as
 * `s2i_tf.media.heard_window` offers them; in samples of the model's rate.
 *
 * @param {Sound} sound
 * @param {Model} model
 */
export async function surestStart(sound, model) {
  let [best, surest] = [0, -1];
  const starts = await offered(sound, model);
  if (starts.length === 1) return starts[0];
  for (const start of starts) {
    const sure = model.sureness(await model.listen(windowOf(sound, model, start)));
    if (sure > surest) [best, surest] = [start, sure];
  }
  return best;
}

/** @param {Sound} sound @param {Model} model */
async function offered(sound, model) {
  const last = lastStart(sound, model);
  if (!last) return [0];
  const { rate } = sound;
  const samples = await inBand(sound, model);
  const power = new Float64Array(samples.length + 1);
  for (let n = 0; n < samples.length; n++) power[n + 1] = power[n] + samples[n] ** 2;
  const until = (/** @type {number} */ at) =>
    power[Math.min(samples.length, Math.round((at * rate) / model.rate))];
  const quarter = Math.floor(model.samples / 4);
  const level = (/** @type {number} */ start) => {
    const whole = until(start + model.samples) - until(start);
    return whole + until(start + model.samples - quarter) - until(start + quarter);
  };
  const begins = [];
  for (let start = 0; start < last; start += Math.floor(model.rate / 4)) begins.push(start);
  begins.push(last);
  begins.sort((a, b) => level(b) - level(a));
  const faint = FAINT * level(begins[0]);
  /** @type {number[]} */
  const chosen = [];
  for (const start of begins) {
    if (chosen.length === MAX_WINDOWS - 1 || level(start) < faint) break;
    if (chosen.every((other) => Math.abs(start - other) >= model.samples)) chosen.push(start);
  }
  const middle = Math.floor(last / 2);
  return level(middle) >= faint ? [...chosen, middle] : chosen;
}

/**
 * What the model may hear of a sound, still at the sound's rate: without what lies above the model's
 * band. The browser's own convolution takes a second where resampling ten minutes takes ten.
 *
 * @param {Sound} sound
 * @param {Model} model
 */
async function inBand({ samples, rate }, model) {
  if (rate <= model.rate) return tiled(samples, samples.length);
  const delay = reach(rate, model.rate);
  const context = new OfflineAudioContext(1, samples.length + delay, rate);
  const [source, filter] = [samples, filterOf(rate, model.rate)].map((row) => {
    const buffer = context.createBuffer(1, row.length, rate);
    buffer.copyToChannel(/** @type {Float32Array<ArrayBuffer>} */ (row), 0);
    return buffer;
  });
  const node = new AudioBufferSourceNode(context, { buffer: source });
  const convolver = new ConvolverNode(context, { buffer: filter, disableNormalization: true });
  node.connect(convolver).connect(context.destination);
  node.start();
  const rendered = (await context.startRendering()).getChannelData(0).subarray(delay);
  return tiled(rendered, rendered.length);
}

/**
 * The waveform that the model hears, as `s2i_tf.media.audio.feature_window` makes it.
 *
 * @param {Sound} sound
 * @param {Model} model
 * @param {number} start in samples of the model's rate
 */
export function windowOf(sound, model, start) {
  const length = resampledLength(sound.samples.length, sound.rate, model.rate);
  const end = Math.min(length, start + model.samples);
  return tiled(resample(sound.samples, sound.rate, model.rate, start, end), model.samples);
}

/**
 * A short waveform repeated to a length, and within full scale, which lossy formats overshoot.
 *
 * @param {Float32Array} samples
 * @param {number} length
 */
export function tiled(samples, length) {
  const result = new Float32Array(length);
  for (let n = 0; n < length; n++) {
    result[n] = Math.max(-1, Math.min(1, samples[n % samples.length]));
  }
  return result;
}
