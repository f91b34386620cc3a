"""Feature vectors as square maps and back (paper sections 5.2 and 5.4).

A vector of 4096 is a 64×64 map, row by row, repeated to 128×128 "in order to obtain the ensemble
effect": the network sees each value four times and, where features are the target, predicts it
four times; the mean of each 2×2 block gives the vector back. Where a map has the side of a picture
that is not 128 px wide, values are repeated once or 4×4 times.
"""

import keras
from keras import ops

from s2i_tf import spec
from s2i_tf.errors import UserError, unknown_name


def to_map(features, side: int = spec.MAP_SIDE):
    """Features [batch, 4096] as a map [batch, side, side, 1].

    Raises:
      UserError: if the vectors have another size, as those of a smaller hidden layer do.
    """
    if features.shape[-1] != spec.FEATURE_SIZE:
        raise UserError(
            f"a square map has {spec.FEATURE_SIZE} values, the vector {features.shape[-1]}; "
            f"allowed: multimodal.hidden_units={spec.FEATURE_SIZE}, or networks that take vectors"
        )
    square = ops.reshape(features, (-1, spec.FEATURE_SIDE, spec.FEATURE_SIDE, 1))
    repeats = side // spec.FEATURE_SIDE
    if repeats == 1:
        return square
    return ops.repeat(ops.repeat(square, repeats, axis=1), repeats, axis=2)


def from_map(feature_map):
    """The features [batch, 4096] of a map [batch, side, side, 1]: the means of its blocks."""
    repeats = feature_map.shape[1] // spec.FEATURE_SIDE
    means = ops.average_pool(feature_map, repeats, strides=repeats)
    return ops.reshape(means, (-1, spec.FEATURE_SIZE))


def run(generator: keras.Model, vector, training: bool = False):
    """Features [batch, 4096] that a generator makes of a vector, in the layout that it takes.

    Of a generator of maps the means of the blocks, of one of vectors what it makes.
    """
    made = generator(lay_out(vector, generator), training=training)
    return from_map(made) if len(made.shape) == 4 else made


def lay_out(vector, generator: keras.Model):
    """A vector [batch, size] as a generator takes it: as it is, or as a map of its side."""
    shape = generator.input_shape
    return vector if len(shape) == 2 else to_map(vector, shape[1])


@keras.saving.register_keras_serializable("s2i_tf")
class FeatureScaler(keras.layers.Layer):
    """Brings features to zero mean and unit spread, with statistics that `adapt` takes once.

    Args:
      scaling: `none`, `standardize` or `log_standardize` (see `s2i_tf.config`).
    """

    def __init__(self, scaling: str, **kwargs):
        super().__init__(**kwargs)
        if scaling not in spec.FEATURE_SCALINGS:
            raise unknown_name("feature scaling", scaling, spec.FEATURE_SCALINGS)
        self.scaling = scaling

    def build(self, input_shape):
        """Makes mean and spread of each of the features, 0 and 1 until `adapt`."""
        size = (input_shape[-1],)
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False, name="mean")
        self.spread = self.add_weight(
            shape=size, initializer="ones", trainable=False, name="spread"
        )

    def call(self, features):
        """Features [batch, size] to scaled features [batch, size]."""
        return (self._compressed(features) - self.mean) / self.spread

    def adapt(self, features) -> None:
        """Takes mean and spread from training features [num, size].

        A feature that hardly ever varies would be blown up by its own spread, so none is divided
        by less than a tenth of the typical one.
        """
        self.build_once(features.shape)
        if self.scaling == "none":
            return
        values = ops.convert_to_numpy(self._compressed(ops.convert_to_tensor(features)))
        spread = values.std(axis=0)
        floor = max(0.1 * float((spread**2).mean() ** 0.5), 1e-6)
        self.mean.assign(values.mean(axis=0))
        self.spread.assign(spread.clip(min=floor))

    def build_once(self, input_shape) -> None:
        """Builds the layer unless it is built."""
        if not self.built:
            self.build(input_shape)

    def _compressed(self, features):
        if self.scaling == "log_standardize":
            return ops.sign(features) * ops.log1p(ops.abs(features))
        return features
