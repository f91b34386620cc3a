/** Marks in files. @param {Uint8Array} bytes @param {number} start @param {number} length */
export function text(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
