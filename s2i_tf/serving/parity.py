"""An export against the model that it was made of: the same requests to both.

The export answers in a fresh process that imports TensorFlow alone (`reload`), Keras in this one,
on the path that training data takes: NumPy windows, files decoded by PyAV.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from s2i_tf import spec
from s2i_tf.features.base import Extractor
from s2i_tf.media import audio
from s2i_tf.media.sheet import to_uint8
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import examples, reload
from s2i_tf.serving.signatures import DEFAULT

# Of an output's largest value, or of 1: a graph and eager execution order their sums differently.
TOLERANCE = 1e-3
# Pictures as uint8 may round to the neighbouring level.
PNG_TOLERANCE = 1

_FOREIGN_RATE_HZ = 48_000
_SEED = 5
_NUM_SAMPLES = 2

Arrays = dict[str, np.ndarray]


class ParityError(RuntimeError):
    """A reloaded export that fails or gives other numbers than the model it was made of."""


def compare(folder: pathlib.Path, model: SoundToImage, extractor: Extractor) -> dict[str, float]:
    """Calls every signature of a SavedModel.

    Returns:
      The largest absolute difference from Keras, by `signature/output`.

    Raises:
      ParityError: if one is above the tolerance, or the export does not work at all.
    """
    asked, expected = requests_and_answers(model, extractor)
    return differences(_answers(folder, asked), expected)


def differences(got: Arrays, expected: Arrays) -> dict[str, float]:
    """The largest absolute difference of each array.

    Raises:
      ParityError: if one is above the tolerance, or there are others than expected.
    """
    if set(got) != set(expected):
        raise ParityError(f"the export gives {sorted(got)}; expected {sorted(expected)}")
    found = {}
    for key, values in expected.items():
        difference = float(np.abs(got[key].astype(np.float64) - values).max())
        scale = max(1.0, float(np.abs(values).max()))
        allowed = PNG_TOLERANCE if values.dtype == np.uint8 else TOLERANCE * scale
        if not difference <= allowed:
            raise ParityError(
                f"{key} differs by {difference:.3g} from Keras; allowed: {allowed:.3g}"
            )
        found[key] = difference
    return found


def _answers(folder: pathlib.Path, asked: Arrays) -> Arrays:
    with tempfile.TemporaryDirectory() as scratch:
        requests_file, answers_file = f"{scratch}/asked.npz", f"{scratch}/got.npz"
        np.savez(requests_file, **asked)
        command = [sys.executable, "-I", reload.__file__, folder, requests_file, answers_file]
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode:
            raise ParityError(f"the export does not work when it is reloaded:\n{finished.stderr}")
        with np.load(answers_file) as answers:
            return dict(answers)


def requests_and_answers(model: SoundToImage, extractor: Extractor) -> tuple[Arrays, Arrays]:
    """A request for every signature, and its answer by Keras on the training path.

    The names are `signature/input` and `signature/output`; byte strings are rows of uint8, PNG
    files are pictures.
    """
    waveform = examples.sounds(spec.FEATURE_SECONDS + 1.7)
    wav_files = [
        examples.wav_file(np.stack([sound, sound / 2], axis=1), _FOREIGN_RATE_HZ)
        for sound in examples.sounds(2.3, seed=1)
    ]
    sound_features = _features(extractor, list(waveform * spec.WAVEFORM_SCALE))
    file_features = _features(extractor, [audio.load_waveform(file) for file in wav_files])
    # Whatever the image net is, the model's scaler knows the range of its features.
    scaler, noise = model.multimodal.image_scaler, np.random.default_rng(0).normal
    image_features = np.asarray(scaler.mean + scaler.spread * noise(size=sound_features.shape))
    image_features = image_features.astype(np.float32)
    audio_bytes = np.stack([np.frombuffer(file, np.uint8) for file in wav_files])
    draws = {
        "num_samples": np.full(len(waveform), _NUM_SAMPLES, np.int32),
        "seed": np.full(len(waveform), _SEED, np.int32),
    }
    heard = model.listen(sound_features)
    image_hidden = model.embed_image(image_features)._asdict()
    picture = model.generate(sound_features)
    calls = {
        DEFAULT: ({"waveform": waveform}, {"image": picture}),
        "wav_bytes": (
            {"audio_bytes": audio_bytes},
            {"image_bytes": to_uint8(model.generate(file_features))},
        ),
        "sound_features": ({"sound_features": sound_features}, {"image": picture}),
        "image_features": (
            {"image_features": image_features},
            {"image": model.images_from_features(image_features)},
        ),
        "embed_sound": ({"waveform": waveform}, {"sound_features": sound_features, **heard}),
        "hear": (
            {"waveform": waveform},
            {name: heard[name] for name in ("heard", "known_score")},
        ),
        "embed_image": ({"image_features": image_features}, image_hidden),
        "draw": ({"before": heard["before"]}, {"image": picture}),
    }
    if model.stochastic:
        samples = _samples(model, sound_features)
        calls |= {
            "samples": ({"waveform": waveform, **draws}, {"images": samples}),
            "draw_samples": ({"before": heard["before"], **draws}, {"images": samples}),
            "wav_bytes_samples": (
                {"audio_bytes": audio_bytes, **draws},
                {"image_bytes": to_uint8(_samples(model, file_features))},
            ),
        }
    return _flat(calls, 0), _flat(calls, 1)


def _flat(calls: dict[str, tuple[Arrays, Arrays]], side: int) -> Arrays:
    return {
        f"{signature}/{name}": values
        for signature, sides in calls.items()
        for name, values in sides[side].items()
    }


def _features(extractor: Extractor, waveforms: list[np.ndarray]) -> np.ndarray:
    return extractor(np.stack([extractor.prepare(waveform) for waveform in waveforms]))


def _samples(model: SoundToImage, features: np.ndarray) -> np.ndarray:
    drawn = [model.generate(features, sample=sample, seed=_SEED) for sample in range(_NUM_SAMPLES)]
    return np.stack(drawn, axis=1)
