"""What a backend does in one pass where `keras.ops` takes several; None where it does not.

A user of these falls back to `keras.ops`, with the same result.
"""

from collections.abc import Callable

import keras

# (maps [batch, rows, columns, channels], gamma, beta, epsilon) → the normalised maps and the
# batch's mean and variance [channels], these in float32. Gradients go through twice.
batch_norm: Callable | None = None

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def _fused_batch_norm(maps, gamma, beta, epsilon: float):
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=maps, scale=gamma, offset=beta, mean=[], variance=[], epsilon=epsilon
        )
        # The kernel tells the unbiased estimate, Keras keeps the batch's own variance.
        num = tf.cast(tf.size(maps) // tf.shape(maps)[-1], variance.dtype)
        return outputs, mean, variance * (num - 1) / num

    batch_norm = _fused_batch_norm
