"""Generators that take features as they are, without the paper's square map.

`build_decoder` makes pictures of image features whose own layout is spatial, as that of
`efficientnet_lite2_map`: 8 × 8 places of 64 values, laid out as 8 × 8 tiles of the 64 × 64 square.
`build_feature_decoder` makes such features of any vector and of noise. Both grow by
nearest-neighbour resizing and 3 × 3 convolutions, which leave no checkerboard.
"""

import math

import keras
from keras import layers, ops

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.kernels.convolutions import KERNEL_SIDE
from s2i_tf.models.feature_grid import GRID_SIDE, to_grid
from s2i_tf.models.layers import ConditioningNoise, Typical, conv_init, leaky_relu
from s2i_tf.models.norms import normed

_KERNEL_SIDE = 3
_MAX_WIDENING = 16
_NUM_HIDDEN_LAYERS = 3
_WHOLE_UNITS = 256
_NOISE_SIZE = 128


def build_decoder(
    condition_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *,
    filters: int = 16,
    norm: str = "none",
    dropout: float = 0.0,
    modulated: bool = False,
    output_activation: str = "tanh",
    seed: int | None = None,
    name: str = "decoder",
) -> keras.Model:
    """A decoder from features [batch, 4096] to pictures [batch, side, side, channels].

    Args:
      condition_shape: (4096,).
      target_shape: side, side and channels of the picture; the side is 8 times a power of two.
      filters: half the channels at half the side; each half as large has twice as many.
      norm: see `s2i_tf.models.norms.NORMS`.
      dropout: must be 0: what varies between pictures is decided in the features.
      modulated: whether a vector of all the features scales and shifts the channels of every level,
        so that each place knows what the whole picture shows; without it a place sees the
        features near it.
      output_activation: `tanh` for pictures in [-1, 1].
      seed: of the initial weights; None draws one.
      name: of the model.

    Raises:
      UserError: if a shape or setting is not one of these.
    """
    _check_vector(name, condition_shape, spec.FEATURE_SIZE)
    if len(target_shape) != 3:
        raise UserError(f"generator {name!r} makes pictures, asked for targets of {target_shape}")
    if dropout:
        raise UserError(f"generator {name!r} has no dropout, got {dropout}; allowed: 0")
    side, _, channels = target_shape
    num_doublings = int(math.log2(side / GRID_SIDE))
    if GRID_SIDE * 2**num_doublings != side:
        raise UserError(f"the side of a decoder is 8, 16, 32, …, got {side}")
    features = keras.Input(condition_shape, name="features")
    x = TilesToGrid(name="grid")(features)
    init = _Initializers(seed)
    whole = _dense(features, _WHOLE_UNITS, "none", "whole", init) if modulated else None
    for level in range(num_doublings):
        if modulated:
            x = Modulation(name=f"level{level}_modulation")([x, whole])
        width = filters * min(2 ** (num_doublings - level), _MAX_WIDENING)
        if level:
            x = layers.UpSampling2D(name=f"up{level}")(x)
        x = _block(x, width, norm, f"level{level}", init)
    # The last doubling straight to three channels: layers at the full side would cost as much as
    # all the others together.
    x = layers.Conv2DTranspose(
        channels,
        KERNEL_SIDE,
        strides=2,
        padding="same",
        kernel_initializer=conv_init(seed),
        name="to_picture",
    )(x)
    x = layers.Activation(output_activation, dtype="float32", name="out")(x)
    return keras.Model(features, x, name=name)


