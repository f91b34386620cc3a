"""Models that compute in float32, whatever precision they were trained in.

Their variables are float32 already. Exports compute in it too, because a server's or a telephone's
processor may have no bfloat16, and TFLite has none.
"""

import dataclasses

import keras

from s2i_tf.models.sound_to_image import SoundToImage

_FLOAT32 = "float32"


def in_float32(model: SoundToImage) -> SoundToImage:
    """The model, or where it computes in another precision one with copies of its generators."""
    return dataclasses.replace(
        model,
        feature_generator=_in_float32(model.feature_generator),
        image_generator=_in_float32(model.image_generator),
    )


def _in_float32(generator: keras.Model) -> keras.Model:
    if all(layer.compute_dtype == _FLOAT32 for layer in generator.layers):
        return generator

    def copy(layer: keras.layers.Layer) -> keras.layers.Layer:
        return type(layer).from_config({**layer.get_config(), "dtype": _FLOAT32})

    copied = keras.models.clone_model(generator, clone_function=copy)
    copied.set_weights(generator.get_weights())
    return copied
