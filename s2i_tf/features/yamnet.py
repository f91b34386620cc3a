"""YAMNet (Google, trained on AudioSet): which of 521 classes a sound belongs to, and its embedding.

The front end is a log-mel spectrogram: frames of 25 ms every 10 ms, 64 bands from 125 to 7,500 Hz,
log(x + 0.001). It was defined at 16 kHz, where a spectrum is a sum over 400 samples; here it is the
same sum over the samples of a waveform at its own rate, at the same frequencies, so that no sound
has to be resampled. The body is MobileNet v1 on patches of 96 frames, with the norms folded into
the kernels. The mean of its last map is a patch's embedding, 1024 values, and a dense
layer scores that.

The feature `yamnet_bands` of a 6 s window is 4096 values: over the six patches side by side the
root of the embedding's mean (1024), the log of the labels' mean scores (521), the root of the mean
of two middle layers' maps (512 each) and of the deviation over time of the first of them (as much
of it as there is room for, 503); and the log-mel bands in 16 steps of time (1024). The first two
tell what a sound is, also of sources that were never heard; the middle layers tell sounds apart
that the net was not trained to; and they and the bands say how a sound goes: loud or faint, high
or low, once or again and again. In the means what is loud counts more than what is faint, so that
the silence around a short event is hardly heard. Candidates are compared by
`python -m benchmarks.feature_candidates --sounds`.

The weights come with the package, see `s2i_tf.features.yamnet_weights`. The net is equal to the
released TFLite file with its 8-bit kernels multiplied out and its own front end's matrices. Run as
it is, that file rounds activations too, to other numbers in every runtime.
"""

import fractions
import math

import keras
import numpy as np
from keras import ops

from s2i_tf import spec
from s2i_tf.features import class_names, keras_net, labels, projection, yamnet_weights
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.base import Classifier, Extractor, Fingerprint, WaveformNet

NUM_BANDS = 64
PATCH_FRAMES = 96

# The feature: which layers are the middle ones, of how many values of the first the deviation is
# kept, in how many steps of time the bands are, how loud what counts half is beside the loudest,
# and what the parts are multiplied by. The embedding and the middle then have a spread of 1 over
# real sounds, the deviation of 0.1 and the others of 0.01 to 0.02, so that where features are
# standardised (`models.feature_map`) what a sound is outweighs how it goes. Of labels that are far
# from heard only the order of magnitude tells something, hence a log, which ends at one in a
# million.
_EMBEDDING_LAYER = "layer14_pointwise"
_MIDDLE_LAYERS = ("layer8_pointwise", "layer10_pointwise")
_NUM_DEVIATIONS = 503
_BAND_STEPS = 16
_HALF_LEVEL = 0.2
_SCALES = {"mean": 3.6, "labels": 0.005, "middle": 4.5, "deviation": 0.77, "bands": 0.0085}
_LOWEST_SCORE = 1e-6

# The spectrogram as it was defined.
_DEFINED_HZ = 16_000
_FFT_SAMPLES = 512
_FRAME_SECONDS = 0.025
_FRAMES_PER_SECOND = 100
_BAND_EDGES_HZ = (125.0, 7500.0)
_LOG_OFFSET = 0.001

# Filters and stride of each separable convolution after the first layer's 32 filters.
_SEPARABLE = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    (512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1),
)  # fmt: skip


def build_yamnet(
    num_samples: int, rate_hz: int = spec.SAMPLE_RATE_HZ, hop_frames: int = PATCH_FRAMES // 2
) -> keras.Model:
    """Builds the net for sounds of one length.

    Args:
      num_samples: length of the waveforms, at least 0.975 s; what is left after the last whole
        patch is not heard.
      rate_hz: sampling rate of the waveforms, at least 15 kHz.
      hop_frames: frames from a patch to the next, which 96 is a multiple of.

    Returns:
      A model from waveforms float32 [batch, samples] in [-1, 1] to `embedding` float32 [batch,
      patches, 1024] and `scores` [batch, patches, 521] in [0, 1].
    """
    waveform = keras.Input((num_samples,), name="waveform")
    bands = LogMel(rate_hz, name="log_mel")(waveform)
    num_blocks, in_patch = bands.shape[1] // hop_frames, PATCH_FRAMES // hop_frames
    num_patches = num_blocks - in_patch + 1
    blocks = ops.reshape(
        bands[:, : num_blocks * hop_frames], (-1, num_blocks, hop_frames, NUM_BANDS)
    )
    patches = ops.concatenate([blocks[:, at : at + num_patches] for at in range(in_patch)], axis=2)
    embedding = ops.mean(body(ops.reshape(patches, (-1, PATCH_FRAMES, NUM_BANDS, 1))), axis=(1, 2))
    embedding = ops.reshape(embedding, (-1, num_patches, embedding.shape[-1]))
    scores = keras.layers.Dense(yamnet_weights.NUM_LABELS, activation="sigmoid", name="scores")(
        embedding
    )
    return keras.Model(waveform, {"embedding": embedding, "scores": scores}, name="yamnet")


