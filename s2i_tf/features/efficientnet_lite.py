"""EfficientNet-Lite0 and -Lite2 (Tan and Le 2019, the variants for devices): label scores.

ReLU6, no squeeze-and-excitation, stem and head of fixed width. The input is uint8 [batch, side,
side, 3] RGB and is scaled to (x - 127) / 128 within the model. Padding is TensorFlow's SAME,
which is uneven where the stride is 2. Norms (epsilon 1e-3) are folded into the kernels, see
`s2i_tf.features.conversion`.

The whole middle square of a picture is seen, as everywhere in this package. Over the realpairs
photos of six classes that are ImageNet labels (721, of which 606 are 160 px thumbnails) the first
label is right for 79 % with Lite0 and 80 % with Lite2, one of the first five for 95 % and 97 %; the
usual crop of the middle 7/8 gives the same, symmetric padding 4 points less.
"""

import dataclasses
import math

import keras

from s2i_tf import spec
from s2i_tf.features import keras_net
from s2i_tf.features.base import Classifier, Fingerprint, PictureNet
from s2i_tf.kernels import fused

VALUES = "(x - 127) / 128"

_STEM_FILTERS = 32
_HEAD_FILTERS = 1280
_FILTERS_DIVISOR = 8

# Of each stage: expansion, filters, repeats, stride of the first block, kernel.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


@dataclasses.dataclass(frozen=True)
class Variant:
    """How one member of the family is scaled.

    Attributes:
      width: factor on the number of filters.
      depth: factor on the number of repeats, but for the first and last stage.
      side: width and height of the input, in pixels.
    """

    width: float
    depth: float
    side: int


VARIANTS = {
    "efficientnet_lite0": Variant(width=1.0, depth=1.0, side=224),
    "efficientnet_lite2": Variant(width=1.1, depth=1.2, side=260),
}


def build_efficientnet_lite(name: str) -> keras.Model:
    """Builds a net.

    Args:
      name: a key of `VARIANTS`.

    Returns:
      A model from uint8 [batch, side, side, 3] to logits [batch, 1000]. Block NN ends in the layer
      `blockNN_add`, or `blockNN_project` where it has no shortcut; the last map is `head`.
    """
    side = VARIANTS[name].side
    picture = keras.Input((side, side, spec.IMAGE_CHANNELS), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -127 / 128, name="scale")(picture)
    return keras.Model(picture, body(x, VARIANTS[name]), name=name)


def body(x, variant: Variant):
    """From scaled pictures to logits [batch, 1000]."""
    x = _conv(x, _STEM_FILTERS, 3, 2, "stem")
    index = 0
    for stage, (expansion, filters, repeats, stride, kernel) in enumerate(_STAGES):
        if 0 < stage < len(_STAGES) - 1:
            repeats = math.ceil(repeats * variant.depth)
        filters = _scaled(filters, variant.width)
        for repeat in range(repeats):
            block_stride = 1 if repeat else stride
            x = _block(x, filters, expansion, block_stride, kernel, f"block{index:02d}")
            index += 1
    x = _conv(x, _HEAD_FILTERS, 1, 1, "head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.layers.Dense(spec.NUM_IMAGENET_LABELS, name="logits")(x)


class LabelClassifier(keras_net.KerasNet, PictureNet, Classifier):
    """`efficientnet_lite0` and `efficientnet_lite2`: a picture to 1000 logits."""

    def __init__(self, name: str, weights: str | None = None):
        self.name = name
        self.side = VARIANTS[name].side
        model = build_efficientnet_lite(name)
        checksum = keras_net.load_weights(model, name, weights)
        self._compile(model)
        self.labels = keras_net.load_labels("imagenet", weights)
        self.fingerprint = Fingerprint(
            net=name,
            weights_sha256=checksum,
            preprocessing=self.described(VALUES),
            layer="logits",
        )


def _scaled(filters: int, width: float) -> int:
    """The scaled number of filters, to the nearest 8 but never less than 90 % of it."""
    scaled = filters * width
    rounded = int(scaled + _FILTERS_DIVISOR / 2) // _FILTERS_DIVISOR * _FILTERS_DIVISOR
    return rounded + _FILTERS_DIVISOR if rounded < 0.9 * scaled else rounded


def _conv(x, filters: int, kernel: int, stride: int, name: str):
    return keras.layers.Conv2D(filters, kernel, stride, "same", activation="relu6", name=name)(x)


def _block(x, filters: int, expansion: int, stride: int, kernel: int, name: str):
    """An inverted residual block."""
    inputs = x
    if expansion > 1:
        x = _conv(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    # oneDNN has no gradient of a strided one in bfloat16, TensorFlow's own takes 30 times as long.
    dtype = "float32" if stride > 1 and fused.on_processor() else None
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", activation="relu6", dtype=dtype, name=f"{name}_depthwise"
    )(x)
    x = keras.layers.Conv2D(filters, 1, name=f"{name}_project")(x)
    if stride == 1 and inputs.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([inputs, x])
    return x
