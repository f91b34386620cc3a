"""What a request may hold, checked inside the graph, so that any server answers the same.

A check that fails is an InvalidArgument whose message says what is allowed and what was got; no
further op sees the bad values. The checks look at the shapes that arrive: TensorFlow Serving feeds
a graph without comparing them to the signature.
"""

import tensorflow as tf

from s2i_tf import spec
from s2i_tf.media import audio

MAX_SECONDS = int(audio.MAX_SECONDS)
MAX_SAMPLES = MAX_SECONDS * spec.SAMPLE_RATE_HZ
MAX_PICTURES = 16

WAVEFORM_RULE = (
    f"waveform must be float32 [n, samples], mono at {spec.SAMPLE_RATE_HZ} Hz in [-1, 1], with 1 to "
    f"{MAX_SAMPLES} samples ({MAX_SECONDS} s)"
)
FINITE_RULE = "every value must be a finite number, neither NaN nor infinite"
SAMPLES_RULE = f"num_samples must be int32 [n], 1 to {MAX_PICTURES}"
SEED_RULE = "seed must be int32 [n], 0 or more"
BYTES_RULE = "audio_bytes must be string [n], one WAV file each"
ROWS_RULE = "all inputs must have the same number of rows"


def features_rule(name: str) -> str:
    """What the features of that input must be."""
    return f"{name} must be float32 [n, {spec.FEATURE_SIZE}]"


def require(condition: tf.Tensor, rule: str, what: str, got: tf.Tensor) -> tf.Operation:
    """An assertion to depend on: says the rule and what was got instead."""
    return tf.debugging.Assert(condition, [f"{rule}; got {what}", got])


def checked_waveform(waveform: tf.Tensor) -> tf.Tensor:
    """The waveform [n, samples] of a request, or InvalidArgument."""
    waveform, shape = _with_rank(waveform, 2, WAVEFORM_RULE)
    num_samples = shape[1]
    allowed = (num_samples >= 1) & (num_samples <= MAX_SAMPLES)
    with tf.control_dependencies([require(allowed, WAVEFORM_RULE, "the shape", shape)]):
        return _finite(tf.ensure_shape(waveform, [None, None]), WAVEFORM_RULE)


def checked_features(features: tf.Tensor, name: str) -> tf.Tensor:
    """The feature vectors [n, 4096] of a request, or InvalidArgument."""
    features, shape = _with_rank(features, 2, features_rule(name))
    allowed = tf.equal(shape[1], spec.FEATURE_SIZE)
    with tf.control_dependencies([require(allowed, features_rule(name), "the shape", shape)]):
        return _finite(tf.ensure_shape(features, [None, spec.FEATURE_SIZE]), features_rule(name))


def checked_bytes(audio_bytes: tf.Tensor) -> tf.Tensor:
    """The files [n] of a request, or InvalidArgument; their contents are checked by `wav`."""
    audio_bytes, _ = _with_rank(audio_bytes, 1, BYTES_RULE)
    return tf.ensure_shape(audio_bytes, [None])


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
        return tf.ensure_shape(num_samples, [None]), tf.ensure_shape(seed, [None])


def _with_rank(values: tf.Tensor, rank: int, rule: str) -> tuple[tf.Tensor, tf.Tensor]:
    """The values and their shape, once their rank has been checked when the graph runs."""
    # Tracing knows the signature's rank and would fold the check away.
    values = tf.raw_ops.PlaceholderWithDefault(input=values, shape=tf.TensorShape(None))
    shape = tf.shape(values)
    with tf.control_dependencies(
        [require(tf.equal(tf.size(shape), rank), rule, "the shape", shape)]
    ):
        return tf.identity(values), tf.ensure_shape(tf.identity(shape), [rank])


def _finite(values: tf.Tensor, rule: str) -> tf.Tensor:
    finite = tf.math.is_finite(values)
    first_bad = tf.where(tf.logical_not(finite))[:1]
    rule = f"{rule}; {FINITE_RULE}"
    check = require(tf.reduce_all(finite), rule, "one that is not at", first_bad)
    with tf.control_dependencies([check]):
        return tf.identity(values)
