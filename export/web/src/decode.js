/**
 * A sound file to one channel at the file's own rate, as `s2i_tf.media` decodes it: Web Audio would
 * resample with a filter of the browser's, so the context gets the rate that the header names.
 */

import { readHeader } from "./headers.js";
import { endOfMp3 } from "./mp3.js";
import { mendMp4 } from "./mp4.js";
import { endOfOgg, unmarkEnd } from "./ogg.js";
import { Problem } from "./problem.js";
import { hasFloats, lengthOf, plainWav } from "./wav.js";

/** @typedef {import("./headers.js").Header} Header */

export const MAX_SECONDS = 600;
const MIN_SECONDS = 0.2;
const SILENCE = 1e-4;
const MAX_BYTES = 200e6;
// Of kinds of which no part can be taken: what browsers have the memory for.
const MAX_WHOLE_SECONDS = 7200;
// As in `s2i_tf.media`: what is stored as floats and peaks higher is of another scale.
const MAX_STORED_PEAK = 8;
// Samples that encoders of MP3 put around the sound.
const MAX_PADDING = 9000;
// Energy of the channels' sum, as a share of the strongest one's, below which they cancel each other.
const CANCELLED = 0.01;

/**
 * @typedef {object} Sound
 * @property {string} name
 * @property {Float32Array} samples one channel in [-1, 1]
 * @property {number} rate samples a second
 * @property {boolean} [recorded] whether there is no file of it
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
  const given = new Uint8Array(await file.arrayBuffer());
  const header = readHeader(given);
  if (header?.seconds && header.seconds > MAX_WHOLE_SECONDS) {
    throw new Problem(
      `${name} is ${(header.seconds / 3600).toFixed(1)} hours long, more than this browser can ` +
        "decode at once. Please cut a part out of it, or save it as MP3.",
    );
  }
  const rate = header?.rate ?? 48000;
  let buffer;
  try {
    const bytes = header ? prepared(given, header) : given;
    const whole = bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice();
    buffer = await new OfflineAudioContext(1, 1, rate).decodeAudioData(whole.buffer);
  } catch (error) {
    if (header?.length === 0) return checked(name, new Float32Array(0), rate);
    throw new Problem(why(name, header, /** @type {Error} */ (error)));
  }
  const mono = mixed(buffer);
  const most = header?.wav && hasFloats(header.wav) ? MAX_STORED_PEAK : Infinity;
  return checked(name, trimmed(mono, header).subarray(0, MAX_SECONDS * rate), rate, most);
}

/**
 * A file without most of what is too long, and such that browsers decode it as it is meant.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes may be changed
 * @param {Header} header may be told the length
 * @returns {Uint8Array<ArrayBuffer>}
 */
function prepared(bytes, header) {
  const seconds = MAX_SECONDS + 1; // with what an encoder put before the sound
  switch (header.kind) {
    case "wav": {
      const { wav } = header;
      const made = wav ? plainWav(bytes, wav, seconds) : bytes;
      if (wav && made !== bytes) header.length = lengthOf(made, wav);
      return made;
    }
    case "ogg": {
      const end = endOfOgg(bytes, seconds * header.rate);
      if (end < bytes.length) return bytes.subarray(0, end);
      if (header.vorbis) header.length = unmarkEnd(bytes);
      return bytes;
    }
    case "mp3":
      return bytes.subarray(0, endOfMp3(bytes, seconds));
    case "mp4": {
      const cut = mendMp4(bytes, seconds);
      if (!cut) return bytes;
      header.delay = Math.round(cut.before * header.rate);
      header.length = Math.round(Math.min(cut.length, MAX_SECONDS) * header.rate);
    }
  }
  return bytes;
}

/**
 * Why a file could not be decoded.
 *
 * @param {string} name
 * @param {Header | null} header
 * @param {Error} error
 */
function why(name, header, error) {
  if (!header) {
    return (
      `${name} is not a sound that this browser can decode. ` +
      "WAV, MP3, Ogg, FLAC and M4A files work."
    );
  }
  const cannot = `${name} cannot be decoded by this browser`;
  const fault =
    error.name === "NotSupportedError" // of the context, not of the decoder
      ? `it has ${header.rate} samples a second`
      : header.stored && `its sound is stored as ${header.stored}`;
  if (!fault) return `${cannot}; the file may be damaged.`;
  return `${cannot}: ${fault}. Please save it as WAV of 16 bits and 44,100 samples a second.`;
}

/**
 * Refuses a sound that nothing can be heard in, or that is damaged.
 *
 * @param {string} name
 * @param {Float32Array} samples
 * @param {number} rate
 * @param {number} [most] the highest peak that full scale is 1 for
 * @returns {Sound}
 */
export function checked(name, samples, rate, most = Infinity) {
  let peak = 0; // NaN, if a sample is
  for (const value of samples) peak = Math.max(peak, Math.abs(value));
  if (!Number.isFinite(peak)) {
    throw new Problem(`${name} has samples that are not finite numbers. Please choose another file.`);
  }
  if (peak > most) {
    throw new Problem(
      `${name} has a peak of ${Math.round(peak)}; floats must lie in [-1, 1]. ` +
        "Please divide them by their full scale, or save whole numbers.",
    );
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
 * @param {Header | null} header
 */
function trimmed(samples, header) {
  if (!header?.length || samples.length <= header.length) return samples;
  // The first of several MP3 files that are joined says nothing of the others.
  if (header.kind === "mp3" && samples.length > header.length + MAX_PADDING) return samples;
  const start = Math.min(header.delay ?? 0, samples.length - header.length);
  return samples.subarray(start, start + header.length);
}
