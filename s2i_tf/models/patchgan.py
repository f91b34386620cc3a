"""The pix2pix discriminator: one score for each overlapping patch of a condition and its target.

Three strided layers see patches of 70×70 and give 14×14 scores for maps of 128×128. A second one
that looks at both maps at half their size judges what is larger (Wang et al. 2018).
"""

import keras
from keras import layers, ops

from s2i_tf.errors import UserError
from s2i_tf.kernels.convolutions import PaddedConv2D
from s2i_tf.models.layers import conv_init, leaky_relu, widths
from s2i_tf.models.norms import normed

# Two layers of stride 1 each take a row off what the strided ones leave.
_MIN_SIDE = 3


def build_patchgan(
    context_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int],
    *,
    filters: int = 64,
    num_layers: int = 3,
    norm: str = "batch",
) -> keras.Model:
    """Scores (logits) [batch, rows, columns, 1] of a condition and a target.

    Args:
      context_shape: side, side and channels of what the generator was given.
      target_shape: the same side twice, and the channels of what it made or of the real thing.
      filters: channels of the first layer; they double up to eight times as many.
      num_layers: strided layers, 1 to 5 for maps of 128×128; two more of stride 1 follow.
      norm: see `s2i_tf.models.norms.NORMS`; the first and last layers have none of activations.

    Raises:
      UserError: if the maps are too small for the layers, or there is no such norm.
    """
    inputs = pair_inputs("patchgan", context_shape, target_shape)
    x = layers.Concatenate(name="pair")(inputs)
    x = _patch_scores(x, filters, num_layers, norm, "")
    x = layers.Activation("linear", dtype="float32", name="out")(x)
    return keras.Model(inputs, x, name="patchgan")


def build_multiscale(
    context_shape: tuple[int, int, int],
    target_shape: tuple[int, int, int],
    *,
    filters: int = 64,
    num_layers: int = 3,
    norm: str = "batch",
) -> keras.Model:
    """Scores [batch, rows, columns, 2] of patches of both maps, and of both at half their size.

    The second channel's coarser scores are repeated to as many as the first's, so that both scales
    have the same say in a mean.

    Args:
      context_shape: as of `build_patchgan`, like the others.
      target_shape: the same side twice, and the target's channels.
      filters: channels of the first layer of each scale.
      num_layers: strided layers of each scale.
      norm: see `s2i_tf.models.norms.NORMS`.

    Raises:
      UserError: as `build_patchgan`.
    """
    inputs = pair_inputs("multiscale", context_shape, target_shape)
    pair = layers.Concatenate(name="pair")(inputs)
    fine = _patch_scores(pair, filters, num_layers, norm, "full_")
    half = layers.AveragePooling2D(2, name="half_pair")(pair)
    coarse = _patch_scores(half, filters, num_layers, norm, "half_")
    coarse = RepeatTo(fine.shape[1], name="half_repeated")(coarse)
    x = layers.Concatenate(name="scales")([fine, coarse])
    x = layers.Activation("linear", dtype="float32", name="out")(x)
    return keras.Model(inputs, x, name="multiscale")


@keras.saving.register_keras_serializable("s2i_tf")
class RepeatTo(keras.layers.Layer):
    """Repeats the rows and columns of [batch, rows, columns, channels] as evenly as can be.

    Args:
      side: how many rows and columns there are then.
    """

    def __init__(self, side: int, **kwargs):
        super().__init__(**kwargs)
        self.side = side

    def call(self, maps):
        """The maps, [batch, side, side, channels]."""
        # Gathered, not resized: the gradient penalty needs second derivatives.
        for axis in (1, 2):
            size = maps.shape[axis]
            maps = ops.take(maps, [i * size // self.side for i in range(self.side)], axis=axis)
        return maps


def pair_inputs(name: str, context_shape, target_shape) -> list[keras.KerasTensor]:
    """A discriminator's two inputs: maps of one side.

    Raises:
      UserError: if they are not.
    """
    sides = {*context_shape[:2], *target_shape[:2]}
    if len(context_shape) != 3 or len(sides) > 1:
        raise UserError(
            f"discriminator {name!r} looks at two maps of one side, got {context_shape} and "
            f"{target_shape}; allowed: (side, side, channels)"
        )
    return [
        keras.Input(context_shape, name="condition"),
        keras.Input(target_shape, name="target"),
    ]


def _patch_scores(x, filters: int, num_layers: int, norm: str, prefix: str):
    side = x.shape[1]
    if side // 2**num_layers < _MIN_SIDE:
        raise UserError(
            f"{num_layers} strided layers leave nothing of maps of {side}×{side}; allowed: a side "
            f"of at least {_MIN_SIDE * 2**num_layers}"
        )
    for depth, width in enumerate(widths(filters, num_layers + 1)):
        strides = 2 if depth < num_layers else 1
        x = _conv(x, width, strides, norm, f"{prefix}conv{depth}", outer=depth == 0)
        x = leaky_relu(f"{prefix}relu{depth}")(x)
    return _conv(x, 1, 1, norm, f"{prefix}scores", outer=True)


def _conv(x, filters: int, strides: int, norm: str, name: str, *, outer: bool):
    # "same" padding would give 16×16 scores.
    conv = PaddedConv2D(filters, strides, kernel_initializer=conv_init(), name=name)
    return normed(x, conv, norm, name, outer=outer)
