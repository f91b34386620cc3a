"""What our Keras nets share: weights by variable name, random weights, a compiled call."""

import re
from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.features import labels
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.base import Net

_RANDOM = re.compile(r"random:(\d+)")


def random_seed(weights: str | None) -> int | None:
    """The SEED of `random:SEED`, or None for weights that are released or in a file."""
    match = _RANDOM.fullmatch(weights or "")
    return int(match[1]) if match else None


def load_weights(model: keras.Model, name: str, weights: str | None) -> str:
    """Fills a model.

    Args:
      model: its variables' paths are the names of the arrays.
      name: the released weights' name in the catalogue.
      weights: None for the released ones, `random:SEED`, or a local file.

    Returns:
      The checksum for the fingerprint: SHA-256 over the arrays, or `random:SEED`.

    Raises:
      UserError: if the weights can't be had or don't fit.
    """
    seed = random_seed(weights)
    if seed is not None:
        _assign(model, _random_arrays(model, seed), weights)
        return weights
    arrays = weights_lib.load(name) if weights is None else weights_lib.read_file(name, weights)
    _assign(model, arrays, weights or weights_lib.path(name))
    return weights_lib.content_digest(arrays)


def load_labels(kind: str, weights: str | None) -> tuple[str, ...]:
    """The names of a classifier's outputs; numbers where its weights are random."""
    return labels.load(kind) if random_seed(weights) is None else labels.numbered(kind)


def _assign(model: keras.Model, arrays: Mapping[str, np.ndarray], origin: object) -> None:
    for variable in model.weights:
        array = arrays.get(variable.path)
        if array is None or array.shape != tuple(variable.shape):
            got = "nothing" if array is None else array.shape
            raise UserError(f"{origin}: {variable.path} has {got}; allowed: {tuple(variable.shape)}")
        variable.assign(array)


def _random_arrays(model: keras.Model, seed: int) -> dict[str, np.ndarray]:
    """Kernels that keep a signal's scale (He et al. 2015); all else as Keras starts it."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for variable in model.weights:
        array = np.array(variable)
        if array.ndim > 1:
            # A depthwise kernel's third axis is not summed over.
            fan_in = array[..., 0].size if "depthwise" not in variable.path else array[..., 0, 0].size
            array = rng.standard_normal(array.shape, np.float32) * np.sqrt(2 / fan_in)
        arrays[variable.path] = array
    return arrays


class KerasNet(Net):
    """A net that is one Keras model; batches run through one traced graph, whatever their size."""

    model: keras.Model

    def _compile(self, model: keras.Model) -> None:
        """Sets `model` and traces it once for any batch size."""
        self.model = model
        spec = tf.TensorSpec(model.inputs[0].shape, model.inputs[0].dtype)
        self._call = tf.function(lambda batch: model(batch, training=False), [spec])

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, outputs] of a stack of prepared items."""
        return self._call(tf.convert_to_tensor(batch)).numpy()