def build_feature_decoder(
    condition_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *,
    filters: int = 64,
    norm: str = "none",
    dropout: float = 0.0,
    noise_scale: float = 1.0,
    typicality: float = 0.0,
    num_classes: int = 1,
    output_activation: str = "linear",
    seed: int | None = None,
) -> keras.Model:
    """A stack of dense layers from a vector [batch, size] and noise to features [batch, 4096].

    Args:
      condition_shape: (size,).
      target_shape: (4096,).
      filters: an eighth of the units of each hidden layer.
      norm: see `s2i_tf.models.norms.NORMS`.
      dropout: rate on the vector.
      noise_scale: factor on the noise at inference, see `ConditioningNoise`.
      typicality: how far vectors are moved towards the nearest centre, see `Typical`.
      num_classes: number of the centres.
      output_activation: `linear` for standardised features.
      seed: of the initial weights and of the noise's projection.

    Raises:
      UserError: if a shape is not one of these.
    """
    _check_vector("feature_decoder", condition_shape)
    _check_vector("feature_decoder", target_shape, spec.FEATURE_SIZE)
    init = _Initializers(seed)
    condition = keras.Input(condition_shape, name="condition")
    noise = ConditioningNoise(
        _NOISE_SIZE, seed=seed or 0, inference_scale=noise_scale, name="noise"
    )(condition)
    x = Typical(num_classes, typicality, name="typical")(condition) if typicality else condition
    x = layers.Dropout(dropout, name="dropout")(x) if dropout else x
    x = layers.Concatenate(name="with_noise")([x, noise])
    x = _dense(x, 8 * filters, norm, "hidden0", init)
    for depth in range(1, _NUM_HIDDEN_LAYERS):
        y = _dense(x, 8 * filters, norm, f"hidden{depth}", init)
        x = layers.Add(name=f"sum{depth}")([x, y])
    x = layers.Dense(spec.FEATURE_SIZE, kernel_initializer=init(0.5), name="to_features")(x)
    x = layers.Activation(output_activation, dtype="float32", name="out")(x)
    return keras.Model(condition, x, name="feature_decoder")


@keras.saving.register_keras_serializable("s2i_tf")
class TilesToGrid(keras.layers.Layer):
    """Features [batch, 4096], 8 × 8 tiles of a 64 × 64 square, as a grid [batch, 8, 8, 64]."""

    def call(self, features):
        """The same numbers, those of a tile in its place's channels, row by row."""
        return to_grid(features)


@keras.saving.register_keras_serializable("s2i_tf")
class Modulation(keras.layers.Layer):
    """Scales and shifts the channels of maps [batch, …, channels] by a vector [batch, size].

    At first it changes nothing.
    """

    def build(self, input_shape):
        """Makes the layer from the vector to a factor and a shift of each channel."""
        maps, vector = input_shape
        self.dense = layers.Dense(
            2 * maps[-1], kernel_initializer="zeros", dtype=self.dtype_policy, name="dense"
        )
        self.dense.build(vector)

    def call(self, inputs):
        """The changed maps."""
        maps, vector = inputs
        scale, shift = ops.split(self.dense(vector)[:, None, None], 2, axis=-1)
        return maps * (1 + scale) + shift

    def compute_output_shape(self, input_shape):
        """That of the maps."""
        return input_shape[0]


class _Initializers:
    """Scaled normal initial weights, each kernel's seed one further than the last's."""

    def __init__(self, seed: int | None):
        self._next = seed

    def __call__(self, scale: float = 2.0) -> keras.initializers.Initializer:
        seed = self._next
        if seed is not None:
            self._next += 1
        return keras.initializers.VarianceScaling(
            scale, mode="fan_in", distribution="truncated_normal", seed=seed
        )


def _block(x, width: int, norm: str, name: str, init: _Initializers):
    """A convolution to the width, and a residual one."""
    x = _conv(x, width, norm, f"{name}_first", init)
    # Small at first, so that a stack of blocks without a norm does not grow its numbers.
    y = _conv(x, width, norm, f"{name}_second", init, scale=0.1)
    return layers.Add(name=f"{name}_sum")([x, y])


def _conv(x, width: int, norm: str, name: str, init: _Initializers, scale: float = 2.0):
    conv = layers.Conv2D(
        width, _KERNEL_SIDE, padding="same", kernel_initializer=init(scale), name=f"{name}_conv"
    )
    return leaky_relu(f"{name}_relu")(normed(x, conv, norm, name))


def _dense(x, units: int, norm: str, name: str, init: _Initializers):
    dense = layers.Dense(units, kernel_initializer=init(), name=f"{name}_dense")
    return leaky_relu(f"{name}_relu")(normed(x, dense, norm, name))


def _check_vector(name: str, shape: tuple[int, ...], size: int | None = None) -> None:
    if len(shape) != 1 or size not in (None, shape[0]):
        allowed = "a vector" if size is None else f"({size},)"
        raise UserError(f"generator {name!r} got a shape of {shape}; allowed: {allowed}")
