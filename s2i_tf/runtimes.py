"""What computes a model's pictures: Keras, a SavedModel or a TFLite file, told by what is there."""

import importlib.util
import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from s2i_tf.errors import UserError, no_tensorflow
from s2i_tf.model_folder import DESCRIPTION_FILE, FOLDER_IN_RUN, find_model

RUNTIMES = ("auto", "tensorflow", "lite")


class Runtime(Protocol):
    """What computes: Keras, a SavedModel or a TFLite file; arrays in, arrays out.

    Some have `embed_image` for photos too, and `find_sounds` with `require_reverse`.
    """

    class_names: tuple[str, ...]
    extractors: dict[str, str]
    fingerprints: dict[str, str]
    stochastic: bool

    @property
    def hidden_units(self) -> int:
        """Length of the multimodal vectors."""

    @property
    def image_side(self) -> int:
        """Height and width of the pictures, in pixels."""

    def listen(self, waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
        """As of `SoundToImage.what_is_heard`, of waveforms as `media.audio` has them."""

    def draw(self, before: np.ndarray, samples: Sequence[int], seed: int) -> np.ndarray:
        """Pictures [sounds, samples, side, side, 3] in [0, 1] of multimodal vectors."""


def load(
    path: pathlib.Path, runtime: str, quick_start: bool
) -> tuple[Runtime, Callable[[], Runtime] | None]:
    """What computes the model at a path, and what loads one that takes photos too, if that is else.

    Args:
      path: folder of a model or of the run that trained it, a SavedModel or the folder of its
        versions, or a TFLite file.
      runtime: one of `RUNTIMES`.
      quick_start: see `serving.tflite.TFLiteModel.load`.

    Raises:
      UserError: if there is no model, it cannot be read, or what computes it is not installed.
    """
    from s2i_tf.serving import lite_file, loaded, tflite_metadata
    from s2i_tf.serving.tflite import TFLiteModel

    described = (path / DESCRIPTION_FILE, path / FOLDER_IN_RUN / DESCRIPTION_FILE)
    if (path / lite_file.FILE_NAME).is_file() and not any(file.exists() for file in described):
        path /= lite_file.FILE_NAME  # as `s2i export --format=lite` leaves it
    if path.suffix == ".tflite" or tflite_metadata.is_tflite(path):
        if runtime == "tensorflow":
            raise UserError(f"{path}: a TFLite file runs without TensorFlow; allowed: runtime lite")
        return TFLiteModel.load(path, quick_start=quick_start), None
    if saved_model := loaded.find(path):
        if runtime == "lite":
            raise UserError(f"{path}: a SavedModel runs on TensorFlow; allowed: runtime tensorflow")
        _require_tensorflow()
        return loaded.LoadedModel(saved_model), None
    folder = find_model(path)
    lite = None if runtime == "tensorflow" else lite_file.find(folder)
    if runtime == "lite" and lite is None:
        _require_tensorflow()
        lite = lite_file.make(folder)
    if lite is None:
        return _Keras(folder), None
    return TFLiteModel.load(lite, quick_start=quick_start), lambda: _Keras(folder)


class _Keras:
    """A model's folder, computed by Keras."""

    def __init__(self, folder: pathlib.Path):
        _require_tensorflow()
        from s2i_tf.models.sound_to_image import SoundToImage

        self._model = SoundToImage.load(folder)
        self.class_names = self._model.class_names
        self.extractors = self._model.extractors
        self.fingerprints = self._model.fingerprints
        self.stochastic = self._model.stochastic
        self.hidden_units = self._model.multimodal.hidden_units
        self.image_side = self._model.image_side
        self.require_reverse = self._model.require_reverse
        self._sound_net: Any = None
        # Layers that draw keep their seeds in themselves while they do.
        self._lock = threading.Lock()

    def listen(self, waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
        from s2i_tf import features

        with self._lock:
            self._sound_net = self._sound_net or features.load_same_extractor(self, "sound")
            net = self._sound_net
            prepared = np.stack([net.prepare(waveform) for waveform in waveforms])
            return self._model.listen(net(prepared))

    def draw(self, before: np.ndarray, samples: Sequence[int], seed: int) -> np.ndarray:
        with self._lock:
            drawn = [self._model.draw(before, sample=sample, seed=seed) for sample in samples]
        return np.stack(drawn, axis=1)

    def embed_image(self, image_features: np.ndarray) -> np.ndarray:
        """Multimodal vectors [photos, hidden units] after the activation."""
        with self._lock:
            return self._model.embed_image(image_features).after

    def find_sounds(self, image_features: np.ndarray, num: int) -> list[list[tuple]]:
        """For each photo the nearest training sounds, each as the fields of a `FoundSound`."""
        with self._lock:
            found = self._model.nearest_sounds(image_features, num)
        index = self._model.sound_index
        return [
            [
                (
                    str(index.ids[position]),
                    self.class_names[index.labels[position]],
                    str(index.groups[position]),
                    float(distance),
                )
                for position, distance in zip(*row, strict=True)
            ]
            for row in zip(*found, strict=True)
        ]


def _require_tensorflow() -> None:
    if importlib.util.find_spec("tensorflow") is None:
        raise no_tensorflow()