def body(x):
    """From log-mel bands [batch, frames, 64, 1] to maps [batch, frames / 32, 2, 1024]."""
    x = keras.layers.Conv2D(32, 3, 2, "same", activation="relu", name="layer1")(x)
    for layer, (filters, stride) in enumerate(_SEPARABLE, start=2):
        name = f"layer{layer}"
        x = keras.layers.DepthwiseConv2D(
            3, stride, "same", activation="relu", name=f"{name}_depthwise"
        )(x)
        x = keras.layers.Conv2D(filters, 1, activation="relu", name=f"{name}_pointwise")(x)
    return x


class LogMel(keras.layers.Layer):
    """Waveforms [batch, samples] in [-1, 1] to the log of their mel bands [batch, frames, 64].

    Args:
      rate_hz: sampling rate of the waveforms. Where 10 ms are no whole number of samples, as at
        22,050 Hz, every second frame begins between two samples and has a window of its own.
    """

    def __init__(self, rate_hz: int, **kwargs):
        super().__init__(**kwargs)
        self._hop = fractions.Fraction(rate_hz, _FRAMES_PER_SECOND)
        self._mel, bins_hz = _mel_matrix()
        seconds = np.arange(math.ceil(_FRAME_SECONDS * rate_hz)) / rate_hz
        self._waves = _half_waves(seconds, bins_hz)
        self._windows = [
            _window(seconds + float(math.ceil(begin) - begin) / rate_hz) * _DEFINED_HZ / rate_hz
            for begin in self._begins()
        ]

    def call(self, waveform):
        """The bands of every frame that lies within the waveform."""
        frame_samples, stride = len(self._windows[0]), self._hop.numerator
        num_frames = (waveform.shape[1] - frame_samples) // self._hop + 1
        num_rounds = -(-num_frames // self._hop.denominator)
        # A frame is cut out of as many blocks side by side as it reaches into.
        in_frame = -(-frame_samples // stride)
        num_blocks = num_rounds + in_frame - 1
        padded = ops.pad(waveform, ((0, 0), (0, (in_frame + 1) * stride)))
        spectra = []
        for begin, window in zip(self._begins(), self._windows, strict=True):
            part = padded[:, math.ceil(begin) : math.ceil(begin) + num_blocks * stride]
            blocks = ops.reshape(part, (-1, num_blocks, stride))
            frames = [blocks[:, at : at + num_rounds] for at in range(in_frame)]
            frames = ops.concatenate(frames, axis=2)[:, :, :frame_samples] * window
            # Around its middle a cosine is even and a sine odd, so half of each is enough.
            cosines, sines = (
                ops.matmul((frames + sign * ops.flip(frames, axis=2))[:, :, : len(waves)], waves)
                for sign, waves in zip((1, -1), self._waves, strict=True)
            )
            spectra.append(ops.sqrt(ops.square(cosines) + ops.square(sines)))
        magnitude = ops.reshape(
            ops.stack(spectra, axis=2), (-1, num_rounds * len(spectra), len(self._mel))
        )
        return ops.log(ops.matmul(magnitude[:, :num_frames], self._mel) + _LOG_OFFSET)

    def _begins(self) -> list[fractions.Fraction]:
        """Where the frames begin, in samples, until they begin at a sample again."""
        return [phase * self._hop for phase in range(self._hop.denominator)]


def _mel_matrix() -> tuple[np.ndarray, np.ndarray]:
    """Weights [bins, 64] of the bins of the spectrum that count, and their frequencies [bins]."""

    def mel(hz):
        return 1127 * np.log1p(np.asarray(hz) / 700)

    hz = np.arange(1, _FFT_SAMPLES // 2 + 1) * _DEFINED_HZ / _FFT_SAMPLES
    edges = np.linspace(*mel(_BAND_EDGES_HZ), NUM_BANDS + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    at = mel(hz)[:, None]
    weights = np.minimum((at - low) / (middle - low), (high - at) / (high - middle))
    weights = np.maximum(weights, 0).astype(np.float32)
    counts = weights.any(axis=1)
    return weights[counts], hz[counts]


def _half_waves(seconds: np.ndarray, bins_hz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines [samples / 2, bins] around the middle of some times, up to there."""
    half = math.ceil(len(seconds) / 2)
    angles = 2 * np.pi * (seconds[:half] - seconds.mean())[:, None] * bins_hz
    cosines = np.cos(angles)
    if len(seconds) % 2:
        cosines[-1] /= 2  # the middle is its own mirror image
    return cosines.astype(np.float32), np.sin(angles).astype(np.float32)


def _window(seconds: np.ndarray) -> np.ndarray:
    """The weights of a frame's samples, at their times since it began."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * seconds / _FRAME_SECONDS)
    return np.where(seconds < _FRAME_SECONDS, hann, 0).astype(np.float32)


def load_weights(net: keras.Model, weights: str | None) -> str:
    """Fills a net of `build_yamnet`, or a part of one.

    Args:
      net: the net, whose variables are named as `build_yamnet` names them.
      weights: None for those of the package, `random:SEED`, the released TFLite file, or `hub:` and
        a handle or folder of TF-Hub's `google/yamnet`.

    Returns:
      The checksum for the fingerprint.

    Raises:
      UserError: if the weights can't be had or don't fit.
    """
    if keras_net.is_random(weights):
        return keras_net.load_weights(net, "yamnet", weights)
    arrays = yamnet_weights.load(weights)
    keras_net.assign(net, arrays, weights)
    return weights_lib.content_digest(arrays)


class YamnetExtractor(keras_net.KerasNet, WaveformNet, Extractor):
    """`yamnet_bands`: a 6 s window to 4096 values, in the order that the module describes."""

    name = "yamnet_bands"
    num_embedding = 1024
    num_label_scores = yamnet_weights.NUM_LABELS

    @classmethod
    def labels_of(cls, class_name: str) -> list[int]:
        """See `s2i_tf.features.class_names`."""
        return class_names.labels_of(class_name, yamnet_weights.label_names())

    def __init__(self, weights: str | None = None):
        net = build_yamnet(spec.FEATURE_SAMPLES, hop_frames=PATCH_FRAMES)
        checksum = load_weights(net, weights)
        maps = [net.get_layer(name).output for name in (_EMBEDDING_LAYER, *_MIDDLE_LAYERS)]
        bands = net.get_layer("log_mel").output
        parts = keras.Model(net.input, [maps, net.output["scores"], bands])
        waveform = keras.Input((spec.FEATURE_SAMPLES,), name="waveform")
        features = _features(*parts(waveform / spec.WAVEFORM_SCALE))
        self._compile(keras.Model(waveform, features, name=self.name))
        self.fingerprint = Fingerprint(
            net="yamnet",
            weights_sha256=checksum,
            preprocessing="22050 Hz mono, ±256, 6 s window, log-mel 64 x 10 ms",
            layer=f"embedding, label scores and {', '.join(_MIDDLE_LAYERS)} of patches side by "
            f"side, by level beside {_HALF_LEVEL} of the loudest, log-mel in {_BAND_STEPS} steps, "
            f"{_SCALES}",
            order="root of mean, log of labels' mean root, roots of the middle layers' means, root "
            "of the first one's deviation, then time,band",
        )


def _features(maps, scores, bands):
    """The feature, float32 [batch, 4096].

    Args:
      maps: of the embedding's layer and the middle ones, each [batch * patches, time, frequency,
        filters].
      scores: of each patch's labels, [batch, patches, 521].
      bands: the log-mel bands [batch, frames, 64].
    """
    num_patches = scores.shape[1]
    heard = ops.exp(bands[:, : num_patches * PATCH_FRAMES])

    def mean(values):
        """Over time, of [batch, steps, size]."""
        steps = ops.reshape(
            heard, (-1, values.shape[1], heard.shape[1] // values.shape[1] * NUM_BANDS)
        )
        level = ops.mean(steps, axis=2, keepdims=True)
        square = ops.square(level / ops.max(level, axis=1, keepdims=True))
        weights = square / (square + _HALF_LEVEL**2)
        return ops.sum(weights * values, axis=1) / ops.sum(weights, axis=1)

    embedding, *middle = (
        ops.reshape(ops.mean(x, axis=2), (-1, num_patches * x.shape[1], x.shape[3])) for x in maps
    )
    steps = ops.matmul(projection.area_pooling(bands.shape[1], _BAND_STEPS), bands)
    middle_means = [mean(x) for x in middle]
    deviation = (middle[0] - middle_means[0][:, None])[:, :, :_NUM_DEVIATIONS]
    parts = {
        "mean": ops.sqrt(mean(embedding)),
        "labels": ops.log(mean(ops.sqrt(scores)) + _LOWEST_SCORE),
        "middle": ops.sqrt(ops.concatenate(middle_means, axis=1)),
        "deviation": ops.sqrt(ops.sqrt(mean(ops.square(deviation)))),
        "bands": ops.reshape(steps, (-1, _BAND_STEPS * NUM_BANDS)),
    }
    return ops.concatenate([parts[name] * scale for name, scale in _SCALES.items()], axis=1)


class YamnetClassifier(keras_net.KerasNet, WaveformNet, Classifier):
    """`yamnet`: a sound to the mean scores of 521 AudioSet classes over its 6 s window."""

    name = "yamnet"

    def __init__(self, weights: str | None = None):
        net = build_yamnet(spec.FEATURE_SAMPLES)
        checksum = load_weights(net, weights)
        if keras_net.is_random(weights):
            self.labels = labels.numbered("sound", yamnet_weights.NUM_LABELS)
        else:
            self.labels = yamnet_weights.label_names()
        waveform = keras.Input((spec.FEATURE_SAMPLES,), name="waveform")
        scores = net(waveform / spec.WAVEFORM_SCALE)["scores"]
        self._compile(keras.Model(waveform, ops.mean(scores, axis=1), name=self.name))
        self.fingerprint = Fingerprint(
            net="yamnet",
            weights_sha256=checksum,
            preprocessing="22050 Hz mono, ±256, 6 s window",
            layer="scores, mean over patches",
        )
