"""Runs a TFLite file that `s2i export --format=tflite` wrote, in the place of a trained model.

Needs ai-edge-litert and NumPy, no TensorFlow.
"""

import os
import pathlib
import types

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.serving import tflite_metadata

WAVEFORM_SIGNATURE = "serving_default"
FEATURES_SIGNATURE = "sound_features"


class TFLiteModel:
    """A sound-to-image model in one file; draws as `SoundToImage` does, one picture a sound.

    Attributes:
      class_names: of the labels it was trained with.
      fingerprints: digests of the two nets whose features it takes.
      extractors: the names of these nets (`sound`, `image`).
      quantization: of its weights and activations.
      stochastic: False: TFLite has no op that draws from a given seed.
    """

    stochastic = False

    def __init__(self, path: pathlib.Path, facts: dict, num_threads: int | None):
        self.class_names = tuple(facts["class_names"])
        self.fingerprints = facts["fingerprints"]
        self.extractors = facts["extractors"]
        self.quantization = facts["quantization"]
        try:
            self._interpreter = interpreter().Interpreter(str(path), num_threads=num_threads)
        except ValueError as error:
            raise UserError(f"{path}: cannot be run: {str(error).splitlines()[0]}") from None

    @classmethod
    def load(cls, path: str | os.PathLike, *, num_threads: int | None = None) -> "TFLiteModel":
        """Reads a file.

        Args:
          path: of the file.
          num_threads: for each picture; the runtime's choice by default.

        Raises:
          UserError: if it is no such file, or ai-edge-litert is not installed.
        """
        return cls(pathlib.Path(path), tflite_metadata.read(path), num_threads)

    def generate(self, sound_features: np.ndarray, *, sample: int = 0, seed: int = 0) -> np.ndarray:
        """Pictures of sounds.

        Args:
          sound_features: float32 [num, 4096].
          sample: 0, the one deterministic picture.
          seed: of further pictures, of which there are none.

        Returns:
          Float32 [num, 128, 128, 3] in [0, 1].

        Raises:
          UserError: if a further picture is asked for.
        """
        if sample:
            raise UserError(
                "a TFLite file gives one picture a sound; further samples need the model"
            )
        return self._run(FEATURES_SIGNATURE, "sound_features", sound_features)

    def generate_from_windows(self, windows: np.ndarray) -> np.ndarray:
        """Pictures [num, 128, 128, 3] of windows float32 [num, 132300] in [-1, 1]."""
        return self._run(WAVEFORM_SIGNATURE, "waveform", windows)

    def _run(self, signature: str, name: str, rows: np.ndarray) -> np.ndarray:
        runner = self._interpreter.get_signature_runner(signature)
        pictures = [runner(**{name: row[None].astype(np.float32)})["image"][0] for row in rows]
        shape = (len(rows), spec.IMAGE_SIDE, spec.IMAGE_SIDE, spec.IMAGE_CHANNELS)
        return np.array(pictures, np.float32).reshape(shape)


def interpreter() -> types.ModuleType:
    """The runtime's module.

    Raises:
      UserError: if it is not installed.
    """
    try:
        from ai_edge_litert import interpreter as runtime
    except ImportError:
        raise UserError(
            "TFLite files need ai-edge-litert, which is not installed: pip install 's2i_tf[tflite]'"
        ) from None
    return runtime
