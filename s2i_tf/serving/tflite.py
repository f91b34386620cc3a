"""Runs a TFLite file that `s2i export --format=tflite` wrote, in the place of a trained model.

Needs ai-edge-litert and NumPy, no TensorFlow. A file may be used by several threads: its runtime
computes for one of them at a time.
"""

import os
import pathlib
import threading
import types

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.serving import tflite_metadata

WAVEFORM_SIGNATURE = "serving_default"
FEATURES_SIGNATURE = "sound_features"
EMBED_SIGNATURE = "embed_sound"
DRAW_SIGNATURE = "draw"


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
        self._path = path
        self._lock = threading.Lock()
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

    def listen(self, waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
        """What is heard in waveforms, each float32 [samples] within ±256 at 22,050 Hz.

        Returns:
          `heard`, class probabilities [num, classes], and the multimodal vectors `before` and
          `after` the activation, each [num, hidden units].
        """
        from s2i_tf.media import audio

        windows = np.stack([audio.feature_window(waveform) for waveform in waveforms])
        return self._run(EMBED_SIGNATURE, "waveform", windows / np.float32(spec.WAVEFORM_SCALE))

    def draw(self, before: np.ndarray, num_samples: int = 1, seed: int = 0) -> np.ndarray:
        """Pictures of multimodal vectors.

        Args:
          before: float32 [num, hidden units], before the activation.
          num_samples: 1, the one deterministic picture.
          seed: of further pictures, of which there are none.

        Returns:
          Float32 [num, 1, 128, 128, 3] in [0, 1].

        Raises:
          UserError: if further pictures are asked for.
        """
        _only_one(num_samples)
        return self._run(DRAW_SIGNATURE, "before", before)["image"][:, None]

    def generate(self, sound_features: np.ndarray, *, sample: int = 0, seed: int = 0) -> np.ndarray:
        """Pictures float32 [num, 128, 128, 3] in [0, 1] of sound features [num, 4096].

        Raises:
          UserError: if another picture than sample 0 is asked for.
        """
        _only_one(sample + 1)
        return self._run(FEATURES_SIGNATURE, "sound_features", sound_features)["image"]

    def generate_from_windows(self, windows: np.ndarray) -> np.ndarray:
        """Pictures [num, 128, 128, 3] of windows float32 [num, 132300] in [-1, 1]."""
        return self._run(WAVEFORM_SIGNATURE, "waveform", windows)["image"]

    def _run(self, signature: str, name: str, rows: np.ndarray) -> dict[str, np.ndarray]:
        """A signature's outputs, of one row at a time."""
        if signature not in self._interpreter.get_signature_list():
            raise UserError(
                f"{self._path}: has no signature {signature!r}, for an older version wrote it; "
                "`s2i export` writes it anew"
            )
        with self._lock:
            runner = self._interpreter.get_signature_runner(signature)
            answers = [runner(**{name: row[None].astype(np.float32)}) for row in rows]
            outputs = runner.get_output_details()
        return {
            output: np.concatenate([answer[output] for answer in answers])
            if answers
            else np.zeros((0, *details["shape"][1:]), np.float32)
            for output, details in outputs.items()
        }


def _only_one(num_samples: int) -> None:
    if num_samples > 1:
        raise UserError("a TFLite file gives one picture a sound; further samples need the model")


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
