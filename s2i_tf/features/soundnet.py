"""SoundNet-8 (Aytar et al. 2016): sound features and labels (paper sections 3 and 4).

Input: waveforms float32 [batch, samples] at 22,050 Hz, within ±256 and not ±1: at ±1 the biases
drown the sound and everything is called the same. No mean is subtracted. Each layer pads both
ends with zeros, convolves without further padding, normalises (epsilon 1e-5, folded into the
kernels, see `s2i_tf.features.conversion`), pools and rectifies, which gives the same numbers as
rectifying first and costs less. The first layer convolves as `s2i_tf.features.pooled_conv` does.

`pool5` of a 6 s window is [batch, 16, 256], flattened row-major (`time,channel`) to 4096 values.
The label heads give 4 rows of logits for a 20 s window; the mean of the rows is the score.
"""

import logging

import keras
import numpy as np

from s2i_tf import spec
from s2i_tf.features import keras_net, labels
from s2i_tf.features.base import Classifier, Extractor, Fingerprint, WaveformNet
from s2i_tf.features.pooled_conv import PooledConv1D
from s2i_tf.media import audio

logger = logging.getLogger(__name__)

# Filters, kernel, zeros on either side and pool of conv1 … conv7; all have stride 2.
_LAYERS = (
    (16, 64, 32, 8),
    (32, 32, 16, 8),
    (64, 16, 8, 1),
    (128, 8, 4, 1),
    (256, 4, 2, 4),
    (512, 4, 2, 1),
    (1024, 4, 2, 1),
)
_STRIDE = 2
_HEAD_KERNEL = 8
# The layer that scores each kind of labels.
HEADS = {"imagenet": "conv8", "places": "conv8_2"}
POOL5 = "pool5"


def build_soundnet(outputs: tuple[str, ...], num_samples: int | None = None) -> keras.Model:
    """Builds the net up to the layers that are asked for.

    Args:
      outputs: names of layers: `pool5`, `conv8` (ImageNet logits), `conv8_2` (Places logits).
      num_samples: length of the input, or None for any: at least 209,374 for the heads.

    Returns:
      A model from float32 [batch, samples] to [batch, steps, channels], or to a list of these where
      several outputs are asked for.
    """
    waveform = keras.Input((num_samples,), name="waveform")
    x = waveform
    tensors = {}
    for index, (filters, kernel, zeros, pool) in enumerate(_LAYERS, start=1):
        x = _convolved(x, filters, kernel, zeros, pool, index)
        x = tensors[f"pool{index}"] = keras.layers.ReLU(name=f"relu{index}")(x)
        if set(outputs) <= set(tensors):
            break
    for kind, layer in HEADS.items():
        if layer in outputs:
            num_labels = labels.NUM_LABELS[kind]
            tensors[layer] = keras.layers.Conv1D(num_labels, _HEAD_KERNEL, _STRIDE, name=layer)(x)
    wanted = [tensors[output] for output in outputs]
    return keras.Model(waveform, wanted if len(wanted) > 1 else wanted[0], name="soundnet8")


def _convolved(x, filters: int, kernel: int, zeros: int, pool: int, index: int):
    """A layer's padding, convolution and pooling; the first one takes the waveform."""
    name, pool_name = f"conv{index}", f"pool{index}"
    if index == 1:
        x = PooledConv1D(filters, kernel, stride=_STRIDE, zeros=zeros, pool=pool, name=name)(x)
        x = keras.layers.MaxPooling2D((1, pool), name=pool_name)(x)
        return keras.layers.Reshape((-1, filters), name="one_row")(x)
    x = keras.layers.ZeroPadding1D(zeros, name=f"pad{index}")(x)
    x = keras.layers.Conv1D(filters, kernel, _STRIDE, name=name)(x)
    return keras.layers.MaxPooling1D(pool, name=pool_name)(x) if pool > 1 else x


class SoundNetExtractor(keras_net.KerasNet, WaveformNet, Extractor):
    """`soundnet_pool5`: a 6 s window to 4096 values."""

    name = "soundnet_pool5"

    def __init__(self, weights: str | None = None):
        net = build_soundnet((POOL5,), spec.FEATURE_SAMPLES)
        checksum = keras_net.load_weights(net, "soundnet", weights)
        flat = keras.layers.Reshape((spec.FEATURE_SIZE,), name="features")(net.output)
        self._compile(keras.Model(net.input, flat, name=self.name))
        self.fingerprint = Fingerprint(
            net="soundnet8",
            weights_sha256=checksum,
            preprocessing="22050 Hz mono, ±256, 6 s window",
            layer=POOL5,
            order="time,channel",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Float32 [132300]: the window that features are taken from."""
        _warn_of_scale(item)
        return super().prepare(item)


class SoundNetClassifier(keras_net.KerasNet, WaveformNet, Classifier):
    """`soundnet` and `soundnet_places`: a 20 s window to the mean logits of one head."""

    def __init__(self, kind: str, weights: str | None = None):
        layer = HEADS[kind]
        self.name = "soundnet" if kind == "imagenet" else f"soundnet_{kind}"
        net = build_soundnet((layer,), spec.LABEL_SAMPLES)
        checksum = keras_net.load_weights(net, "soundnet", weights)
        mean = keras.layers.GlobalAveragePooling1D(name="scores")(net.output)
        self._compile(keras.Model(net.input, mean, name=self.name))
        self.labels = keras_net.load_labels(kind, weights)
        self.fingerprint = Fingerprint(
            net="soundnet8",
            weights_sha256=checksum,
            preprocessing="22050 Hz mono, ±256, 20 s window",
            layer=f"{layer}, mean over time",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Float32 [441000]: the window that labels are taken from."""
        _warn_of_scale(item)
        return audio.label_window(item)


def _warn_of_scale(waveform: np.ndarray) -> None:
    """Tells of a waveform that was probably left in ±1; it passes, since it may just be faint."""
    peak = np.abs(waveform).max(initial=0.0)
    if 0 < peak <= 1:
        logger.warning(
            "the waveform's peak is %.2g; SoundNet expects ±%g, not ±1", peak, spec.WAVEFORM_SCALE
        )
