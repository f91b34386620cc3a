"""What a request may hold, checked inside the graph, so that any server answers the same.

A check that fails is an InvalidArgument whose message says what is allowed and what was got; no
further op sees the bad values. The checks look at the shapes that arrive: TensorFlow Serving feeds
a graph without comparing them to the signature.
"""

from collections.abc import Callable

import tensorflow as tf

from s2i_tf import spec
from s2i_tf.media import limits

MAX_SECONDS = int(limits.MAX_SECONDS)
MAX_SAMPLES = MAX_SECONDS * spec.SAMPLE_RATE_HZ
MAX_PICTURES = 16
_SHOWN_VALUES = 12

WAVEFORM_RULE = (
    f"waveform must be float32 [n, samples], mono at {spec.SAMPLE_RATE_HZ} Hz in [-1, 1], "
    f"with 1 to {MAX_SAMPLES} samples ({MAX_SECONDS} s) and at least one row"
)
FINITE_RULE = "every value must be a finite number, neither NaN nor infinite"
SAMPLES_RULE = f"num_samples must be int32 [n], 1 to {MAX_PICTURES}"
SEED_RULE = "seed must be int32 [n], 0 or more"
BYTES_RULE = "audio_bytes must be string [n], one WAV file each, and at least one"
ROWS_RULE = "all inputs must have the same number of rows"


def require(condition: tf.Tensor, rule: str, what: str, got: tf.Tensor) -> tf.Operation:
    """An assertion to depend on: says the rule and what was got instead."""
    return tf.debugging.Assert(condition, [f"{rule}; got {what}", got], summarize=_SHOWN_VALUES)


def checked_waveform(waveform: tf.Tensor) -> tf.Tensor:
    """The waveform [n, samples] of a request, or InvalidArgument."""
    return _finite_rows(waveform, WAVEFORM_RULE, lambda size: size <= MAX_SAMPLES)


def checked_vectors(vectors: tf.Tensor, name: str, size: int = spec.FEATURE_SIZE) -> tf.Tensor:
    """The vectors [n, size] of a request, or InvalidArgument."""
    rule = f"{name} must be float32 [n, {size}] with at least one row"
    return _finite_rows(vectors, rule, lambda found: tf.equal(found, size))


def checked_bytes(audio_bytes: tf.Tensor) -> tf.Tensor:
    """The files [n] of a request, or InvalidArgument; their contents are checked by `wav`."""
    return _with_rank(audio_bytes, 1, BYTES_RULE)[0]


def checked_draws(
    num_samples: tf.Tensor, seed: tf.Tensor, num_rows: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """How many pictures a request wants of each sound, and its seeds; both [n].

    Args:
      num_samples: int32 [n].
      seed: int32 [n].
      num_rows: the n of the sounds.
    """
    num_samples, num_shape = _with_rank(num_samples, 1, SAMPLES_RULE)
    seed, seed_shape = _with_rank(seed, 1, SEED_RULE)
    rows = tf.stack([num_rows, num_shape[0], seed_shape[0]])
    checks = [
        require(tf.reduce_all(tf.equal(rows, num_rows)), ROWS_RULE, "the numbers", rows),
        require(
            tf.reduce_all((num_samples >= 1) & (num_samples <= MAX_PICTURES)),
            SAMPLES_RULE,
            "the values",
            num_samples,
        ),
        require(tf.reduce_all(seed >= 0), SEED_RULE, "the values", seed),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(num_samples), tf.identity(seed)


def _with_rank(values: tf.Tensor, rank: int, rule: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The values and their shape, once rank and rows have been checked when the graph runs."""
    # What tracing and Grappler take from the signature they would fold the checks away with: the
    # shape is hidden from the one, and the rank is counted, for `tf.rank` is folded by the other.
    hidden = tf.raw_ops.PlaceholderWithDefault(input=values, shape=tf.TensorShape(None))
    shape = tf.shape(hidden)
    found_rank = tf.reduce_sum(tf.cast(shape >= 0, tf.int32))
    allowed = tf.equal(found_rank, rank) & (tf.reduce_prod(shape) > 0)
    with tf.control_dependencies([require(allowed, rule, "the shape", shape)]):
        checked, shape = tf.identity(hidden), tf.identity(shape)
    checked.set_shape(values.shape)
    shape.set_shape([rank])
    return checked, shape


def _finite_rows(values: tf.Tensor, rule: str, allowed: Callable) -> tf.Tensor:
    """Finite numbers [n, size] of an allowed size, or InvalidArgument."""
    values, shape = _with_rank(values, 2, rule)
    with tf.control_dependencies([require(allowed(shape[1]), rule, "the shape", shape)]):
        values = tf.identity(values)
    finite = tf.math.is_finite(values)
    all_finite = tf.reduce_all(finite)
    # To look for a bad one costs more than all other checks: only where there is one.
    first_bad = tf.cond(
        all_finite,
        lambda: tf.zeros([0, len(values.shape)], tf.int64),
        lambda: tf.where(tf.logical_not(finite))[:1],
    )
    rule = f"{rule}; {FINITE_RULE}"
    check = require(all_finite, rule, "one that is not at", first_bad)
    with tf.control_dependencies([check]):
        return tf.identity(values)
