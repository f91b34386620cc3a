/** Hands the mean of all channels to the page, some 20 ms at a time. */

const CHUNK = 1024;

class Capture extends AudioWorkletProcessor {
  #chunk = new Float32Array(CHUNK);
  #filled = 0;
  #ended = false;

  constructor() {
    super();
    this.port.onmessage = () => (this.#ended = true);
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    for (let n = 0; n < (channels[0]?.length ?? 0); n++) {
      let sum = 0;
      for (const channel of channels) sum += channel[n];
      this.#chunk[this.#filled++] = sum / channels.length;
      if (this.#filled === CHUNK) {
        this.port.postMessage(this.#chunk);
        this.#chunk = new Float32Array(CHUNK);
        this.#filled = 0;
      }
    }
    return !this.#ended;
  }
}

registerProcessor("capture", Capture);
