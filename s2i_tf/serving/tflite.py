"""Runs a TFLite file that `s2i export --format=tflite` wrote, in the place of a trained model.

Needs ai-edge-litert and NumPy, no TensorFlow. A file may be used by several threads: its runtime
computes for one of them at a time.
"""

import contextlib
import functools
import os
import pathlib
import threading
import types
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from s2i_tf.errors import UserError, first_line
from s2i_tf.serving import draws, tflite_metadata
from s2i_tf.serving.exported import ExportedModel

WAVEFORM_SIGNATURE = "serving_default"
FEATURES_SIGNATURE = "sound_features"
DRAW_SIGNATURE = "draw"
SAMPLES_SIGNATURE = "draw_samples"
NUMBERS = "numbers_"


class TFLiteModel(ExportedModel):
    """A sound-to-image model in one file.

    Attributes:
      stochastic: whether one sound can give several pictures.
    """

    def __init__(self, path: pathlib.Path, facts: dict, num_threads: int | None, quick_start: bool):
        super().__init__(facts, str(path))
        self._path = path
        self._lock = threading.Lock()
        runtime = interpreter()
        # XNNPACK lays out every weight anew, for each signature, before it first computes.
        kernels = (
            runtime.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            if quick_start
            else runtime.OpResolverType.AUTO
        )
        try:
            self._interpreter = runtime.Interpreter(
                str(path), num_threads=num_threads, experimental_op_resolver_type=kernels
            )
        except ValueError as error:
            raise UserError(f"{path}: cannot be run: {first_line(error)}") from None
        self.stochastic = self.has(SAMPLES_SIGNATURE)

    @classmethod
    def load(
        cls, path: str | os.PathLike, *, num_threads: int | None = None, quick_start: bool = False
    ) -> "TFLiteModel":
        """Reads a file.

        Args:
          path: where the file is.
          num_threads: how many threads draw one picture; the runtime's choice by default.
          quick_start: compute with kernels that prepare nothing: the first picture is there in half
            the time and memory, each further one takes three times as long. Numbers differ by
            their last digits.

        Raises:
          UserError: if it is no such file, or ai-edge-litert is not installed.
        """
        return cls(pathlib.Path(path), tflite_metadata.read(path), num_threads, quick_start)

    @functools.cached_property
    def hidden_units(self) -> int:
        """Length of the multimodal vectors."""
        with self._lock, self._named():
            inputs = self._runner(DRAW_SIGNATURE).get_input_details()
        return int(inputs["before"]["shape"][-1])

    def has(self, signature: str) -> bool:
        """Whether the file has a signature of that name."""
        return signature in self._interpreter.get_signature_list()

    def draw(self, before: np.ndarray, samples: Sequence[int] = (0,), seed: int = 0) -> np.ndarray:
        """Pictures of multimodal vectors.

        Args:
          before: float32 [num, hidden units], before the activation.
          samples: numbers of the pictures of each; 0 is the deterministic one.
          seed: random seed of the further ones.

        Returns:
          Float32 [num, samples, side, side, 3] in [0, 1].

        Raises:
          UserError: if further pictures are asked of a model that has no dropout.
        """
        if any(samples) and not self.stochastic:
            raise UserError("this TFLite file gives one picture a sound: its model does, or is old")
        drawn = [
            self.run(SAMPLES_SIGNATURE, seed, sample, before=before)
            if sample
            else self.run(DRAW_SIGNATURE, before=before)
            for sample in samples
        ]
        return np.stack([outputs["image"] for outputs in drawn], axis=1)

    def generate(self, sound_features: np.ndarray) -> np.ndarray:
        """Pictures float32 [num, side, side, 3] in [0, 1] of sound features [num, 4096]."""
        return self.run(FEATURES_SIGNATURE, sound_features=sound_features)["image"]

    def run(
        self, signature: str, seed: int = 0, sample: int = 1, **rows: np.ndarray
    ) -> dict[str, np.ndarray]:
        """A signature's outputs.

        Args:
          signature: name of the signature.
          seed: random seed, of one that draws further samples.
          sample: the sample's number, of such a one.
          **rows: its one other input [num, …], of which it takes one row at a time.

        Raises:
          UserError: if the file has no such signature or input, or is damaged.
        """
        with self._lock, self._named():
            runner = self._runner(signature)
            (taken,) = (name for name in runner.get_input_details() if not name.startswith(NUMBERS))
            if list(rows) != [taken]:
                got = ", ".join(rows) or "nothing"
                raise UserError(f"signature {signature!r} takes {taken}, got {got}")
            numbers = self._numbers(runner, seed, sample)
            values = rows[taken]
            answers = [runner(**{taken: row[None].astype(np.float32)}, **numbers) for row in values]
            outputs = runner.get_output_details()
        return {
            output: np.concatenate([answer[output] for answer in answers])
            if answers
            else np.zeros((0, *details["shape"][1:]), np.float32)
            for output, details in outputs.items()
        }

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Raises what the runtime says of a damaged file, or one written anew, with its name."""
        try:
            yield
        except UserError:
            raise
        except (RuntimeError, ValueError) as error:
            raise UserError(f"{self._path}: cannot be run: {first_line(error)}") from None

    def _runner(self, signature: str) -> Any:
        if not self.has(signature):
            known = ", ".join(self._interpreter.get_signature_list())
            raise UserError(
                f"{self._path}: has no signature {signature!r}, only {known}; where an older "
                "version wrote it, `s2i export` writes it anew"
            )
        return self._interpreter.get_signature_runner(signature)

    def _numbers(self, runner: Any, seed: int, sample: int) -> dict[str, np.ndarray]:
        """The random numbers that `SoundToImage` draws for a sample, by input."""
        inputs = {
            int(name.removeprefix(NUMBERS)): details["shape"]
            for name, details in runner.get_input_details().items()
            if name.startswith(NUMBERS)
        }
        return {
            f"{NUMBERS}{position}": draws.uniform((seed, sample * len(inputs) + position), shape)
            for position, shape in inputs.items()
        }


def interpreter() -> types.ModuleType:
    """The runtime's module.

    Raises:
      UserError: if it is not installed.
    """
    try:
        from ai_edge_litert import interpreter as runtime
    except ImportError:
        raise UserError(
            "TFLite files need ai-edge-litert, which is not installed: pip install ai-edge-litert"
        ) from None
    return runtime
