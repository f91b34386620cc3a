/**
 * Numbers drawn from a seed, the same as TensorFlow's `stateless_random_uniform`: a further sample
 * here is the one that `s2i generate --num_samples --seed` draws. The generator is Philox 4×32
 * with ten rounds (Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011).
 */

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57];
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;

/**
 * The numbers of a sample's layers, one after the other.
 *
 * @param {number[]} sizes how many numbers each layer takes
 * @param {number} seed
 * @param {number} sample 1 or more
 */
export function drawnNumbers(sizes, seed, sample) {
  const layers = sizes.map((size, layer) => uniform(size, seed, sample * sizes.length + layer));
  return Float32Array.from(layers.flatMap((numbers) => [...numbers]));
}

/**
 * Numbers in [0, 1).
 *
 * @param {number} count
 * @param {number} seed a whole number below 2³¹, as is `stream`
 * @param {number} stream
 */
export function uniform(count, seed, stream) {
  const mixed = philox([seed, 0, stream, 0], [0x3ec8f720, 0x02461e29]);
  const numbers = new Float32Array(count);
  for (let start = 0; start < count; start += 4) {
    const block = philox([start / 4, 0, mixed[2], mixed[3]], [mixed[0], mixed[1]]);
    for (let at = start; at < Math.min(start + 4, count); at++) {
      numbers[at] = (block[at - start] & 0x7fffff) / 0x800000;
    }
  }
  return numbers;
}

/** @param {number[]} counter four words of 32 bits @param {number[]} key two @returns {number[]} */
function philox([a, b, c, d], [k, l]) {
  for (let round = 0; round < ROUNDS; round++) {
    const [high0, low0] = product(MULTIPLIERS[0], a);
    const [high1, low1] = product(MULTIPLIERS[1], c);
    [a, b, c, d] = [(high1 ^ b ^ k) >>> 0, low1, (high0 ^ d ^ l) >>> 0, low0];
    [k, l] = [(k + KEY_STEPS[0]) >>> 0, (l + KEY_STEPS[1]) >>> 0];
  }
  return [a, b, c, d];
}

/** The upper and the lower 32 bits of a product. @param {number} x @param {number} y */
function product(x, y) {
  const whole = BigInt(x) * BigInt(y);
  return [Number(whole >> 32n), Number(whole & 0xffffffffn)];
}
