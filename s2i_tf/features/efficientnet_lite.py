"""EfficientNet-Lite0 and -Lite2: label scores, and a 4096-d feature that keeps some layout.

EfficientNet (Tan and Le 2019) for devices: ReLU6, no squeeze-and-excitation, stem and head of fixed
width. The input is uint8 [batch, side, side, 3] RGB and is scaled to (x - 127) / 128 in the model.
Padding is TensorFlow's SAME, which is uneven where the stride is 2. Norms (epsilon 1e-3) are folded
into the kernels, see `s2i_tf.features.conversion`.
"""

import dataclasses
import math

import keras
import numpy as np

from s2i_tf import spec
from s2i_tf.features import keras_net
from s2i_tf.features.base import Classifier, Extractor, Fingerprint
from s2i_tf.media import image

_STEM_FILTERS = 32
_HEAD_FILTERS = 1280
_DIVISOR = 8

# ImageNet nets are tested on the middle 7/8 of a picture.
_CROP_SHARE = 1.0
_PREPROCESSING = "middle 7/8, antialiased resize to {}, (x - 127) / 128"

_MAP_LAYER = "block20_project"
_MAP_SIDE = 4
_PROJECTION_SEED = 0

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
    """How one member of the family is scaled: its multipliers and the input's side in pixels."""

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
      A model from uint8 [batch, side, side, 3] to logits [batch, 1000].
    """
    variant = VARIANTS[name]
    shape = (variant.side, variant.side, spec.IMAGE_CHANNELS)
    picture = keras.Input(shape, dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 128, -127 / 128, name="scale")(picture)
    x = _conv(x, _STEM_FILTERS, 3, 2, "stem")
    index = 0
    for stage, (expansion, filters, repeats, stride, kernel) in enumerate(_STAGES):
        if stage not in (0, len(_STAGES) - 1):
            repeats = math.ceil(repeats * variant.depth)
        for repeat in range(repeats):
            x = _block(
                x,
                _scaled(filters, variant.width),
                expansion,
                stride if repeat == 0 else 1,
                kernel,
                f"block{index:02d}",
            )
            index += 1
    x = _conv(x, _HEAD_FILTERS, 1, 1, "head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    logits = keras.layers.Dense(spec.NUM_IMAGENET_LABELS, name="logits")(x)
    return keras.Model(picture, logits, name=name)


def _scaled(filters: int, width: float) -> int:
    """The scaled number of filters, to the nearest 8 but never less than 90 % of it."""
    scaled = filters * width
    rounded = int(scaled + _DIVISOR / 2) // _DIVISOR * _DIVISOR
    return rounded + _DIVISOR if rounded < 0.9 * scaled else rounded


def _conv(x, filters: int, kernel: int, stride: int, name: str):
    return keras.layers.Conv2D(filters, kernel, stride, "same", activation="relu6", name=name)(x)


def _block(x, filters: int, expansion: int, stride: int, kernel: int, name: str):
    """An inverted residual block."""
    inputs = x
    if expansion > 1:
        x = _conv(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    x = keras.layers.DepthwiseConv2D(
        kernel, stride, "same", activation="relu6", name=f"{name}_depthwise"
    )(x)
    x = keras.layers.Conv2D(filters, 1, name=f"{name}_project")(x)
    if stride == 1 and inputs.shape[-1] == filters:
        x = keras.layers.Add(name=f"{name}_add")([inputs, x])
    return x


class LabelClassifier(keras_net.KerasNet, Classifier):
    """`efficientnet_lite0` and `efficientnet_lite2`: a picture to 1000 logits."""

    modality = "image"

    def __init__(self, name: str, weights: str | None = None):
        self.name = name
        self._side = VARIANTS[name].side
        model = build_efficientnet_lite(name)
        checksum = keras_net.load_weights(model, name, weights)
        self._compile(model)
        self.labels = keras_net.load_labels("imagenet", weights)
        self.fingerprint = Fingerprint(
            net=name,
            weights_sha256=checksum,
            preprocessing=_PREPROCESSING.format(self._side),
            layer="logits",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Uint8 [side, side, 3]."""
        return image.square(item, self._side, crop_share=_CROP_SHARE)


class MapExtractor(keras_net.KerasNet, Extractor):
    """`efficientnet_lite2_map`: a picture to 4 x 4 places of 256 values."""

    name = "efficientnet_lite2_map"
    modality = "image"

    def __init__(self, weights: str | None = None):
        net = build_efficientnet_lite("efficientnet_lite2")
        self._side = VARIANTS["efficientnet_lite2"].side
        checksum = keras_net.load_weights(net, "efficientnet_lite2", weights)
        features = _pooled_map(net.get_layer(_MAP_LAYER).output)
        self._compile(keras.Model(net.input, features, name=self.name))
        self.fingerprint = Fingerprint(
            net="efficientnet_lite2",
            weights_sha256=checksum,
            preprocessing=_PREPROCESSING.format(self._side),
            layer=f"{_MAP_LAYER}, area-pooled to 4x4, projected to 256 by seed {_PROJECTION_SEED}",
            order="height,width,channel",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Uint8 [260, 260, 3]."""
        return image.square(item, self._side, crop_share=_CROP_SHARE)


def _pooled_map(x):
    """Float32 [batch, 4096] of a map [batch, side, side, channels]."""
    pool = area_pooling(x.shape[1], _MAP_SIDE)
    channels = spec.FEATURE_SIZE // _MAP_SIDE**2
    projection = orthogonal_projection(x.shape[-1], channels)
    x = keras.ops.einsum("bhwc,ph,qw,cd->bpqd", x, pool, pool, projection)
    return keras.layers.Reshape((spec.FEATURE_SIZE,), name="features")(x)


def area_pooling(size: int, pooled: int) -> np.ndarray:
    """[pooled, size] weights that average over equal stretches, cells shared where they fall between."""
    edges = np.arange(pooled + 1) * size / pooled
    cells = np.arange(size)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return (np.clip(overlap, 0, 1) * pooled / size).astype(np.float32)


def orthogonal_projection(num_inputs: int, num_outputs: int) -> np.ndarray:
    """[num_inputs, num_outputs] with orthonormal columns, fixed by the seed."""
    rng = np.random.default_rng(_PROJECTION_SEED)
    q, r = np.linalg.qr(rng.standard_normal((num_inputs, num_outputs)))
    return (q * np.sign(np.diag(r))).astype(np.float32)
