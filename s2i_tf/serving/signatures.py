"""The served functions: what each takes and gives, and the module that a SavedModel is made of.

Core TensorFlow ops alone: no tensorflow-io, no Python function, norms and dropout as at inference.
Inputs and outputs have fixed names; n is any number of rows, the same in all inputs of a request.

  serving_default  waveform float32 [n, samples]        → image float32 [n, 128, 128, 3] in [0, 1]
  wav_bytes        audio_bytes string [n]               → image_bytes string [n], PNG
  sound_features   sound_features float32 [n, 4096]     → image
  image_features   image_features float32 [n, 4096]     → image
  embed_sound      waveform                             → sound_features, before, after, heard,
                                                          known_score
  hear             waveform                             → heard, known_score
  embed_image      image_features                       → before, after
  draw             before float32 [n, hidden units]     → image
  samples          waveform, num_samples, seed          → images float32 [n, m, 128, 128, 3]
  draw_samples     before, num_samples, seed            → images
  wav_bytes_samples  audio_bytes, num_samples, seed     → image_bytes string [n, m]

`before` and `after` are the multimodal vectors before and after the activation (paper section 5.3),
`heard` class probabilities [n, classes]. The last three exist where the model is stochastic. They
take int32 [n], so that a server can batch requests, and m is the largest number asked for: a row's
first `num_samples` pictures are its own.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import checks, wav
from s2i_tf.serving.exported import DEFAULT_NAME

DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY

WAVEFORM = tf.TensorSpec([None, None], tf.float32, "waveform")
AUDIO_BYTES = tf.TensorSpec([None], tf.string, "audio_bytes")
SOUND_FEATURES = tf.TensorSpec([None, spec.FEATURE_SIZE], tf.float32, "sound_features")
IMAGE_FEATURES = tf.TensorSpec([None, spec.FEATURE_SIZE], tf.float32, "image_features")
NUM_SAMPLES = tf.TensorSpec([None], tf.int32, "num_samples")
SEED = tf.TensorSpec([None], tf.int32, "seed")

Outputs = dict[str, tf.Tensor]


class Signatures:
    """The functions, for a model and the net that gives its sound features.

    Args:
      model: the trained model.
      sound_net: the extractor's Keras model: windows float32 [n, samples] within ±256, of the
        length that it takes, to sound features [n, 4096]; scale and spectrogram are in it.
    """

    def __init__(self, model: SoundToImage, sound_net: keras.Model):
        self.model = model
        self.sound_net = sound_net
        self._window_samples = sound_net.input_shape[1]
        # Each is traced once for all the signatures that use it.
        self._features, self._features_of_files, self._picture, self._samples = (
            tf.function(function, autograph=False)
            for function in (
                self._hear_waveforms,
                self._hear_files,
                model.picture_of_vector,
                self._draw_samples,
            )
        )

    def serving_default(self, waveform: tf.Tensor) -> Outputs:
        """Pictures of waveforms."""
        return {"image": self._picture(self._vectors(self._features(waveform)))}

    def wav_bytes(self, audio_bytes: tf.Tensor) -> Outputs:
        """PNG files of WAV files."""
        before = self._vectors(self._features_of_files(audio_bytes))
        return {"image_bytes": encode_png(self._picture(before))}

    def sound_features(self, sound_features: tf.Tensor) -> Outputs:
        """Pictures of sound features."""
        features = checks.checked_vectors(sound_features, "sound_features")
        return {"image": self._picture(self._vectors(features))}

    def image_features(self, image_features: tf.Tensor) -> Outputs:
        """Pictures of image features (paper section 5.2)."""
        features = checks.checked_vectors(image_features, "image_features")
        return {"image": self.model.picture_of_image_features(features)}

    def embed_sound(self, waveform: tf.Tensor) -> Outputs:
        """Multimodal vectors and classes of waveforms, and the sound features they come from."""
        features = self._features(waveform)
        return {"sound_features": features, **self.model.what_is_heard(features)}

    def hear(self, waveform: tf.Tensor) -> Outputs:
        """Class probabilities of waveforms, and whether they are like anything known."""
        found = self.model.what_is_heard(self._features(waveform))
        return {name: found[name] for name in ("heard", "known_score")}

    def embed_image(self, image_features: tf.Tensor) -> Outputs:
        """Multimodal vectors of image features."""
        features = checks.checked_vectors(image_features, "image_features")
        return self.model.multimodal.hidden_of_image(features)._asdict()

    def draw(self, before: tf.Tensor) -> Outputs:
        """Pictures of multimodal vectors."""
        return {"image": self._picture(self._checked_before(before))}

    def samples(self, waveform: tf.Tensor, num_samples: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """Several pictures of each waveform."""
        before = self._vectors(self._features(waveform))
        return {"images": self._samples(before, num_samples, seed)}

    def draw_samples(self, before: tf.Tensor, num_samples: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """Several pictures of each multimodal vector."""
        return {"images": self._samples(self._checked_before(before), num_samples, seed)}

    def wav_bytes_samples(
        self, audio_bytes: tf.Tensor, num_samples: tf.Tensor, seed: tf.Tensor
    ) -> Outputs:
        """Several PNG files of each WAV file."""
        before = self._vectors(self._features_of_files(audio_bytes))
        pictures = self._samples(before, num_samples, seed)
        num_rows, num_pictures = tf.unstack(tf.shape(pictures)[:2])
        flat = tf.reshape(pictures, [-1, *pictures.shape[2:]])
        return {"image_bytes": tf.reshape(encode_png(flat), [num_rows, num_pictures])}

    def specs(self) -> dict[str, tuple[Callable[..., Outputs], tuple[tf.TensorSpec, ...]]]:
        """Each signature's function and inputs, by name."""
        before = tf.TensorSpec([None, self.model.multimodal.hidden_units], tf.float32, "before")
        table = {
            DEFAULT: (self.serving_default, (WAVEFORM,)),
            "wav_bytes": (self.wav_bytes, (AUDIO_BYTES,)),
            "sound_features": (self.sound_features, (SOUND_FEATURES,)),
            "image_features": (self.image_features, (IMAGE_FEATURES,)),
            "embed_sound": (self.embed_sound, (WAVEFORM,)),
            "hear": (self.hear, (WAVEFORM,)),
            "embed_image": (self.embed_image, (IMAGE_FEATURES,)),
            "draw": (self.draw, (before,)),
        }
        if self.model.stochastic:
            table |= {
                "samples": (self.samples, (WAVEFORM, NUM_SAMPLES, SEED)),
                "draw_samples": (self.draw_samples, (before, NUM_SAMPLES, SEED)),
                "wav_bytes_samples": (self.wav_bytes_samples, (AUDIO_BYTES, NUM_SAMPLES, SEED)),
            }
        return table

    def module(self) -> tuple[tf.Module, dict[str, tf.types.experimental.ConcreteFunction]]:
        """What `tf.saved_model.save` takes: the variables' owner, and the traced signatures."""
        module = tf.Module(name=DEFAULT_NAME)
        # The variables alone: with Keras' layers a loader would have to know their classes.
        nets = (self.sound_net, *self.model.sound_parts)
        module.weights = [variable.value for net in nets for variable in net.weights]
        signatures = {
            name: tf.function(function, inputs, autograph=False).get_concrete_function()
            for name, (function, inputs) in self.specs().items()
        }
        return module, signatures

    def _vectors(self, sound_features: tf.Tensor) -> tf.Tensor:
        """Multimodal vectors before the activation."""
        return self.model.multimodal.hidden_of_sound(sound_features).before

    def _hear_waveforms(self, waveform: tf.Tensor) -> tf.Tensor:
        """Sound features [n, 4096] of the waveforms of a request."""
        windows = wav.window(checks.checked_waveform(waveform), self._window_samples)
        return self.sound_net(wav.scaled(windows), training=False)

    def _checked_before(self, before: tf.Tensor) -> tf.Tensor:
        return checks.checked_vectors(before, "before", self.model.multimodal.hidden_units)

    def _hear_files(self, audio_bytes: tf.Tensor) -> tf.Tensor:
        """Sound features [n, 4096] of the WAV files of a request."""
        windows = tf.map_fn(
            lambda contents: wav.feature_window(contents, self._window_samples),
            checks.checked_bytes(audio_bytes),
            fn_output_signature=tf.TensorSpec([self._window_samples], tf.float32),
        )
        return self.sound_net(windows, training=False)

    def _draw_samples(
        self, before: tf.Tensor, num_samples: tf.Tensor, seed: tf.Tensor
    ) -> tf.Tensor:
        """Pictures [n, m, 128, 128, 3]; those of sample 0 are the deterministic ones."""
        num_rows = tf.shape(before)[0]
        num_samples, seed = checks.checked_draws(num_samples, seed, num_rows)
        first = self._picture(before)

        def further(sample: tf.Tensor) -> tf.Tensor:
            draws = tf.stack([seed, tf.fill([num_rows], sample)], axis=1)
            return self.model.picture_of_vector(before, draws)

        most = tf.reduce_max(num_samples)

        def with_further() -> tf.Tensor:
            # One after the other: side by side they would need the memory of all at once.
            others = tf.map_fn(
                further,
                tf.range(1, most),
                fn_output_signature=tf.TensorSpec(first.shape, first.dtype),
                parallel_iterations=1,
            )
            return tf.concat([first[None], others], axis=0)

        pictures = tf.cond(most > 1, with_further, lambda: first[None])  # none cannot be stacked
        return tf.transpose(pictures, [1, 0, 2, 3, 4])


def encode_png(pictures: tf.Tensor) -> tf.Tensor:
    """Pictures [n, 128, 128, 3] in [0, 1] as PNG files [n]."""
    pixels = tf.cast(tf.round(tf.clip_by_value(pictures, 0, 1) * 255), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)
