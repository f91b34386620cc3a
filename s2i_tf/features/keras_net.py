"""What our Keras nets share: weights by variable name, random weights, a compiled call."""

import math
import pathlib
import re
from collections.abc import Mapping

import keras
import numpy as np

from s2i_tf.errors import UserError, first_line
from s2i_tf.features import catalogue, labels
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.base import Net

_RANDOM = re.compile(r"random:(\d+)")


def load_weights(model: keras.Model, name: str, weights: str | None) -> str:
    """Fills a model of ours from arrays.

    Args:
      model: the model, whose variables' paths are the names of the arrays.
      name: the released weights' name in the catalogue.
      weights: None for the released ones, `random:SEED`, or a local file.

    Returns:
      The checksum for the fingerprint: SHA-256 over the arrays, or `random:SEED`.

    Raises:
      UserError: if the weights can't be had or don't fit.
    """
    if is_random(weights):
        _assign_random(model, weights)
        return weights
    if weights is None:
        assign(model, weights_lib.load(name), weights_lib.path(name))
        return catalogue.source(name).content_sha256
    arrays = weights_lib.read_file(name, weights)
    assign(model, arrays, weights)
    return weights_lib.content_digest(arrays)


def load_h5_weights(model: keras.Model, name: str, weights: str | None) -> str:
    """Fills a model of `keras.applications` from its HDF5 file; otherwise as `load_weights`."""
    if is_random(weights):
        return load_weights(model, name, weights)
    file = weights_lib.fetch(name) if weights is None else pathlib.Path(weights)
    checksum = weights_lib.checksum(file, "sha256")
    try:
        model.load_weights(str(file))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{file}: not weights of {name} ({first_line(error)}); "
            "allowed: the .h5 file of keras.applications"
        ) from None
    return checksum


def load_labels(kind: str, weights: str | None) -> tuple[str, ...]:
    """The names of a classifier's outputs; numbers where its weights are random."""
    return labels.numbered(kind) if is_random(weights) else labels.load(kind)


def is_random(weights: str | None) -> bool:
    """Whether the weights are `random:SEED`."""
    return _RANDOM.fullmatch(weights or "") is not None


def assign(model: keras.Model, arrays: Mapping[str, np.ndarray], origin: object) -> None:
    """Fills a model of ours from arrays by the paths of its variables.

    Raises:
      UserError: naming `origin`, if one is missing or of another shape.
    """
    for variable in model.weights:
        array, allowed = arrays.get(variable.path), tuple(variable.shape)
        if array is None or array.shape != allowed:
            got = "missing" if array is None else f"of shape {array.shape}"
            raise UserError(f"{origin}: {variable.path} is {got}; allowed: {allowed}")
        variable.assign(array)


def _assign_random(model: keras.Model, weights: str) -> None:
    """Kernels that keep a signal's scale (He et al. 2015); all else stays as Keras starts it."""
    rng = np.random.default_rng(int(_RANDOM.fullmatch(weights)[1]))
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            # A depthwise kernel [height, width, channels, 1] sums over its window alone.
            num_outputs = shape[-1] if shape[-1] > 1 else shape[-2]
            fan_in = math.prod(shape) // num_outputs
            kernel = rng.standard_normal(shape, np.float32)
            kernel *= np.float32(np.sqrt(2 / fan_in))
            variable.assign(kernel)


class KerasNet(Net):
    """A net that is one Keras model, run as a graph that is traced once for any batch size."""

    model: keras.Model

    def _compile(self, model: keras.Model) -> None:
        import tensorflow as tf  # a training on JAX takes the weights alone

        self.model = model
        spec = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)
        self._call = tf.function(lambda batch: model(batch, training=False), [spec])

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, outputs] of a stack of prepared items."""
        return self._call(batch).numpy()
