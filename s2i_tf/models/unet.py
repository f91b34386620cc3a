"""The pix2pix generator: a U-Net whose encoder layers feed the decoder layers of their size.

Section 5.1 of the paper; layer by layer as published with pix2pix: 4×4 convolutions of stride 2
down to 1×1, as many transposed ones up. The first and the 1×1 layer have no norm of activations:
at 1×1 one example's would be zero everywhere. Without its skips it is pix2pix's encoder-decoder.
"""

import functools
import math

import keras
from keras import layers

from s2i_tf.errors import UserError
from s2i_tf.kernels.convolutions import DoublingConv2D, HalvingConv2D
from s2i_tf.models.layers import MaskDropout, conv_init, leaky_relu, widths
from s2i_tf.models.norms import normed

NUM_DROPOUT_BLOCKS = 3
RESIZE_KERNEL_SIDE = 3


def build_unet(
    condition_shape: tuple[int, ...],
    target_shape: tuple[int, ...],
    *,
    filters: int = 64,
    norm: str = "batch",
    dropout: float = 0.5,
    output_activation: str = "tanh",
    skips: bool = True,
    resize: bool = False,
    seed: int | None = None,
    name: str = "unet",
) -> keras.Model:
    """A U-Net from [batch, side, side, channels] to [batch, side, side, channels].

    Args:
      condition_shape: side, side and channels, the side a power of two; 128 gives the paper's
        seven layers down and seven up.
      target_shape: the same side; 1 channel for a feature map, 3 for a picture.
      filters: channels of the first layer; they double up to eight times as many.
      norm: see `s2i_tf.models.norms.NORMS`.
      dropout: rate in the first three decoder blocks.
      output_activation: `tanh` for pictures in [-1, 1], `linear` for standardised features.
      skips: whether encoder layers feed the decoder.
      resize: whether the decoder repeats values and convolves them by 3×3, which lays no
        checkerboard over a picture (Odena et al. 2016), instead of transposed convolutions.
      seed: of the dropout masks.
      name: of the model.

    Raises:
      UserError: if a shape or the norm is not one of these.
    """
    num_layers = _num_layers(name, condition_shape, target_shape)
    channels = widths(filters, num_layers)

    inputs = keras.Input(condition_shape, name="map")
    x = inputs
    encoded = []
    for depth, width in enumerate(channels):
        if depth:
            x = leaky_relu(f"down{depth}_relu")(x)
        conv = HalvingConv2D(width, kernel_initializer=conv_init(), name=f"down{depth}_conv")
        x = normed(x, conv, norm, f"down{depth}", outer=depth in (0, num_layers - 1))
        encoded.append(x)

    for depth in reversed(range(num_layers - 1)):
        x = layers.ReLU(name=f"up{depth}_relu")(x)
        x = _upsampled(x, channels[depth], resize, norm, f"up{depth}")
        block = num_layers - 2 - depth
        if dropout and block < NUM_DROPOUT_BLOCKS:
            mask_seed = None if seed is None else seed + block
            x = MaskDropout(dropout, seed=mask_seed, name=f"up{depth}_dropout")(x)
        if skips:
            x = layers.Concatenate(name=f"up{depth}_skip")([x, encoded[depth]])

    x = layers.ReLU(name="out_relu")(x)
    x = _upsampled(x, target_shape[-1], resize, norm, "out", outer=True)
    # Losses and pictures are float32 whatever the policy of the layers before.
    x = layers.Activation(output_activation, dtype="float32", name="out")(x)
    return keras.Model(inputs, x, name=name)


build_encoder_decoder = functools.partial(build_unet, skips=False, name="encoder_decoder")
build_resize_unet = functools.partial(build_unet, resize=True, name="resize_unet")


def _num_layers(name: str, condition_shape, target_shape) -> int:
    """How often the side can be halved."""
    if len(condition_shape) != 3 or condition_shape[:2] != target_shape[:2]:
        raise UserError(
            f"generator {name!r} makes maps of maps of one side, got {condition_shape} and "
            f"{target_shape}; allowed: (side, side, channels)"
        )
    side = condition_shape[0]
    num_layers = int(math.log2(side))
    if 2**num_layers != side or condition_shape[1] != side:
        raise UserError(f"a U-Net's side is a power of two, got {condition_shape[:2]}")
    return num_layers


def _upsampled(x, filters: int, resize: bool, norm: str, name: str, *, outer: bool = False):
    """Twice the side: [batch, 2 × side, 2 × side, filters]."""
    settings = {"kernel_initializer": conv_init(), "name": f"{name}_conv"}
    if resize:
        x = layers.UpSampling2D(name=f"{name}_resize")(x)
        conv = layers.Conv2D(filters, RESIZE_KERNEL_SIDE, padding="same", **settings)
    else:
        conv = DoublingConv2D(filters, **settings)
    return normed(x, conv, norm, name, outer=outer)
