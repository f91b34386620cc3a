"""The multimodal layers: one hidden vector from images only, sounds only, or both (section 5.3).

Each modality has a linear map into the hidden layer; what is given is summed. With both the sum
is twice as large once the two agree, so half of it is used. Any dense vector in, any dense
vector out: [batch, 4096] → [batch, 4096].
"""

from typing import NamedTuple

import keras

from s2i_tf import spec
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
      activation: of the hidden layer, by Keras' name.
      scaling: of the input features, see `FeatureScaler`.
    """

    def __init__(
        self,
        num_classes: int,
        hidden_units: int = spec.FEATURE_SIZE,
        activation: str = "relu",
        scaling: str = "standardize",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "num_classes": num_classes,
            "hidden_units": hidden_units,
            "activation": activation,
            "scaling": scaling,
        }
        self.activation = keras.activations.get(activation)
        self.sound_scaler = FeatureScaler(scaling, name="sound_scaler")
        self.image_scaler = FeatureScaler(scaling, name="image_scaler")
        self.condition_scaler = FeatureScaler(
            "none" if scaling == "none" else "standardize", name="condition_scaler"
        )
        self.sound_layer = keras.layers.Dense(hidden_units, name="sound")
        self.image_layer = keras.layers.Dense(hidden_units, name="image")
        self.output_layer = keras.layers.Dense(num_classes, name="output")

    def build(self, input_shape=None):
        """Makes the weights; the sizes do not depend on the input."""
        for layer in (self.sound_scaler, self.image_scaler):
            layer.build_once((None, spec.FEATURE_SIZE))
        for layer in (self.sound_layer, self.image_layer):
            layer.build((None, spec.FEATURE_SIZE))
        self.condition_scaler.build_once((None, self._config["hidden_units"]))
        self.output_layer.build((None, self._config["hidden_units"]))
        self.built = True

    def hidden_of_sound(self, sound_features) -> Hidden:
        """The hidden layer for sounds only, features [batch, 4096]."""
        before = self.sound_layer(self.sound_scaler(sound_features))
        return Hidden(before, self.activation(before))

    def hidden_of_image(self, image_features) -> Hidden:
        """The hidden layer for images only, features [batch, 4096]."""
        before = self.image_layer(self.image_scaler(image_features))
        return Hidden(before, self.activation(before))

    def hidden_of_both(self, sound: Hidden, image: Hidden) -> Hidden:
        """Half the hidden layer's value for both inputs, from those for each alone."""
        before = sound.before + image.before
        return Hidden(before / 2, self.activation(before) / 2)

    def labels(self, hidden: Hidden):
        """Class scores [batch, num_classes] of a hidden layer."""
        return self.output_layer(hidden.after)

    def call(self, inputs):
        """Class scores for both inputs.

        Args:
          inputs: mapping with `sound_features` and `image_features`, each [batch, 4096].
        """
        sound = self.hidden_of_sound(inputs["sound_features"])
        image = self.hidden_of_image(inputs["image_features"])
        return self.labels(self.hidden_of_both(sound, image))

    def condition_of_sound(self, sound_features):
        """What the feature GAN is given for sounds: the hidden layer before its activation.

        "We decided to use the linearly-converted multimodal features from before the activation
        function" (section 5.3); standardised, see `adapt_condition`.
        """
        return self.condition_scaler(self.hidden_of_sound(sound_features).before)

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
