"""Sound: any file to a waveform, waveforms to windows, and back to files (paper section 3).

A waveform is float32 [samples], the mean of the channels (or the strongest alone, where they cancel
each other), at 22,050 Hz, scaled by 256 and clipped at ±256, for decoders of lossy formats
overshoot full scale.

Three backends decode, by name in `BACKENDS`: `soundfile` takes whole FLAC files; `tensorflow_io`
whole WAV, MP3 and Ogg Vorbis files, where its operations load; `pyav` every kind of file. By
default they are tried in this order, `tensorflow_io` in a process that has TensorFlow already, and
what the others leave goes to the last, which alone judges bad files. All feed the same resampler:
on whole files they agree exactly for FLAC and WAV and within 0.001 of ±256 for MP3 and Vorbis,
encoder delay included. On damaged ones they may go on at different places.

What is refused, and why, stands in `s2i_tf.media.reasons` and `s2i_tf.media.limits`. A damaged
file is used as far as it decodes.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import MediaError, UserError, unknown_name
from s2i_tf.media import _pyav, _soundfile, downmix, limits, reasons
from s2i_tf.media._encode import encode_audio
from s2i_tf.media.polyphase import resample
from s2i_tf.media.source import Source, name_of

__all__ = [
    "BACKENDS",
    "encode_audio",
    "feature_window",
    "from_samples",
    "label_window",
    "load_waveform",
    "pieces",
]

# Of samples in memory: more channels are samples that lie the other way.
_MAX_CHANNELS = 64
# Of floats: what is given overshoots a little, a file of an unmastered mix by up to 18 dB, and what
# peaks higher is of another scale.
_MAX_PEAK = 2.0
_MAX_STORED_PEAK = 8.0


def _decode_by_tensorflow_io(*part) -> tuple[np.ndarray, int]:
    from s2i_tf.media import _tfio

    return _tfio.decode(*part)


# A source, the start and the greatest length in seconds, to mono samples and their rate. In the
# order in which they are tried.
BACKENDS: dict[str, Callable[..., tuple[np.ndarray, int]]] = {
    "soundfile": _soundfile.decode,
    "tensorflow_io": _decode_by_tensorflow_io,
    "pyav": _pyav.decode,
}


def load_waveform(
    source: Source,
    *,
    start_seconds: float | None = None,
    max_seconds: float | None = None,
    audio_track: int = 0,
    backend: str | None = None,
) -> np.ndarray:
    """Loads a sound file, or the sound track of a video.

    Args:
      source: a path, or the contents of a file.
      start_seconds: where to begin, in the time of a video, or from the first sample of a sound
        file; without it, with the first sample of either.
      max_seconds: most seconds to take. Without it the whole is taken, and a file with more than
        `limits.MAX_SECONDS` is refused.
      audio_track: number of the sound track, from 1 on; 0 for the one that players play.
      backend: one of `BACKENDS`; by default the first of them that can.

    Returns:
      The waveform, float32 [samples].

    Raises:
      MediaError: if there is no sound in it that can be used; its `reason` is one of `reasons`.
      UserError: if an argument is out of range, or the backend does not load.
    """
    _check_arguments(start_seconds, max_seconds, audio_track, backend)
    names, options = [backend] if backend else list(BACKENDS), {}
    if audio_track:  # the others know no tracks
        names, options = ["pyav"], {"audio_track": audio_track}
    elif backend is None and "tensorflow" not in sys.modules:
        names.remove("tensorflow_io")
    # Some more than is allowed, so that more than is allowed shows.
    part = start_seconds, limits.MAX_SECONDS + 1 if max_seconds is None else max_seconds
    *others, last = names
    for name in others:
        with contextlib.suppress(UserError):
            decoded = BACKENDS[name](source, *part)
            break
    else:
        decoded = BACKENDS[last](source, *part, **options)
    mono, rate_hz = _checked(*decoded, name_of(source), start_seconds, max_seconds)
    _check_stored(mono, source, audio_track)
    return _at_our_rate(mono, rate_hz)


def from_samples(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    """The waveform of samples that are in memory; of more than ten minutes, of the first ten.

    Args:
      samples: [samples] or [samples, channels], float in [-1, 1] or integers of full scale.
      rate_hz: sampling rate of the samples.

    Returns:
      The waveform, float32 [samples].

    Raises:
      MediaError: as `load_waveform`; `not_media` if it is no array of samples, `bad_scale` if
        floats are not in [-1, 1].
    """
    name = "the given waveform"
    if samples.ndim not in (1, 2) or (
        samples.ndim == 2 and not 1 <= samples.shape[1] <= _MAX_CHANNELS
    ):
        allowed = f"[samples] or [samples, channels], of 1 to {_MAX_CHANNELS} channels"
        raise MediaError(reasons.NOT_MEDIA, f"{name}: {list(samples.shape)}; allowed: {allowed}")
    if not limits.MIN_RATE_HZ <= rate_hz <= limits.MAX_RATE_HZ or rate_hz != int(rate_hz):
        allowed = f"{limits.MIN_RATE_HZ} to {limits.MAX_RATE_HZ}"
        raise MediaError(reasons.BAD_RATE, f"{name}: rate {rate_hz} Hz; allowed: {allowed}")
    if samples.dtype.kind not in "iuf":
        raise MediaError(reasons.NOT_MEDIA, f"{name}: {samples.dtype}; allowed: float or integers")
    mono = samples.astype(np.float32)
    if samples.dtype.kind != "f":
        info = np.iinfo(samples.dtype)
        full_scale = (int(info.max) - int(info.min) + 1) / 2
        mono = mono / np.float32(full_scale) - np.float32(info.min == 0)
    mono = mono if mono.ndim == 1 else downmix.mixed(mono.T, name)
    _check_scale(mono, name, _MAX_PEAK)
    return _at_our_rate(*_checked(mono, int(rate_hz), name, 0.0, limits.MAX_SECONDS))


def pieces(source: Source, piece_seconds: int = 30) -> Iterator[np.ndarray]:
    """The waveform of a sound of any length, piece by piece, each decoded when it is asked for.

    Put together they are what `load_waveform` gives; but where channels cancel each other they are
    silent, and too short or silent a sound is not refused.

    Args:
      source: a path, or the contents of a file; of a video, the sound from where both sound and
        pictures have begun.
      piece_seconds: length of every piece but the last.

    Yields:
      Float32 [samples].

    Raises:
      MediaError: if there is no sound in it that decodes, or its floats are of another scale.
    """
    held, before = np.zeros(0, np.float32), 0
    for decoded, rate_hz in _pyav.stream(source, piece_seconds):
        _check_stored(decoded, source)
        held = np.concatenate([held, decoded])
        _finite_peak(decoded, name_of(source))
        # A second on either side, so that every output is resampled from all that it depends on.
        while held.size >= before + (piece_seconds + 1) * rate_hz:
            end = before + piece_seconds * rate_hz
            resampled = _at_our_rate(held[: end + rate_hz], rate_hz)
            first = before // rate_hz * spec.SAMPLE_RATE_HZ
            yield resampled[first : first + piece_seconds * spec.SAMPLE_RATE_HZ]
            held, before = held[end - rate_hz :], rate_hz
    if held.size > before:
        yield _at_our_rate(held, rate_hz)[before // rate_hz * spec.SAMPLE_RATE_HZ :]


def feature_window(waveform: np.ndarray) -> np.ndarray:
    """The 6 s that features are taken from: float32 [132300].

    A longer waveform gives its middle, a shorter one is repeated and cut.

    Raises:
      MediaError: if the waveform is empty, or its middle silent.
    """
    return _window(waveform, spec.FEATURE_SAMPLES)


def label_window(waveform: np.ndarray) -> np.ndarray:
    """The 20 s that labels are taken from: float32 [441000]; windowed as `feature_window`."""
    return _window(waveform, spec.LABEL_SAMPLES)


def _window(waveform: np.ndarray, num_samples: int) -> np.ndarray:
    if not waveform.size:
        raise MediaError(reasons.EMPTY, "an empty waveform; allowed: at least one sample")
    if waveform.size < num_samples:
        return np.resize(waveform, num_samples)  # NumPy's resize repeats
    start = (waveform.size - num_samples) // 2
    heard = waveform[start : start + num_samples]
    if waveform.size > num_samples and limits.is_silent(heard):
        seconds = num_samples / spec.SAMPLE_RATE_HZ
        raise MediaError(
            reasons.SILENT,
            f"silent in its middle {seconds:g} s; allowed: a sound that is heard there",
        )
    return heard


def _check_arguments(
    start_seconds: float | None,
    max_seconds: float | None,
    audio_track: int,
    backend: str | None,
) -> None:
    if start_seconds is not None and not 0 <= start_seconds < float("inf"):
        raise UserError(f"start_seconds {start_seconds}; allowed: 0 or more")
    if audio_track < 0:
        raise UserError(f"audio_track {audio_track}; allowed: 0 or more")
    if max_seconds is not None and not limits.MIN_SECONDS <= max_seconds <= limits.MAX_SECONDS:
        allowed = f"{limits.MIN_SECONDS} to {limits.MAX_SECONDS:g}"
        raise UserError(f"max_seconds {max_seconds}; allowed: {allowed}")
    if backend is not None and backend not in BACKENDS:
        raise unknown_name("decoding backend", backend, BACKENDS)


def _checked(
    mono: np.ndarray,
    rate_hz: int,
    name: str,
    start_seconds: float | None,
    max_seconds: float | None,
) -> tuple[np.ndarray, int]:
    """The samples, cut to `max_seconds`, and their rate, if they can be used."""
    if max_seconds is not None:
        mono = mono[: round(max_seconds * rate_hz)]
    seconds = mono.size / rate_hz
    peak = _finite_peak(mono, name)
    if max_seconds is None and seconds > limits.MAX_SECONDS:
        raise MediaError(
            reasons.TOO_LONG,
            f"{name}: more than {limits.MAX_SECONDS:g} s of sound; allowed: so much, or a part "
            "of it by start_seconds and max_seconds",
        )
    if seconds < limits.MIN_SECONDS:
        after = f" after {start_seconds:g} s" if start_seconds else ""
        raise MediaError(
            reasons.TOO_SHORT,
            f"{name}: {seconds:.3f} s of sound{after}; allowed: at least {limits.MIN_SECONDS} s",
        )
    if peak < limits.SILENCE:
        raise MediaError(
            reasons.SILENT,
            f"{name}: silent; allowed: a peak of at least {limits.SILENCE:g} of full scale",
        )
    return mono, rate_hz


def _finite_peak(mono: np.ndarray, name: str) -> float:
    peak = limits.peak(mono)
    if not np.isfinite(peak):
        raise MediaError(reasons.NOT_FINITE, f"{name}: has samples that are not finite numbers")
    return peak


def _check_stored(mono: np.ndarray, source: Source, audio_track: int = 0) -> None:
    """Refuses a file of floats in another scale; decoders of lossy formats may overshoot at will.

    Raises:
      MediaError: `bad_scale`, if it is one.
    """
    if limits.peak(mono) > _MAX_STORED_PEAK and _pyav.stores_floats(source, audio_track):
        _check_scale(mono, name_of(source), _MAX_STORED_PEAK)


def _check_scale(mono: np.ndarray, name: str, most: float) -> None:
    peak = limits.peak(mono)
    if most < peak < np.inf:
        raise MediaError(
            reasons.BAD_SCALE,
            f"{name}: a peak of {peak:g}; allowed: float in [-1, 1], or integers",
        )


def _at_our_rate(mono: np.ndarray, rate_hz: int) -> np.ndarray:
    scale = np.float32(spec.WAVEFORM_SCALE)
    return np.clip(resample(mono, int(rate_hz), spec.SAMPLE_RATE_HZ) * scale, -scale, scale)
