"""`efficientnet_lite2_map`: 4096 values of EfficientNet-Lite2 that keep what is seen and where.

VGG-16's fc6 (paper section 4) has "little spatial information but substantial object-related
class information". This feature has both, at three scales: 1024 values of the whole picture (the
head's mean), 64 of each place in a 4 x 4 grid (the sixth stage) and 32 of each place in an 8 x 8
grid (the third stage). Maps are averaged over the places' areas and projected by fixed random
orthonormal columns; each scale is divided by its spread over photos, so that none drowns the
others in a distance.

Order: `spec.FEATURE_SIDE` square and row-major, one 8 x 8 tile for each place of the 8 x 8 grid.
So as the 64 x 64 map that the GANs see, the feature lies as the picture does. A tile's rows 0 to
3 are the place's own values, 4 and 5 are its share of the 4 x 4 grid's, 6 and 7 its share of the
whole's.

It was chosen by `python -m benchmarks.feature_candidates`, on 819 held-out photos of 21 classes.
Class: a linear probe; nearest: the nearest photo by cosine; layout and colour: R² of a linear
regression to the picture at 8 x 8 pixels and to its mean colour. Class figures are good to about
1.5 points. No candidate is best at everything; this one gives up little of anything.

| candidate | class | nearest | layout | colour |
|---|---|---|---|---|
| head's mean (1280) | 0.945 | 0.960 | 0.221 | 0.415 |
| stage 3, 8x8x48 (3072) | 0.663 | 0.635 | 0.886 | 0.967 |
| stage 4, 8x8x64 | 0.724 | 0.715 | 0.822 | 0.933 |
| stage 6, 4x4x208 (3328) | 0.949 | 0.876 | 0.550 | 0.731 |
| stage 7, 4x4x256 | 0.944 | 0.916 | 0.377 | 0.566 |
| head, 4x4x256 | 0.955 | 0.938 | 0.244 | 0.353 |
| stage 7, 4x4x128 + stage 3, 8x8x32 | 0.937 | 0.872 | 0.822 | 0.939 |
| head's mean 1024 + stage 3, 8x8x48 | 0.955 | 0.896 | 0.870 | 0.969 |
| head's mean 1024 + stage 6, 4x4x192 | 0.969 | 0.923 | 0.531 | 0.719 |
| head's mean 1024 + stage 7, 4x4x64 + stage 3, 8x8x32 | 0.962 | 0.917 | 0.822 | 0.942 |
| head's mean 1024 + stage 6, 4x4x64 + stage 3, 8x8x32 (this) | 0.967 | 0.919 | 0.829 | 0.948 |
"""

import keras

from s2i_tf import spec
from s2i_tf.features import efficientnet_lite, keras_net, projection
from s2i_tf.features.base import Extractor, Fingerprint, PictureNet
from s2i_tf.models.feature_grid import GRID_SIDE, TILE_SIDE

NET = "efficientnet_lite2"

# Layer, places a side, values a place, and the spread (root mean variance) over real photos.
_SCALES = (
    ("block06_add", 8, 32, 3.7),
    ("block19_add", 4, 64, 4.3),
    ("head", 1, 1024, 0.28),
)


class MapExtractor(keras_net.KerasNet, PictureNet, Extractor):
    """A picture to 4096 values, by the layout that the module describes."""

    name = "efficientnet_lite2_map"

    def __init__(self, weights: str | None = None):
        net = efficientnet_lite.build_efficientnet_lite(NET)
        checksum = keras_net.load_weights(net, NET, weights)
        self.side = efficientnet_lite.VARIANTS[NET].side
        self._compile(keras.Model(net.input, _features(net), name=self.name))
        self.fingerprint = Fingerprint(
            net=NET,
            weights_sha256=checksum,
            preprocessing=self.described(efficientnet_lite.VALUES),
            layer=", ".join(
                f"{layer} {side}x{side}x{channels} / {spread}"
                for layer, side, channels, spread in _SCALES
            )
            + f", area means projected by seed {projection.SEED}",
            order="8x8 places as 8x8 tiles of 64x64: rows 0-3 8x8, 4-5 4x4, 6-7 1x1 grid",
        )


def _features(net: keras.Model):
    """Float32 [batch, 4096]."""
    scales = [
        _spread(_grid(net.get_layer(layer).output, side, channels) / spread, GRID_SIDE // side)
        for layer, side, channels, spread in _SCALES
    ]
    tiles = keras.ops.concatenate(scales, axis=-1)
    feature_map = _spread(tiles, TILE_SIDE)
    return keras.layers.Reshape((spec.FEATURE_SIZE,), name="features")(feature_map)


def _grid(x, side: int, channels: int):
    """[batch, side, side, channels] of a map: area means, projected."""
    pool = projection.area_pooling(x.shape[1], side)
    x = keras.ops.einsum("bhwc,ph->bpwc", x, pool)
    x = keras.ops.einsum("bpwc,qw->bpqc", x, pool)
    return keras.ops.matmul(x, projection.orthogonal(x.shape[-1], channels))


def _spread(x, factor: int):
    """[batch, side * factor, side * factor, channels / factor²]: channels laid out in space."""
    side, channels = x.shape[1], x.shape[-1]
    x = keras.ops.reshape(x, (-1, side, side, factor, factor, channels // factor**2))
    x = keras.ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return keras.ops.reshape(x, (-1, side * factor, side * factor, channels // factor**2))
