/**
 * Band-limited resampling, the same filter as `s2i_tf.media.resample`: sample `n` of the output lies
 * at `n * from / to` samples of the input, under a sinc in Kaiser's window that keeps 0.9 of the
 * lower rate's band and folds nothing audible back. Silence is assumed outside of the input.
 */

const CUTOFF = 0.95;
const BETA = 0.1102 * (90 - 8.7);
const HALF_WIDTH = 58; // in samples of the lower rate

// The kernel is even: its values from 0 on, so close that a straight line between two errs by 3e-7.
const STEPS = 2048;
const CURVE = Float64Array.from({ length: HALF_WIDTH * STEPS + 2 }, (_, step) => {
  const distance = step / STEPS;
  if (distance >= HALF_WIDTH) return 0;
  const angle = Math.PI * CUTOFF * distance;
  const height = Math.sqrt(1 - (distance / HALF_WIDTH) ** 2);
  return ((angle ? Math.sin(angle) / angle : 1) * besselI0(BETA * height)) / besselI0(BETA);
});

// Odd rates need one kernel for each output: those are interpolated between so many, to 4e-6.
const MAX_KERNELS = 512;

/** Modified Bessel function of the first kind, order 0. @param {number} x */
function besselI0(x) {
  let sum = 1;
  for (let term = 1, k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/**
 * How many samples a sound has at another rate.
 *
 * @param {number} length
 * @param {number} from samples a second
 * @param {number} to
 */
export function resampledLength(length, from, to) {
  return Math.ceil((length * to) / from);
}

/**
 * How far to each side the filter reaches, in samples of the input.
 *
 * @param {number} from
 * @param {number} to
 */
export function reach(from, to) {
  return Math.ceil(HALF_WIDTH / Math.min(1, to / from));
}

/**
 * A part of a sound at another rate.
 *
 * @param {Float32Array} samples of the input
 * @param {number} from its rate
 * @param {number} to the rate of the output
 * @param {number} [start] the first sample of the output
 * @param {number} [end] behind the last
 * @param {number} [offset] where `samples` begins in the whole input
 */
export function resample(
  samples,
  from,
  to,
  start = 0,
  end = resampledLength(samples.length, from, to),
  offset = 0,
) {
  const result = new Float32Array(end - start);
  if (from === to) {
    result.set(samples.subarray(start - offset, end - offset));
    return result;
  }
  const divisor = greatestCommonDivisor(from, to);
  const [up, down] = [to / divisor, from / divisor];
  const width = reach(from, to);
  const steps = Math.min(up, MAX_KERNELS);
  /** @type {Float32Array[]} kernels by where an output lies between two samples of the input */
  const kernels = [];
  // An output that lies at a step between the sample `width` behind the first and the next one.
  const output = (/** @type {number} */ step, /** @type {number} */ first) => {
    const kernel = (kernels[step] ??= kernelOf(step / steps, width, Math.min(1, up / down)));
    const last = Math.min(kernel.length, samples.length - first);
    let sum = 0;
    for (let tap = Math.max(0, -first); tap < last; tap++) sum += kernel[tap] * samples[first + tap];
    return sum;
  };
  for (let n = start; n < end; n++) {
    const first = Math.floor((n * down) / up) - width - offset;
    const place = (((n * down) % up) * steps) / up;
    const step = Math.trunc(place);
    const before = output(step, first);
    const rest = place - step;
    result[n - start] = rest ? before + rest * (output(step + 1, first) - before) : before;
  }
  return result;
}

/**
 * The filter's weights for an output that lies at a sample of the input, `reach` behind the first.
 *
 * @param {number} from
 * @param {number} to
 */
export function filterOf(from, to) {
  return kernelOf(0, reach(from, to), Math.min(1, to / from));
}

/**
 * The weights of the input around an output; their sum is 1.
 *
 * @param {number} position of the output behind an input
 * @param {number} width how many inputs before that one count
 * @param {number} share of the input's band that is kept
 */
function kernelOf(position, width, share) {
  const kernel = new Float32Array(2 * width + 2);
  let total = 0;
  for (let tap = 0; tap < kernel.length; tap++) {
    const place = Math.abs(tap - width - position) * share * STEPS;
    if (place >= HALF_WIDTH * STEPS) continue;
    const step = Math.trunc(place);
    kernel[tap] = CURVE[step] + (place - step) * (CURVE[step + 1] - CURVE[step]);
    total += kernel[tap];
  }
  return kernel.map((weight) => weight / total);
}

/** @param {number} a @param {number} b @returns {number} */
function greatestCommonDivisor(a, b) {
  return b ? greatestCommonDivisor(b, a % b) : a;
}
