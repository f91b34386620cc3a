/**
 * A sound file to one channel at the file's own rate, as `s2i_tf.media` decodes it: Web Audio would
 * resample with a filter of the browser's, so the context gets the rate that the header names.
 */

import { readHeader } from "./headers.js";
import { unmarkEnd } from "./ogg.js";
import { Problem } from "./problem.js";

export const MAX_SECONDS = 600;
const MIN_SECONDS = 0.2;
const SILENCE = 1e-4;
const MAX_BYTES = 200e6;
// Ten minutes at 320 kilobits a second: of longer MP3 and Ogg files no more need be read.
const MAX_PACKED_BYTES = 24e6;
// Energy of the channels' sum, as a share of the strongest one's, below which they cancel each other.
const CANCELLED = 0.01;

/**
 * @typedef {object} Sound
 * @property {string} name
 * @property {Float32Array} samples one channel in [-1, 1]
 * @property {number} rate samples a second
 */

/**
 * Reads a file that a person chose; of one longer than ten minutes, the first ten.
 *
 * @param {Blob} file
 * @param {string} name of it, for messages
 * @returns {Promise<Sound>}
 */
export async function readSound(file, name) {
  if (!file.size) throw new Problem(`${name} is empty.`);
  if (file.size > MAX_BYTES) {
    throw new Problem(
      `${name} has ${(file.size / 1e9).toFixed(1)} GB, more than a browser can decode at once. ` +
        `Please choose a file of at most ${MAX_BYTES / 1e6} MB, or cut a part out of it.`,
    );
  }
  const start = await file.slice(0, MAX_PACKED_BYTES).arrayBuffer();
  const header = readHeader(new Uint8Array(start));
  const whole = file.size <= MAX_PACKED_BYTES;
  const packed = header?.packed && !whole;
  const bytes = whole || packed ? start : await file.arrayBuffer();
  const rate = header?.rate ?? 48000;
  if (header?.vorbis && !packed) header.length = unmarkEnd(new Uint8Array(bytes));
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new Problem(
      header
        ? `${name} cannot be decoded by this browser; the file may be damaged.`
        : `${name} is not a sound that this browser can decode. WAV, MP3, Ogg, FLAC and M4A files work.`,
    );
  }
  const mono = mixed(buffer);
  return checked(name, trimmed(mono, packed ? null : header).subarray(0, MAX_SECONDS * rate), rate);
}

/**
 * Refuses a sound that nothing can be heard in, or that is damaged.
 *
 * @param {string} name
 * @param {Float32Array} samples
 * @param {number} rate
 * @returns {Sound}
 */
export function checked(name, samples, rate) {
  let peak = 0; // NaN, if a sample is
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  if (!Number.isFinite(peak)) {
    throw new Problem(`${name} has samples that are not finite numbers. Please choose another file.`);
  }
  const seconds = samples.length / rate;
  if (seconds < MIN_SECONDS) {
    throw new Problem(
      `${name} has ${seconds.toFixed(2)} s of sound; at least ${MIN_SECONDS} s are needed.`,
    );
  }
  if (peak < SILENCE) throw new Problem(`${name} is silent.`);
  return { name, samples, rate };
}

/** The mean of all channels, or the strongest, where they cancel. @param {AudioBuffer} buffer */
function mixed(buffer) {
  const { numberOfChannels: length } = buffer;
  const channels = Array.from({ length }, (_, place) => buffer.getChannelData(place));
  if (channels.length === 1) return channels[0];
  const sum = new Float32Array(buffer.length);
  for (const samples of channels) for (let n = 0; n < sum.length; n++) sum[n] += samples[n];
  const energies = channels.map(energy);
  const strongest = Math.max(...energies);
  if (energy(sum) < CANCELLED * strongest) return channels[energies.indexOf(strongest)];
  return sum.map((value) => value / channels.length);
}

/** @param {Float32Array} samples */
function energy(samples) {
  let total = 0;
  for (const value of samples) total += value * value;
  return total;
}

/**
 * Without what an encoder put around the sound, where the browser left it in.
 *
 * @param {Float32Array} samples
 * @param {import("./headers.js").Header | null} header
 */
function trimmed(samples, header) {
  if (!header?.length || samples.length <= header.length) return samples;
  const start = Math.min(header.delay ?? 0, samples.length - header.length);
  return samples.subarray(start, start + header.length);
}
