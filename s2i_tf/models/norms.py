"""Normalisation by name: what follows a layer, or is done to its kernel.

`batch` and `instance` are layers after a convolution and take their statistics from activations;
`spectral` divides a kernel by its largest singular value and takes none.
"""

from collections.abc import Callable

import keras
from keras import ops

from s2i_tf.errors import unknown_name
from s2i_tf.kernels import fused

BATCH_NORM_EPSILON = 1e-5
# Keras' default of 0.99 leaves the moving averages far behind the weights in runs of a few
# thousand steps, and inference uses them.
BATCH_NORM_MOMENTUM = 0.9
_TINY = 1e-12


@keras.saving.register_keras_serializable("s2i_tf")
class BatchNorm(keras.layers.BatchNormalization):
    """Keras' layer, of the same weights and numbers, trained by a fused kernel where there is one.

    Keras passes over the maps about ten times, forward and backward, and the fused kernel three.
    """

    def call(self, inputs, training=None):
        """The normalised maps [batch, rows, columns, channels], or vectors [batch, channels]."""
        are_maps = len(inputs.shape) == 4
        if not (training and self.trainable and are_maps and fused.batch_norm):
            return super().call(inputs, training=training)
        outputs, *statistics = fused.batch_norm(inputs, self.gamma, self.beta, self.epsilon)
        averages = (self.moving_mean, self.moving_variance)
        for average, of_batch in zip(averages, statistics, strict=True):
            average.assign(average * self.momentum + of_batch * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable("s2i_tf")
class SpectralNorm(keras.layers.Wrapper):
    """A dense or convolution layer whose kernel, as a matrix, has the norm 1 (Miyato et al. 2018).

    The kernel's rows are all its axes but the last. One step of the power iteration a call, kept
    in training only. Unlike `keras.layers.SpectralNormalization` it leaves the kernel itself as
    the optimizer made it and lets the gradient through the norm, as published: a pass through a
    discriminator does not change its weights.

    Args:
      layer: has a `kernel` and no activation.
    """

    def build(self, input_shape=None):
        """Makes the layer's weights and the vector that the power iteration improves."""
        super().build(input_shape)
        self.vector = self.add_weight(
            shape=(1, self.layer.kernel.shape[-1]),
            initializer="random_normal",
            trainable=False,
            autocast=False,
            dtype="float32",
            # Every replica finds the same one: their kernels are equal.
            aggregation="only_first_replica",
            name="vector",
        )

    def call(self, inputs, training=False):
        """What the layer makes of the inputs with its kernel over its norm."""
        vector, norm = self._iterate()
        if training:
            self.vector.assign(vector)
        # The same as dividing the kernel, and the bias stays as it is.
        return self.layer(inputs / ops.cast(norm, inputs.dtype))

    def _iterate(self):
        """The vector after one more step, and the norm of the kernel as the layer uses it."""
        kernel = ops.cast(self.layer.kernel, "float32")
        rows = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(rows)
        left = _unit(ops.matmul(ops.convert_to_tensor(self.vector), ops.transpose(fixed)))
        right = _unit(ops.matmul(left, fixed))
        norm = ops.sum(ops.matmul(left, rows) * right)
        return right, ops.maximum(norm, _TINY)


def _unit(vector):
    return vector / (ops.sqrt(ops.sum(ops.square(vector))) + _TINY)


def _batch_norm(name: str) -> keras.layers.Layer:
    return BatchNorm(
        epsilon=BATCH_NORM_EPSILON,
        momentum=BATCH_NORM_MOMENTUM,
        gamma_initializer=keras.initializers.RandomNormal(mean=1.0, stddev=0.02),
        name=name,
    )


def _instance_norm(name: str) -> keras.layers.Layer:
    return keras.layers.GroupNormalization(groups=-1, epsilon=BATCH_NORM_EPSILON, name=name)


def _before(layer_after: Callable[[str], keras.layers.Layer]) -> Callable:
    def apply(x, layer, name):
        # The norm takes a mean away, and a bias with it: the published networks have none here.
        layer.use_bias = False
        return layer_after(name)(layer(x))

    return apply


# From an input, the layer to normalise and a name for what is added, to the normalised output.
NORMS: dict[str, Callable] = {
    "batch": _before(_batch_norm),
    "instance": _before(_instance_norm),
    "none": lambda x, layer, name: layer(x),
    "spectral": lambda x, layer, name: SpectralNorm(layer, name=name)(x),
}
_OF_ACTIVATIONS = ("batch", "instance")


def normed(x, layer: keras.layers.Layer, norm: str, name: str, *, outer: bool = False):
    """The normalised output of a layer.

    Args:
      x: the layer's input.
      layer: dense or a convolution, without activation and not built yet. It loses its bias where
        a norm of activations follows.
      norm: a key of `NORMS`.
      name: the added layer is called `{name}_norm`.
      outer: for a first, last or 1×1 layer, where statistics of activations make no sense: those
        norms leave it alone.

    Raises:
      UserError: if there is no such norm.
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if outer and norm in _OF_ACTIVATIONS:
        norm = "none"
    return NORMS[norm](x, layer, f"{name}_norm")
