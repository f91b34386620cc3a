/** The part of a sound that the model hears. */

import { resample, resampledLength } from "./resample.js";

/** @typedef {import("./decode.js").Sound} Sound */
/** @typedef {import("./model.js").Model} Model */

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
