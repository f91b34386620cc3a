/** What a sound file says of itself: how many samples a second, and how many there are. */

import { readMp3 } from "./mp3.js";
import { readMp4 } from "./mp4.js";
import { text } from "./text.js";
import { readWav, storedAs } from "./wav.js";

/**
 * @typedef {object} Header
 * @property {"wav" | "flac" | "ogg" | "mp4" | "mp3" | "webm"} kind
 * @property {number} rate samples a second
 * @property {number} [seconds] how long it is, of kinds of which no part can be taken
 * @property {string | null} [stored] as what it is stored, where not every browser decodes it
 * @property {import("./wav.js").Wav} [wav] what else a WAV file says
 * @property {boolean} [vorbis] whether it is Ogg Vorbis
 * @property {number} [length] samples of each channel, where the file says so and decoders differ
 * @property {number} [delay] samples that an encoder put before the first of these
 */

const EBML = "\x1aE\xdf\xa3";
const WEBM_HEAD_BYTES = 10_000; // in which the duration is found
const WEBM_RATE = 48000; // of Opus

/**
 * @param {Uint8Array} bytes of a whole file
 * @returns {Header | null} null where the format is none of those known here
 */
export function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    switch (text(bytes, 0, 4)) {
      case "RIFF":
      case "RIFX":
      case "RF64":
      case "BW64":
        return wav(bytes);
      case "fLaC":
        return flac(view);
      case "OggS":
        return ogg(bytes, view);
      case EBML:
        return webm(bytes, view);
      default:
        return text(bytes, 4, 4) === "ftyp" ? readMp4(bytes) : readMp3(bytes);
    }
  } catch (error) {
    if (error instanceof RangeError) return null; // the file ends within its header
    throw error;
  }
}

/** @param {Uint8Array} bytes @returns {Header | null} */
function wav(bytes) {
  const found = readWav(bytes);
  return found && { kind: "wav", rate: found.rate, stored: storedAs(found), wav: found };
}

/** @param {DataView} view @returns {Header} */
function flac(view) {
  const rate = view.getUint32(18) >>> 12;
  const length = (view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22);
  return { kind: "flac", rate, seconds: rate && length / rate };
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Header | null} */
function ogg(bytes, view) {
  const packet = 27 + view.getUint8(26);
  if (text(bytes, packet + 1, 6) === "vorbis") {
    return { kind: "ogg", rate: view.getUint32(packet + 12, true), vorbis: true };
  }
  if (text(bytes, packet, 8) === "OpusHead") return { kind: "ogg", rate: 48000 };
  if (text(bytes, packet + 9, 4) === "fLaC") {
    return { kind: "ogg", rate: view.getUint32(packet + 27) >>> 12 };
  }
  return null;
}

/** WebM and Matroska. @param {Uint8Array} bytes @param {DataView} view @returns {Header} */
function webm(bytes, view) {
  const at = text(bytes, 0, WEBM_HEAD_BYTES).search(/D\x89[\x84\x88]/);
  if (at < 0) return { kind: "webm", rate: WEBM_RATE };
  const milliseconds = bytes[at + 2] & 8 ? view.getFloat64(at + 3) : view.getFloat32(at + 3);
  return { kind: "webm", rate: WEBM_RATE, seconds: milliseconds / 1000 };
}
