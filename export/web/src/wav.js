/**
 * WAV files, told to the browser as they are meant: Chromium takes the samples of a big-endian file
 * (RIFX) for little-endian ones, and believes a header that claims less sound than there is.
 */

import { text } from "./text.js";

const EXTENSIBLE = 0xfffe;
const FLOATS = 3;
const PLAIN = [1, FLOATS, 6, 7]; // also A-law and mu-law: all of one size a sample
/** @type {Record<number, string>} */
const OTHERS = { 2: "Microsoft ADPCM", 17: "IMA ADPCM", 49: "GSM 6.10" };
// What follows the sound and is no chunk counts as sound if it is longer and no tag of a player.
const MIN_MORE_BYTES = 4096;
const HEADER_BYTES = 44;

/**
 * @typedef {object} Wav
 * @property {number} rate samples a second
 * @property {number} tag of how they are stored
 * @property {number} channels
 * @property {number} width bytes of each
 * @property {boolean} little whether the lowest byte is the first
 * @property {number} at where the first is; 0 where it is not known
 */

/**
 * @param {Uint8Array} bytes a whole file, or its beginning
 * @returns {Wav | null} null where it is not known
 */
export function readWav(bytes) {
  const view = viewOf(bytes);
  const little = text(bytes, 0, 4) !== "RIFX";
  /** @type {Record<string, number>} where contents of chunks begin */
  const found = {};
  for (let at = 12; at + 8 <= bytes.length && !found.data; ) {
    found[text(bytes, at, 4)] = at + 8;
    const size = view.getUint32(at + 4, little);
    at += 8 + size + (size % 2);
  }
  const told = found["fmt "];
  if (!told) return null;
  let tag = view.getUint16(told, little);
  if (tag === EXTENSIBLE) {
    // A big-endian identifier begins with two bytes (SoX), or with four, as libsndfile has it.
    tag = view.getUint16(told + 24, little) || view.getUint16(told + 26, little);
  }
  const channels = view.getUint16(told + 2, little);
  const each = view.getUint16(told + 12, little) / channels;
  let width = Math.ceil(view.getUint16(told + 14, little) / 8) || each;
  if (width === 3 && each === 4) width = 4; // 24 bits in 32
  return { rate: view.getUint32(told + 4, little), tag, channels, width, little, at: found.data ?? 0 };
}

/** How the sound is stored, where browsers do not decode it. @param {Wav} wav */
export function storedAs({ tag, width }) {
  if (tag === FLOATS && width === 8) return "floats of 64 bits";
  return PLAIN.includes(tag) ? null : (OTHERS[tag] ?? `format ${tag}`);
}

/** Whether its samples may be in any scale. @param {Wav} wav */
export const hasFloats = ({ tag }) => tag === FLOATS;

/**
 * A file with a header that every browser reads as it is meant.
 *
 * @param {Uint8Array<ArrayBuffer>} bytes of a whole file
 * @param {Wav} wav as of `readWav`
 * @param {number} maxSeconds of what is taken
 * @returns {Uint8Array<ArrayBuffer>} the given ones where no such header is known
 */
export function plainWav(bytes, { rate, tag, channels, width, little, at }, maxSeconds) {
  const block = channels * width;
  if (!at || !block || !rate || !PLAIN.includes(tag)) return bytes;
  const size = Math.min(sizeOf(bytes, at, little), maxSeconds * rate * block);
  const made = withHeader(bytes.subarray(at, at + size - (size % block)), rate, tag, channels, width);
  if (!little) turn(made.subarray(HEADER_BYTES), width);
  return made;
}

/** A WAV file of 16 bits. @param {Float32Array} samples one channel in [-1, 1] @param {number} rate */
export function wavFile(samples, rate) {
  const whole = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((value, index) => {
    whole.setInt16(2 * index, Math.round(32767 * Math.max(-1, Math.min(1, value))), true);
  });
  const file = withHeader(new Uint8Array(whole.buffer), rate, 1, 1, 2);
  return new Blob([file], { type: "audio/wav" });
}

/**
 * @param {Uint8Array} sound
 * @param {number} rate
 * @param {number} tag
 * @param {number} channels
 * @param {number} width
 */
function withHeader(sound, rate, tag, channels, width) {
  const block = channels * width;
  const made = new Uint8Array(HEADER_BYTES + sound.length);
  made.set([..."RIFF____WAVEfmt ____________________data"].map((letter) => letter.charCodeAt(0)));
  const view = viewOf(made);
  view.setUint32(4, made.length - 8, true);
  view.setUint32(16, 16, true);
  view.setUint16(20, tag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * block, true);
  view.setUint16(32, block, true);
  view.setUint16(34, 8 * width, true);
  view.setUint32(40, sound.length, true);
  made.set(sound, HEADER_BYTES);
  return made;
}

/**
 * How many samples of each channel there are.
 *
 * @param {Uint8Array} bytes of a file of `plainWav`
 * @param {Wav} wav
 */
export function lengthOf(bytes, { channels, width }) {
  return (bytes.length - HEADER_BYTES) / (channels * width);
}

/**
 * How many bytes of sound there are, as `s2i_tf.media` counts them.
 *
 * @param {Uint8Array} bytes
 * @param {number} at where they begin
 * @param {boolean} little
 */
function sizeOf(bytes, at, little) {
  const view = viewOf(bytes);
  let size = view.getUint32(at - 4, little);
  if (size === 0xffffffff && text(bytes, 12, 4) === "ds64") {
    size = Number(view.getBigUint64(28, little));
  }
  const there = bytes.length - at;
  if (size > there) return there;
  const tagged = /^(ID3|TAG|APETAGEX)/.test(text(bytes, at + size, 8));
  const stray = there - size <= MIN_MORE_BYTES || tagged;
  // Some programs leave out the byte that a chunk of an odd size is to be filled up with.
  return stray || [1, 2].some((align) => onlyChunks(bytes, at + size, little, align)) ? size : there;
}

/**
 * Whether chunks and nothing else fill a file up to its end.
 *
 * @param {Uint8Array} bytes
 * @param {number} at
 * @param {boolean} little
 * @param {number} align chunks begin at multiples of it
 */
function onlyChunks(bytes, at, little, align) {
  const view = viewOf(bytes);
  for (at += at % align; at + 8 <= bytes.length; at += at % align) {
    if (!/^[ -~]{4}$/.test(text(bytes, at, 4))) return false;
    at += 8 + view.getUint32(at + 4, little);
  }
  return at <= bytes.length + align;
}

/** Turns each sample round. @param {Uint8Array} bytes @param {number} width of a sample in bytes */
function turn(bytes, width) {
  for (let at = 0; at < bytes.length; at += width) {
    for (let low = at, high = at + width - 1; low < high; low++, high--) {
      [bytes[low], bytes[high]] = [bytes[high], bytes[low]];
    }
  }
}

/** @param {Uint8Array} bytes */
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
