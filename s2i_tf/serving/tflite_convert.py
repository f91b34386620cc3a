"""Functions of Keras models as TFLite models: prepared, traced, and converted with builtin ops."""

import dataclasses
import re
import tempfile
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving.precision import in_float32

CALIBRATED = "full_int8"

_UNSUPPORTED = re.compile(r"(?:Custom|TF Select) ops: (.+)")

# Examples of a signature's inputs, one at a time.
Examples = dict[str, list[dict[str, np.ndarray]]]


class _Sum(keras.layers.Layer):
    """What `keras.layers.Add` makes of two tensors, for a batch of one too."""

    def call(self, inputs):
        """The sum of two tensors of one shape."""
        first, second = inputs
        return first + second


def convertible(model: SoundToImage) -> SoundToImage:
    """The model as the converter should see it: in float32, its layers' sums plain additions.

    Of vectors [1, size] Keras takes the second summand for a bias. The converter then computes what
    comes after the sum once for each summand, which full int8 cannot run.
    """

    def plain(layer: keras.layers.Layer) -> keras.layers.Layer:
        return _Sum(name=layer.name) if isinstance(layer, keras.layers.Add) else layer

    model = in_float32(model)
    return dataclasses.replace(
        model,
        feature_generator=keras.models.clone_model(model.feature_generator, clone_function=plain),
        image_generator=keras.models.clone_model(model.image_generator, clone_function=plain),
    )


def traced(function: Callable, **shapes: list[int]) -> tf.types.experimental.ConcreteFunction:
    """The function for float32 inputs of these names and shapes."""
    inputs = [tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()]
    return tf.function(function, inputs, autograph=False).get_concrete_function()


def convert(
    functions: dict[str, tf.types.experimental.ConcreteFunction],
    nets: tuple[keras.Model, ...],
    quantization: str,
    calibration: Examples,
) -> bytes:
    """Any functions as one TFLite model.

    Args:
      functions: traced functions by the name of their signature.
      nets: all whose variables they use.
      quantization: a key of `tflite_export.QUANTIZATIONS`.
      calibration: examples of every signature's inputs, which `full_int8` needs.

    Raises:
      UserError: naming the ops, if the model needs any that TFLite has not.
    """
    module = tf.Module()
    module.weights = [variable.value for net in nets for variable in net.weights]
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, list(functions))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantization != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantization == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantization == CALIBRATED:
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.representative_dataset = lambda: (
                (signature, inputs) for signature, rows in calibration.items() for inputs in rows
            )
        try:
            return converter.convert()
        except Exception as error:  # the converter's own error class is not public
            if not (found := _UNSUPPORTED.findall(str(error))):
                raise
            ops = ", ".join(dict.fromkeys(found))
            raise UserError(f"TFLite has no builtin op for this model's {ops}") from None
