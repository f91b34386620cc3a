/** What can be kept: a picture, a strip of pictures, a film. */

import { Problem } from "./problem.js";
import { text } from "./text.js";

const GAP = 8;
const CAPTION = 22;
const CELL = 192;
const COLUMNS = 50; // no canvas is wider than 65,535 pixels
// In the order of what most players take.
const FILMS = ["video/mp4;codecs=avc1.42E01E,mp4a.40.2", "video/webm;codecs=vp9,opus", "video/webm"];
const FRAMES_PER_SECOND = 25;
const LATE_MS = 200; // that sound and pictures take on their way into the film
// The beginning of a WebM file whose length is not known yet, up to the size of what is said of it.
const OPEN_WEBM = /\x18S\x80g\x01\xff{7}\x15I\xa9f/;

/** @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** The picture as the model drew it, as a PNG file. @param {ImageData} picture */
export async function pictureFile(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  pen(canvas).putImageData(picture, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/**
 * Pictures in a row, or several where they are many, with captions under them, as a PNG file.
 *
 * @param {{picture: ImageData, caption: string}[]} cells
 */
export async function stripFile(cells) {
  const [width, height] = [CELL + GAP, CELL + CAPTION + GAP];
  const rows = Math.ceil(cells.length / COLUMNS);
  const canvas = new OffscreenCanvas(
    Math.min(cells.length, COLUMNS) * width + GAP,
    rows * height + GAP,
  );
  const brush = pen(canvas);
  brush.fillStyle = "#faf9f6";
  brush.fillRect(0, 0, canvas.width, canvas.height);
  brush.fillStyle = "#24292e";
  brush.font = "14px system-ui, sans-serif";
  brush.imageSmoothingQuality = "high";
  for (const [index, { picture, caption }] of cells.entries()) {
    const x = GAP + (index % COLUMNS) * width;
    const y = GAP + Math.floor(index / COLUMNS) * height;
    const bitmap = await createImageBitmap(picture);
    brush.drawImage(bitmap, x, y, CELL, CELL);
    brush.fillText(caption, x, y + CELL + 17, CELL);
  }
  return canvas.convertToBlob({ type: "image/png" });
}

/** @param {OffscreenCanvas} canvas */
function pen(canvas) {
  return /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/** The kind of film that this browser makes. */
export function filmType() {
  if (!globalThis.AudioWorkletNode) {
    throw new Problem("This page may not film: open it by https or on localhost.");
  }
  const type = globalThis.MediaRecorder && FILMS.find((one) => MediaRecorder.isTypeSupported(one));
  if (!type) throw new Problem("This browser cannot record films. Chrome, Edge, Firefox and Safari can.");
  return type;
}

/**
 * Films a canvas with the sound of a node until it is told to stop.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {AudioNode} node
 * @param {string} type as of `filmType`
 * @returns {() => Promise<Blob>} ends it and gives the film, an MP4 or a WebM file
 */
export function filming(canvas, node, type) {
  const sound = /** @type {AudioContext} */ (node.context).createMediaStreamDestination();
  node.connect(sound);
  const tracks = [...canvas.captureStream(FRAMES_PER_SECOND).getTracks(), ...sound.stream.getTracks()];
  const recorder = new MediaRecorder(new MediaStream(tracks), { mimeType: type });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start(1000);
  const began = performance.now();
  canvas.getContext("2d")?.drawImage(canvas, 0, 0); // it films what is painted from now on
  return async () => {
    await new Promise((resolve) => setTimeout(resolve, LATE_MS));
    const milliseconds = performance.now() - began;
    await new Promise((resolve) => {
      recorder.onstop = resolve;
      recorder.stop();
    });
    for (const track of tracks) track.stop();
    return withLength(new Blob(parts, { type }), milliseconds);
  };
}

/** A film that tells how long it is, where it is a WebM file. @param {Blob} film */
async function withLength(film, /** @type {number} */ milliseconds) {
  const head = new Uint8Array(await film.slice(0, 200).arrayBuffer());
  const found = OPEN_WEBM.exec(text(head, 0, head.length));
  if (!found) return film;
  const at = found.index + found[0].length; // of a size in one byte, whose first bit is set
  const length = new DataView(new ArrayBuffer(11));
  length.setUint16(0, 0x4489);
  length.setUint8(2, 0x88);
  length.setFloat64(3, milliseconds);
  if (head[at] < 0x80 || head[at] + length.byteLength >= 0xff) return film;
  head[at] += length.byteLength;
  return new Blob([head.subarray(0, at + 1), length, film.slice(at + 1)], { type: film.type });
}
