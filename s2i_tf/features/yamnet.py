"""YAMNet (Google, trained on AudioSet): which of 521 classes a sound belongs to.

No package carries its weights, so they are read from a local TFLite file: input `[1, 15600]`,
0.975 s at 16 kHz in [-1, 1], output `[1, 521]` scores in [0, 1]. It shares neither weights nor
training data with SoundNet, which makes it a judge of sounds that were chosen by SoundNet's
features. Of a sound it hears the 6 s that the features are taken from, as whole frames side by
side, and the scores are the means over them. Needs ai-edge-litert.
"""

import csv
import hashlib
import pathlib

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.features import labels
from s2i_tf.features.base import Classifier, Fingerprint
from s2i_tf.media import audio
from s2i_tf.media.resample import resample

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 15_600
NUM_FRAMES = spec.FEATURE_SECONDS * SAMPLE_RATE_HZ // FRAME_SAMPLES
NUM_LABELS = 521
# Beside the weights: `index,mid,display_name`, as YAMNet is published.
CLASS_MAP_FILE = "yamnet_class_map.csv"


class YamnetClassifier(Classifier):
    """A sound to the scores of 521 AudioSet classes.

    Args:
      weights: the TFLite file.

    Raises:
      UserError: if there is no such file, it is another net, or ai-edge-litert is not installed.
    """

    name = "yamnet"
    modality = "sound"

    def __init__(self, weights: str | None = None):
        if weights is None:
            raise UserError(
                "yamnet is in no package index; allowed: weights=FILE, a local yamnet.tflite"
            )
        path = pathlib.Path(weights)
        try:
            contents = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: not the weights of yamnet: {error.strerror}") from None
        self._interpreter = _interpreter(path, contents)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self.labels = _labels(path.with_name(CLASS_MAP_FILE))
        self.fingerprint = Fingerprint(
            net="yamnet",
            weights_sha256=hashlib.sha256(contents).hexdigest(),
            preprocessing=f"16000 Hz mono, ±1, {NUM_FRAMES} frames of 0.975 s of the 6 s window",
            layer="mean scores",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Float32 [6, 15600]."""
        window = audio.feature_window(item) / np.float32(spec.WAVEFORM_SCALE)
        samples = resample(window, spec.SAMPLE_RATE_HZ, SAMPLE_RATE_HZ).numpy()
        frames = samples[: NUM_FRAMES * FRAME_SAMPLES].reshape(NUM_FRAMES, FRAME_SAMPLES)
        return np.clip(frames, -1, 1)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, 521]."""
        return np.stack([self._of_frames(frames).mean(axis=0) for frames in batch])

    def _of_frames(self, frames: np.ndarray) -> np.ndarray:
        scores = np.empty((len(frames), NUM_LABELS), np.float32)
        for row, frame in enumerate(frames):
            self._interpreter.set_tensor(self._input, frame[None].astype(np.float32))
            self._interpreter.invoke()
            scores[row] = self._interpreter.get_tensor(self._output)[0]
        return scores


def _interpreter(path: pathlib.Path, contents: bytes):
    try:
        from ai_edge_litert import interpreter as runtime
    except ImportError:
        raise UserError(
            "yamnet needs ai-edge-litert, which is not installed: pip install 's2i_tf[tflite]'"
        ) from None
    try:
        interpreter = runtime.Interpreter(model_content=contents, num_threads=1)
        interpreter.allocate_tensors()
        shapes = [
            tuple(details[0]["shape"])
            for details in (interpreter.get_input_details(), interpreter.get_output_details())
        ]
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{path}: cannot be run: {str(error).splitlines()[0]}") from None
    if shapes != [(1, FRAME_SAMPLES), (1, NUM_LABELS)]:
        raise UserError(
            f"{path}: from {shapes[0]} to {shapes[1]}; allowed: yamnet, from (1, {FRAME_SAMPLES}) "
            f"to (1, {NUM_LABELS})"
        )
    return interpreter


def _labels(path: pathlib.Path) -> tuple[str, ...]:
    """The names beside the weights, or numbers if there are none."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            names = tuple(row["display_name"] for row in csv.DictReader(file))
    except (OSError, ValueError, KeyError):
        names = ()
    return names if len(names) == NUM_LABELS else labels.numbered("sound", NUM_LABELS)
