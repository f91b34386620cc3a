"""`hub:HANDLE_OR_FOLDER`: any image model of TF-Hub, or in a SavedModel's folder.

By TF-Hub's convention for images the input is float32 [batch, height, width, 3] in [0, 1]. Read
is the signature `serving_default` (or `default`, or the only one). A classifier with 1001 outputs
has a background class first, which is dropped; 1000 are ImageNet's, any other number is only
numbered. A feature vector of another length than 4096 is projected to it.
"""

import pathlib

import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.errors import UserError, first_line
from s2i_tf.features import labels, projection
from s2i_tf.features import weights as weights_lib
from s2i_tf.features.base import Classifier, Extractor, Fingerprint, PictureNet

# For models that take any size.
DEFAULT_SIDE = 224
_SIGNATURES = ("serving_default", "default")
_OUTPUTS = ("default", "logits", "output_0")


class _HubNet(PictureNet):
    """One signature of a SavedModel, from pictures in [0, 1] to float32 [batch, num_outputs]."""

    def __init__(self, handle: str, weights: str | None):
        if weights is not None:
            raise UserError(f"weights {weights!r}; allowed for hub:{handle}: its own")
        self.name = f"hub:{handle}"
        path = folder(handle)
        self._signature = _signature(path, self.name)
        self._input, self.side = _image_input(self._signature, self.name)
        self._output, self._num_outputs = _vector_output(self._signature, self.name)
        self._checksum = weights_lib.folder_checksum(path)

    def _outputs(self, batch: np.ndarray) -> tf.Tensor:
        pictures = tf.cast(batch, tf.float32) / 255.0
        return self._signature(**{self._input: pictures})[self._output]

    def _fingerprint(self, layer: str, order: str = "") -> Fingerprint:
        return Fingerprint(
            net=self.name,
            weights_sha256=self._checksum,
            preprocessing=self.described("to [0, 1]"),
            layer=layer,
            order=order,
        )


class HubExtractor(_HubNet, Extractor):
    """A picture to 4096 values."""

    def __init__(self, handle: str, weights: str | None = None):
        super().__init__(handle, weights)
        layer = self._output
        self._projection = None
        if self._num_outputs != spec.FEATURE_SIZE:
            self._projection = projection.orthogonal(self._num_outputs, spec.FEATURE_SIZE)
            layer += f", {self._num_outputs} values projected by seed {projection.SEED}"
        self.fingerprint = self._fingerprint(layer, order="unit")

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, 4096] of a stack of prepared pictures."""
        features = self._outputs(batch).numpy()
        return features if self._projection is None else features @ self._projection


class HubClassifier(_HubNet, Classifier):
    """A picture to label scores."""

    def __init__(self, handle: str, weights: str | None = None):
        super().__init__(handle, weights)
        self._first = 1 if self._num_outputs == spec.NUM_IMAGENET_LABELS + 1 else 0
        num_labels = self._num_outputs - self._first
        if num_labels == spec.NUM_IMAGENET_LABELS:
            self.labels = labels.load("imagenet")
        else:
            self.labels = labels.numbered("label", num_labels)
        dropped = ", background dropped" if self._first else ""
        self.fingerprint = self._fingerprint(self._output + dropped)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, labels] of a stack of prepared pictures."""
        return self._outputs(batch)[:, self._first :].numpy()


def folder(handle: str) -> pathlib.Path:
    """Where a model lies, downloaded first if it has to be.

    Raises:
      UserError: if the handle is neither a folder nor can be downloaded.
    """
    if pathlib.Path(handle).exists():
        return pathlib.Path(handle)
    import tensorflow_hub  # slow to import, and a folder doesn't need it

    try:
        return pathlib.Path(tensorflow_hub.resolve(handle))
    except Exception as error:  # whatever the resolver of that kind of handle raises
        raise UserError(
            f"hub:{handle}: neither a folder nor a handle that can be downloaded "
            f"({first_line(error)})"
        ) from None


def _signature(path: pathlib.Path, name: str):
    try:
        signatures = tf.saved_model.load(str(path)).signatures
    except (OSError, ValueError, AttributeError, tf.errors.OpError) as error:
        raise UserError(f"{name}: not a SavedModel ({first_line(error)})") from None
    for key in _SIGNATURES:
        if key in signatures:
            return signatures[key]
    if len(signatures) == 1:
        return next(iter(signatures.values()))
    raise UserError(f"{name}: signatures {sorted(signatures)}; allowed: {' or '.join(_SIGNATURES)}")


def _image_input(signature, name: str) -> tuple[str, int]:
    """The input's name and side."""
    inputs = signature.structured_input_signature[1]
    for key, tensor in inputs.items():
        if len(inputs) == 1 and tensor.dtype == tf.float32 and tensor.shape.rank == 4:
            sides = set(tensor.shape[1:3]) - {None}
            if len(sides) < 2 and tensor.shape[0] is None and tensor.shape[3] in (3, None):
                return key, sides.pop() if sides else DEFAULT_SIDE
    raise UserError(f"{name}: takes {inputs}; allowed: float32 [batch, side, side, 3]")


def _vector_output(signature, name: str) -> tuple[str, int]:
    """The output's name and length."""
    outputs = signature.structured_outputs
    keys = [key for key in _OUTPUTS if key in outputs] or list(outputs)
    tensor = outputs[keys[0]]
    if (len(outputs) > 1 and keys[0] not in _OUTPUTS) or tensor.shape.rank != 2:
        raise UserError(f"{name}: gives {outputs}; allowed: [batch, values] in one of {_OUTPUTS}")
    return keys[0], tensor.shape[1]
