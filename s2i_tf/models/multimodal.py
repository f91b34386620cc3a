"""The multimodal layers: one hidden vector from images only, sounds only, or both (section 5.3).

Each modality has a linear map into the hidden layer; what is given is summed. With both the sum
is twice as large once the two agree, so half of it is used. Any dense vector in, any dense
vector out: [batch, 4096] → [batch, hidden_units].

Beside the paper's layers: hidden vectors can be normalised to one length, the square root of their
size, so that a value is about 1 as it is without (`normalize`). It is part of the layer: what
retrieval compares, what the losses see and what the GANs are given are the normalised vectors, and
Euclidean distance then ranks as cosine does. The vector for both is the sum normalised.
"""

from typing import NamedTuple

import keras
from keras import ops

from s2i_tf import spec
from s2i_tf.errors import unknown_name
from s2i_tf.models.feature_map import FeatureScaler


class Hidden(NamedTuple):
    """The hidden layer before and after its activation, each [batch, hidden_units]."""

    before: object
    after: object


@keras.saving.register_keras_serializable("s2i_tf")
class MultimodalLayers(keras.Model):
    """Input, hidden and output layer of the paper's Figure 4.

    Args:
      num_classes: size of the output layer.
      hidden_units: size of the hidden layer.
      activation: of the hidden layer, one of `spec.ACTIVATIONS`.
      scaling: of the input features, see `FeatureScaler`.
      normalize: which hidden vectors get a fixed length: `none`, `after` (the activation) or
        `both`, before and after it.
      input_dropout: share of the scaled features that training leaves out.
      hidden_dropout: share of the hidden values after the activation that training keeps from the
        output layer.

    Raises:
      UserError: if a name is unknown.
    """

    def __init__(
        self,
        num_classes: int,
        hidden_units: int = spec.FEATURE_SIZE,
        activation: str = "relu",
        scaling: str = "standardize",
        normalize: str = "none",
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if activation not in spec.ACTIVATIONS:
            raise unknown_name("activation", activation, spec.ACTIVATIONS)
        if normalize not in spec.HIDDEN_NORMALIZATIONS:
            raise unknown_name("normalization", normalize, spec.HIDDEN_NORMALIZATIONS)
        self._config = {
            "num_classes": num_classes,
            "hidden_units": hidden_units,
            "activation": activation,
            "scaling": scaling,
            "normalize": normalize,
            "input_dropout": input_dropout,
            "hidden_dropout": hidden_dropout,
        }
        self.activation = keras.activations.get(activation)
        self.sound_scaler = FeatureScaler(scaling, name="sound_scaler")
        self.image_scaler = FeatureScaler(scaling, name="image_scaler")
        self.condition_scaler = FeatureScaler(
            "none" if scaling == "none" else "standardize", name="condition_scaler"
        )
        self.input_dropout = keras.layers.Dropout(input_dropout, name="input_dropout")
        self.hidden_dropout = keras.layers.Dropout(hidden_dropout, name="hidden_dropout")
        self.sound_layer = keras.layers.Dense(hidden_units, name="sound")
        self.image_layer = keras.layers.Dense(hidden_units, name="image")
        self.output_layer = keras.layers.Dense(num_classes, name="output")

    @property
    def hidden_units(self) -> int:
        """Size of the hidden vectors, and of the condition that the feature GAN is given."""
        return self._config["hidden_units"]

    def build(self, input_shape=None):
        """Makes the weights; the sizes do not depend on the input."""
        for layer in (self.sound_scaler, self.image_scaler):
            layer.build_once((None, spec.FEATURE_SIZE))
        for layer in (self.sound_layer, self.image_layer):
            layer.build((None, spec.FEATURE_SIZE))
        self.condition_scaler.build_once((None, self.hidden_units))
        self.output_layer.build((None, self.hidden_units))

    def hidden_of_sound(self, sound_features, training: bool = False) -> Hidden:
        """The hidden layer for sounds only, features [batch, 4096]."""
        scaled = self.input_dropout(self.sound_scaler(sound_features), training=training)
        return self.hidden_of(self.sound_layer(scaled))

    def hidden_of_image(self, image_features, training: bool = False) -> Hidden:
        """The hidden layer for images only, features [batch, 4096]."""
        scaled = self.input_dropout(self.image_scaler(image_features), training=training)
        return self.hidden_of(self.image_layer(scaled))

    def hidden_of(self, linear) -> Hidden:
        """The hidden layer for what a layer of one modality, or both, give [batch, hidden]."""
        before = _rescaled(linear) if self._config["normalize"] == "both" else linear
        after = self.activation(before)
        return Hidden(before, after if self._config["normalize"] == "none" else _rescaled(after))

    def hidden_of_both(self, sound: Hidden, image: Hidden) -> Hidden:
        """The hidden layer for both inputs, as large as for one, from those for each alone."""
        total = sound.before + image.before
        both = self.hidden_of(total)
        normalize = self._config["normalize"]
        return Hidden(
            both.before if normalize == "both" else total / 2,
            both.after / 2 if normalize == "none" else both.after,
        )

    def labels(self, hidden: Hidden, training: bool = False):
        """Class scores [batch, num_classes] of a hidden layer."""
        return self.output_layer(self.hidden_dropout(hidden.after, training=training))

    def call(self, inputs, training: bool = False):
        """Class scores for both inputs.

        Args:
          inputs: mapping with `sound_features` and `image_features`, each [batch, 4096].
          training: leave values out, as the dropout rates say.
        """
        sound = self.hidden_of_sound(inputs["sound_features"], training)
        image = self.hidden_of_image(inputs["image_features"], training)
        return self.labels(self.hidden_of_both(sound, image), training)

    def condition_of_sound(self, sound_features):
        """What the feature GAN is given for sounds: the hidden layer before its activation.

        "We decided to use the linearly-converted multimodal features from before the activation
        function" (section 5.3); standardised, see `adapt_condition`.
        """
        return self.condition_scaler(self.hidden_of_sound(sound_features).before)

    def condition_of_image(self, image_features):
        """What the reverse feature GAN is given for photos.

        Both modalities meet in one space, so that it is standardised as for sounds.
        """
        return self.condition_scaler(self.hidden_of_image(image_features).before)

    def condition_of_scaled_sound(self, scaled):
        """As `condition_of_sound`, of sound features that were scaled already."""
        return self.condition_scaler(self.hidden_of(self.sound_layer(scaled)).before)

    def condition_of_scaled_image(self, scaled):
        """As `condition_of_image`, of image features that were scaled already."""
        return self.condition_scaler(self.hidden_of(self.image_layer(scaled)).before)

    def adapt(self, sound_features, image_features) -> None:
        """Takes the scalers' statistics from training features, each [num, 4096]."""
        self.sound_scaler.adapt(sound_features)
        self.image_scaler.adapt(image_features)

    def adapt_condition(self, sound_features) -> None:
        """Takes the statistics of the trained hidden layer for sounds [num, 4096]."""
        self.condition_scaler.adapt(self.hidden_of_sound(sound_features).before)

    def get_config(self):
        """The constructor's arguments, for Keras' files."""
        return {**super().get_config(), **self._config}


def _rescaled(vectors):
    """Vectors [batch, size] brought to the length √size."""
    return ops.normalize(vectors, axis=-1) * vectors.shape[-1] ** 0.5
