"""Augmented copies of a sound: what another place, microphone and file format make of it.

For training on few collections, so that a net learns the sound and not the collection. All
waveforms are float32 [samples] at 22,050 Hz within ±256.
"""

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import MediaError
from s2i_tf.media import audio

_PERCENT = 5  # slower or faster at most
_EQUALISER_HZ = (60, 120, 250, 500, 1000, 2000, 4000, 8000)
_EQUALISER_DB = (4.0, 9.0)  # spread, and most
_ROOM_SECONDS = (0.1, 0.8)  # until the echo is 60 dB down
_ROOM_DB = (-20.0, -3.0)
_UNDERNEATH_DB = (0.0, 20.0)  # how much louder the sound is than what lies underneath
_GAIN_DB = (-18.0, 6.0)
_CONTAINERS = ("mp3", "m4a", "ogg")


def make_view(
    waveform: np.ndarray, rng: np.random.Generator, other: np.ndarray | None = None
) -> np.ndarray:
    """An augmented copy of a sound.

    In this order: speed ±5 %, another start, an equaliser, and by chance a room, noise or another
    recording underneath at 0 to 20 dB, a gain and a lossy codec.

    Args:
      waveform: the sound.
      rng: random generator that decides everything.
      other: another recording, to lie underneath.

    Returns:
      The copy, about as long, or six seconds of a longer one.
    """
    from s2i_tf.media.resample import resample  # TensorFlow, which a preparation begins without

    view = np.asarray(resample(waveform, 100 + int(rng.integers(-_PERCENT, _PERCENT + 1)), 100))
    view = _start(view, rng)
    view = _equalised(view, rng)
    if rng.random() < 0.5:
        view = _in_a_room(view, rng)
    if rng.random() < 0.75:
        use_other = other is not None and rng.random() < 0.5
        beneath = _fitted(other, len(view), rng) if use_other else _noise(len(view), rng)
        level = _rms(view) * _amplitude(-rng.uniform(*_UNDERNEATH_DB))
        view = view + beneath * (level / max(_rms(beneath), 1e-9))
    view = view * _amplitude(rng.uniform(*_GAIN_DB))
    view = np.clip(view, -spec.WAVEFORM_SCALE, spec.WAVEFORM_SCALE).astype(np.float32)
    return _coded(view, rng) if rng.random() < 0.5 else view


def _start(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another six seconds of a longer sound; a shorter one, which is repeated, begins elsewhere."""
    spare = len(waveform) - spec.FEATURE_SAMPLES
    if spare > 0:
        start = rng.integers(spare + 1)
        return waveform[start : start + spec.FEATURE_SAMPLES]
    return np.roll(waveform, rng.integers(len(waveform)))


def _equalised(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spread, most = _EQUALISER_DB
    points = np.clip(rng.normal(0, spread, len(_EQUALISER_HZ)), -most, most)
    frequencies = np.fft.rfftfreq(len(waveform), 1 / spec.SAMPLE_RATE_HZ)
    levels = np.interp(np.log(np.maximum(frequencies, 1)), np.log(_EQUALISER_HZ), points)
    return np.fft.irfft(np.fft.rfft(waveform) * _amplitude(levels), len(waveform))


def _in_a_room(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound with the echo of a room: noise that dies away."""
    seconds = rng.uniform(*_ROOM_SECONDS)
    time = np.arange(int(seconds * spec.SAMPLE_RATE_HZ)) / spec.SAMPLE_RATE_HZ
    echo = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    echo *= _amplitude(rng.uniform(*_ROOM_DB)) / np.sqrt(np.sum(echo**2))
    echo[0] += 1  # the sound itself
    size = len(waveform) + len(echo)
    wet = np.fft.irfft(np.fft.rfft(waveform, size) * np.fft.rfft(echo, size), size)
    return wet[: len(waveform)]


def _noise(num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Noise between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    return np.fft.irfft(
        spectrum / np.maximum(np.arange(len(spectrum)), 1) ** rng.uniform(0, 1), num_samples
    )


def _fitted(waveform: np.ndarray, num_samples: int, rng: np.random.Generator) -> np.ndarray:
    """A recording repeated or cut to a length, from anywhere in it."""
    return np.resize(np.roll(waveform, rng.integers(len(waveform))), num_samples)


def _coded(waveform: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The sound through a lossy codec and back; as it is where it is too soft to come back."""
    contents = audio.encode_audio(waveform, str(rng.choice(_CONTAINERS)))
    try:
        return audio.load_waveform(contents)[: len(waveform)]
    except MediaError:
        return waveform


def _amplitude(decibels: float | np.ndarray) -> float | np.ndarray:
    return 10 ** (decibels / 20)


def _rms(waveform: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64))))
