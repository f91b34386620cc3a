/** What the first bytes of a sound file say: how many samples a second, and how many there are. */

/**
 * @typedef {object} Header
 * @property {number} rate samples a second
 * @property {boolean} [packed] whether ten minutes are a few megabytes, at the file's beginning
 * @property {boolean} [vorbis] whether it is Ogg Vorbis
 * @property {number} [length] samples of each channel, where the file says so and decoders differ
 * @property {number} [delay] samples that an encoder put before the first of these
 */

const MP3_RATES = [44100, 48000, 32000];
// Kilobits a second, of MPEG 1 and of the others.
const MP3_BIT_RATES = [
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];
// Of a frame's header: what is the same in the next one, too.
const MP3_STREAM = 0xfffe0c00;
// "mp4a", the kind of a sound track.
const MP4A = 0x6d703461;
// Samples that an MP3 decoder itself adds before the first.
const MP3_DECODER_DELAY = 529;

/**
 * @param {Uint8Array} bytes a whole file, or its beginning
 * @returns {Header | null} null where the format is none of those known here
 */
export function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    switch (text(bytes, 0, 4)) {
      case "RIFF":
      case "RF64":
      case "BW64":
        return wav(bytes, view);
      case "fLaC":
        return { rate: view.getUint32(18) >>> 12 };
      case "OggS":
        return ogg(bytes, view);
      default:
        return text(bytes, 4, 4) === "ftyp" ? mp4(bytes, view) : mp3(bytes, view);
    }
  } catch (error) {
    if (error instanceof RangeError) return null; // the file ends within its header
    throw error;
  }
}

/** @param {Uint8Array} bytes @param {number} start @param {number} length */
function text(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}

/** @param {Uint8Array} bytes @param {DataView} view */
function wav(bytes, view) {
  for (let at = 12; ; at += 8 + view.getUint32(at + 4, true) + (view.getUint32(at + 4, true) % 2)) {
    if (text(bytes, at, 4) === "fmt ") return { rate: view.getUint32(at + 12, true) };
  }
}

/** @param {Uint8Array} bytes @param {DataView} view */
function ogg(bytes, view) {
  const packet = 27 + view.getUint8(26);
  if (text(bytes, packet + 1, 6) === "vorbis") {
    return { rate: view.getUint32(packet + 12, true), packed: true, vorbis: true };
  }
  if (text(bytes, packet, 8) === "OpusHead") return { rate: 48000, packed: true };
  if (text(bytes, packet + 9, 4) === "fLaC") return { rate: view.getUint32(packet + 27) >>> 12 };
  return null;
}

/** @param {Uint8Array} bytes @param {DataView} view */
function mp4(bytes, view) {
  for (let at = 0; at < bytes.length - 32; at++) {
    if (view.getUint32(at) === MP4A && view.getUint16(at + 28)) {
      return { rate: view.getUint16(at + 28) };
    }
  }
  return null;
}

/** @param {Uint8Array} bytes @param {DataView} view @returns {Header | null} */
function mp3(bytes, view) {
  let at = 0;
  while (text(bytes, at, 3) === "ID3") {
    const [a, b, c, d] = bytes.subarray(at + 6, at + 10);
    at += 10 + ((a << 21) | (b << 14) | (c << 7) | d);
    while (bytes[at] === 0) at++;
  }
  const header = view.getUint32(at);
  if (!isMp3Frame(header)) return null;
  const version = (header >>> 19) & 3; // 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5
  const rate = MP3_RATES[(header >>> 10) & 3] >> (version === 3 ? 0 : version === 2 ? 1 : 2);
  const bits = 1000 * MP3_BIT_RATES[version === 3 ? 0 : 1][(header >>> 12) & 15];
  const size = Math.floor(((version === 3 ? 144 : 72) * bits) / rate) + ((header >>> 9) & 1);
  // Four bytes may look like a frame by chance; another one behind them does not.
  if ((view.getUint32(at + size) ^ header) & MP3_STREAM) return null;
  const mono = ((header >>> 6) & 3) === 3;
  const side = version === 3 ? (mono ? 17 : 32) : mono ? 9 : 17;
  let info = at + 4 + side;
  if (!["Xing", "Info"].includes(text(bytes, info, 4))) return { rate, packed: true };
  const flags = view.getUint32(info + 4);
  if (!(flags & 1)) return { rate, packed: true };
  const frames = view.getUint32(info + 8);
  info += 8 + 4 + (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (!/^(LAME|Lavc|Lavf)/.test(text(bytes, info, 4))) return { rate, packed: true };
  const gaps = view.getUint32(info + 20) & 0xffffff;
  const delay = gaps >>> 12;
  const length = frames * (version === 3 ? 1152 : 576) - delay - (gaps & 0xfff);
  return length > 0
    ? { rate, packed: true, length, delay: delay + MP3_DECODER_DELAY }
    : { rate, packed: true };
}

/** Layer III, of a version, a bit rate and a sampling rate that exist. @param {number} header */
function isMp3Frame(header) {
  return (
    header >>> 21 === 0x7ff &&
    ((header >>> 19) & 3) !== 1 &&
    ((header >>> 17) & 3) === 1 &&
    ![0, 15].includes((header >>> 12) & 15) &&
    ((header >>> 10) & 3) !== 3
  );
}
