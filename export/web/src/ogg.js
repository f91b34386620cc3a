/**
 * Where the samples of an Ogg file end: those of a part, and of Ogg Vorbis all. The last page is marked
 * and says how many samples there are, since the last block holds more. Where that page is the only
 * one, FFmpeg, by which Chromium decodes, cuts off hundreds of samples too many or too few; a short
 * sound is repeated, so they would count. Without the mark it cuts off none.
 */

import { text } from "./text.js";

const FIRST = 2; // page of a stream
const LAST = 4;
const POLYNOMIAL = 0x04c11db7;

/**
 * Where the pages of a part end.
 *
 * @param {Uint8Array} bytes of an Ogg file
 * @param {number} length samples of the part
 */
export function endOfOgg(bytes, length) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [at, passed] = [0, 0];
  let [stream, before] = [0, 0];
  while (at + 27 <= bytes.length && text(bytes, at, 4) === "OggS" && passed <= length) {
    // A recorded broadcast begins late, and each sound that is joined on counts anew.
    const until = Number(view.getBigInt64(at + 6, true));
    const same = stream === (stream = view.getUint32(at + 14, true));
    if (same && before > 0 && until > before) passed += until - before;
    if (!same || until >= 0) before = until;
    at = pageEnd(bytes, at);
  }
  return passed > length ? at : bytes.length;
}

/** @param {Uint8Array} bytes @param {number} start of a page */
function pageEnd(bytes, start) {
  const segments = bytes.subarray(start + 27, start + 27 + bytes[start + 26]);
  return segments.reduce((sum, size) => sum + size, start + 27 + segments.length);
}

/**
 * Takes the mark away.
 *
 * @param {Uint8Array} bytes of a whole file; changed
 * @returns {number | undefined} how many samples there are; undefined, and nothing changed, where
 *   the file is damaged or several streams are in it
 */
export function unmarkEnd(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let [start, end] = [0, 0];
  while (end + 27 <= bytes.length) {
    if (view.getUint32(end) !== 0x4f676753 || (end && bytes[end + 5] & FIRST)) return;
    start = end;
    end = pageEnd(bytes, start);
  }
  if (end !== bytes.length || !(bytes[start + 5] & LAST)) return;
  bytes[start + 5] &= ~LAST;
  view.setUint32(start + 22, 0);
  view.setUint32(start + 22, checksum(bytes.subarray(start)), true);
  const length = Number(view.getBigInt64(start + 6, true));
  return length < 0 ? undefined : length;
}

/** @param {Uint8Array} page */
function checksum(page) {
  let sum = 0;
  for (const byte of page) {
    sum ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) sum = sum < 0 ? (sum << 1) ^ POLYNOMIAL : sum << 1;
  }
  return sum;
}
