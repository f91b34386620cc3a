"""The decoding backend `soundfile`: whole FLAC files in one call of libsndfile.

That takes two thirds of PyAV's time, and not Python's lock, so that other threads go on meanwhile.
FLAC has a checksum in each frame and the number of samples in its header, which is believed, as is
its rate: a part that comes in full and without an error is right. All else goes to PyAV, which
gives what a damaged file has left. Other kinds of files stay away as well: libsndfile's parsers for
them need not meet hostile ones.
"""

import functools
import types

import numpy as np

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import downmix, limits, reasons
from s2i_tf.media.source import Source, name_of, open_source

_MARK = b"fLaC"
_SUBTYPES = ("PCM_16", "PCM_24")


@functools.cache
def _module() -> types.ModuleType | None:
    """The module `soundfile`, or None where it or the library in it does not load."""
    try:
        import soundfile
    except (ImportError, OSError):
        return None
    return soundfile


def decode(
    source: Source, start_seconds: float | None, max_seconds: float
) -> tuple[np.ndarray, int]:
    """Decodes a part of a FLAC file, as `s2i_tf.media._pyav.decode` does.

    Raises:
      UserError: if soundfile does not load.
      MediaError: if the file cannot be opened, or (`unsupported`) is not for this backend.
    """
    if _module() is None:
        raise UserError("soundfile does not load here; allowed: backend 'pyav'")
    with open_source(source) as file:
        stream = getattr(file, "raw", file)  # a buffer would have a position of its own
        try:
            decoded = _decode_flac(stream, start_seconds or 0.0, max_seconds)
        except (OSError, _module().SoundFileError):
            decoded = None
    if decoded is None:
        raise MediaError(
            reasons.UNSUPPORTED,
            f"{name_of(source)}: not for backend 'soundfile'; allowed: whole FLAC files of 16 or "
            "24 bits",
        )
    return decoded


def _decode_flac(stream, start_seconds: float, max_seconds: float) -> tuple[np.ndarray, int] | None:
    """As `decode`; None for what is not whole or not FLAC.

    Raises:
      OSError: if the file cannot be read.
      SoundFileError: if it is damaged.
    """
    if stream.read(len(_MARK)) != _MARK:
        return None
    stream.seek(0)
    # A file goes by its number, so that libsndfile reads it without Python.
    handle = stream if hasattr(stream, "getbuffer") else stream.fileno()
    with _module().SoundFile(handle, closefd=False) as sound:
        rate_hz = sound.samplerate
        if sound.subtype not in _SUBTYPES:
            return None
        first = min(round(start_seconds * rate_hz), sound.frames)
        num_samples = min(round(max_seconds * rate_hz), sound.frames - first)
        # None: behind the end, or behind what a header of nothing or of all says it is.
        if not limits.can_be_held(num_samples * sound.channels, rate_hz):
            return None
        sound.seek(first)
        samples = sound.read(num_samples, "float32", always_2d=True)
        if len(samples) < num_samples:
            return None
        position = stream.tell()
        # More is left than libsndfile has ahead of the last sample: the header told too few.
        if first + num_samples == sound.frames and position < stream.seek(0, 2):
            return None
    mono = downmix.mono(samples.T)
    return None if mono is None else (mono, rate_hz)
