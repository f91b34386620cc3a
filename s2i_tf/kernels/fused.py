"""What a backend does in fewer passes than `keras.ops`, with the same result."""

import functools
import os
import pathlib
from collections.abc import Callable

import keras
from keras import ops

# (maps [batch, rows, columns, channels], gamma, beta, epsilon) → the normalised maps and the
# batch's mean and variance [channels], these in float32. Gradients go through twice. None where
# there is nothing better than `keras.ops`.
batch_norm: Callable | None = None


def on_processor() -> bool:
    """Whether layers run on the processor, of which it is known what is fast; no accelerator."""
    return False


def multiplies_bfloat16() -> bool:
    """Whether products in bfloat16 are about twice as fast as in float32, or more, here."""
    return not on_processor() or (_has_onednn() and _has_bfloat16())


def _has_onednn() -> bool:
    """Whether TensorFlow computes by oneDNN, as it does by itself on such processors."""
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"


@functools.cache
def _has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself, by matrices (AMX) or by vectors."""
    try:
        flags = pathlib.Path("/proc/cpuinfo").read_text().split()
    except OSError:  # not on Linux: nothing is known
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def matmul_transposed(one, other):
    """one @ otherᵀ, of [..., rows, size] and [..., columns, size]."""
    return ops.matmul(one, ops.swapaxes(other, -1, -2))


if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def on_processor() -> bool:
        """Whether layers run on the processor."""
        return {device.device_type for device in tf.config.list_physical_devices()} == {"CPU"}

    def matmul_transposed(one, other):
        """one @ otherᵀ, without a copy of it."""
        return tf.matmul(one, other, transpose_b=True)

    def batch_norm(maps, gamma, beta, epsilon: float):
        """By TensorFlow's fused kernel; see above."""
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=maps, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
        )
        # The kernel tells the unbiased estimate, Keras keeps the batch's own variance.
        num = tf.cast(tf.size(maps) // tf.shape(maps)[-1], variance.dtype)
        return outputs, mean, variance * (num - 1) / num

elif keras.backend.backend() == "jax":
    import jax

    def on_processor() -> bool:
        """Whether layers run on the processor."""
        return jax.default_backend() == "cpu"
