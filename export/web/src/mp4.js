/** MP4 files (M4A, MOV): the rate of their sound, a part of it, and Opus as it begins. */

import { text } from "./text.js";

/** @typedef {[number, number]} Part of a file: where the contents of a box begin, and their end */

/** @param {Uint8Array} bytes of a whole file @returns {import("./headers.js").Header | null} */
export function readMp4(bytes) {
  const track = soundTrack(bytes);
  if (!track) return null;
  const { view, entry, codec } = track;
  const rate = view.getUint16(entry + 32);
  return rate ? { kind: "mp4", rate, stored: codec === "mp4a" ? null : codec } : null;
}

/**
 * Shortens the sound, and has the start of Opus cut off once: Chromium does it by the codec's own
 * word and by the edit list.
 *
 * @param {Uint8Array} bytes of a whole file; changed
 * @param {number} seconds of sound that stay
 * @returns {{ before: number, length: number } | undefined} how many seconds before the sound are
 *   to be cut off and how many stay, where FFmpeg, by which Chromium decodes, does not see to it: it
 *   heeds no edit list of what was shortened, nor the end of Opus
 */
export function mendMp4(bytes, seconds) {
  const track = soundTrack(bytes);
  if (!track) return;
  const { view, within, codec } = track;
  const [edits] = within("edts", "elst");
  const isPlain = edits && view.getUint32(edits[0]) === 0 && view.getUint32(edits[0] + 4) === 1;
  if (codec === "Opus" && isPlain) {
    bytes.set([..."free"].map((letter) => letter.charCodeAt(0)), edits[0] - 4);
  }
  const [media] = within("mdia", "mdhd");
  const [times] = within("mdia", "minf", "stbl", "stts");
  const [sizes] = within("mdia", "minf", "stbl", "stsz");
  if (media && times && sizes) {
    const timescale = view.getUint32(media[0] + (view.getUint8(media[0]) ? 20 : 12));
    let left = seconds * timescale;
    let packets = 0;
    for (let at = times[0] + 8; at + 8 <= times[1] && left > 0; at += 8) {
      const duration = view.getUint32(at + 4);
      const some = Math.min(view.getUint32(at), Math.ceil(left / duration));
      packets += some;
      left -= some * duration;
    }
    if (packets < view.getUint32(sizes[0] + 8)) {
      view.setUint32(sizes[0] + 8, packets);
      const before = isPlain && codec !== "Opus" ? view.getUint32(edits[0] + 12) / timescale : 0;
      return { before, length: seconds };
    }
  }
  const [movie] = boxes(view, [0, bytes.length], ["moov", "mvhd"]);
  if (codec === "Opus" && isPlain && movie) {
    const timescale = view.getUint32(movie[0] + (view.getUint8(movie[0]) ? 20 : 12));
    return { before: 0, length: view.getUint32(edits[0] + 8) / timescale };
  }
}

/** The first track of sound, and the first entry of what it is stored as. @param {Uint8Array} bytes */
function soundTrack(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const track of boxes(view, [0, bytes.length], ["moov", "trak"])) {
    const within = (/** @type {string[]} */ ...marks) => boxes(view, track, marks);
    const [handler] = within("mdia", "hdlr");
    const [entries] = within("mdia", "minf", "stbl", "stsd");
    if (!handler || text(bytes, handler[0] + 8, 4) !== "soun" || !entries) continue;
    const entry = entries[0] + 8;
    return { view, within, entry, codec: text(bytes, entry + 4, 4) };
  }
  return null;
}

/**
 * The boxes of a path.
 *
 * @param {DataView} view of a whole file
 * @param {Part} part where they are looked for
 * @param {string[]} path marks of boxes, each in the one before
 * @returns {Part[]}
 */
function boxes(view, [start, end], [mark, ...path]) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const found = [];
  for (let at = start, size = 0; at + 8 <= end; at += size) {
    size = view.getUint32(at);
    const isLong = size === 1;
    if (isLong) size = Number(view.getBigUint64(at + 8));
    size ||= end - at; // up to the end
    const head = isLong ? 16 : 8;
    if (size < head) break;
    if (text(bytes, at + 4, 4) !== mark) continue;
    found.push(/** @type {Part} */ ([at + head, Math.min(end, at + size)]));
  }
  return path.length ? found.flatMap((part) => boxes(view, part, path)) : found;
}
