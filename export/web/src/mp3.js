/** MP3 files: the rate, how many samples there are, and where a part of them ends. */

import { text } from "./text.js";

/** @typedef {import("./headers.js").Header} Header */

const RATES = [44100, 48000, 32000];
// Kilobits a second, of MPEG 1 and of the others.
const BIT_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
// Of a frame's header: what is the same in the next one, too.
const STREAM = 0xfffe0c00;
// Samples that a decoder itself adds before the first.
const DECODER_DELAY = 529;
// A second at the highest rate of bits, for files whose frames are not back to back.
const MAX_BYTES_A_SECOND = 40_000;

/** @param {Uint8Array} bytes @returns {Header | null} null where it is no MP3 file */
export function readMp3(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = firstFrame(bytes);
  const header = view.getUint32(at);
  const frame = frameOf(header);
  // Four bytes may look like a frame by chance; another one behind them does not.
  if (!frame || (view.getUint32(at + frame.size) ^ header) & STREAM) return null;
  const { rate } = frame;
  /** @type {Header} */
  const found = { kind: "mp3", rate };
  const mono = ((header >>> 6) & 3) === 3;
  const side = frame.samples === 1152 ? (mono ? 17 : 32) : mono ? 9 : 17;
  let info = at + 4 + side;
  if (!["Xing", "Info"].includes(text(bytes, info, 4))) return found;
  const flags = view.getUint32(info + 4);
  if (!(flags & 1)) return found;
  const frames = view.getUint32(info + 8);
  info += 8 + 4 + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!/^(LAME|Lavc|Lavf)/.test(text(bytes, info, 4))) return found;
  const gaps = view.getUint32(info + 20) & 0xffffff;
  const delay = gaps >>> 12;
  const length = frames * frame.samples - delay - (gaps & 0xfff);
  return length > 0 ? { ...found, length, delay: delay + DECODER_DELAY } : found;
}

/**
 * Where the frames of a part end.
 *
 * @param {Uint8Array} bytes of an MP3 file
 * @param {number} seconds how long the part is
 */
export function endOfMp3(bytes, seconds) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = firstFrame(bytes);
  let at = start;
  for (let passed = 0; passed < seconds; ) {
    const frame = at + 4 <= bytes.length && frameOf(view.getUint32(at));
    if (!frame) return start + seconds * MAX_BYTES_A_SECOND;
    passed += frame.samples / frame.rate;
    at += frame.size;
  }
  return at;
}

/** Behind the tags. @param {Uint8Array} bytes */
function firstFrame(bytes) {
  let at = 0;
  while (text(bytes, at, 3) === "ID3") {
    const [a, b, c, d] = bytes.subarray(at + 6, at + 10);
    at += 10 + ((a << 21) | (b << 14) | (c << 7) | d);
    while (bytes[at] === 0) at++;
  }
  return at;
}

/**
 * What the header of a frame says; null if it is none of layer III, of a version, a bit rate and a
 * sampling rate that exist.
 *
 * @param {number} header
 */
function frameOf(header) {
  const version = (header >>> 19) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const rates = (header >>> 10) & 3;
  const bitRate = (header >>> 12) & 15;
  if (header >>> 21 !== 0x7ff || version === 1 || ((header >>> 17) & 3) !== 1) return null;
  if ([0, 15].includes(bitRate) || rates === 3) return null;
  const rate = RATES[rates] >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const samples = version === 3 ? 1152 : 576;
  const bits = 1000 * BIT_RATES[version === 3 ? 0 : 1][bitRate];
  return { rate, samples, size: Math.floor(((samples / 8) * bits) / rate) + ((header >>> 9) & 1) };
}
