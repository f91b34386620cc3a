"""Sounds and photos as callers give them, read: paths, contents, open files or arrays."""

import logging
import os
from typing import Any, BinaryIO

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import heard_window, limits, reasons
from s2i_tf.media.source import name_of

logger = logging.getLogger(__name__)

File = str | os.PathLike | bytes | BinaryIO
Photo = File | np.ndarray
Sound = File | np.ndarray | tuple[np.ndarray, int]


def read_sound(sound: Sound, rate_hz: int | None, window: str | float) -> np.ndarray:
    """The waveform as `media.audio` has them, in which the window begins.

    Args:
      sound: the sound.
      rate_hz: sampling rate of a waveform that comes without one.
      window: choice of the window, as `heard_window.parse` gives it.

    Raises:
      UserError: if the sound cannot be used.
    """
    waveform = _waveform(sound, rate_hz)
    name = name_of(sound) if isinstance(sound, str | os.PathLike) else "the sound"
    if len(waveform) >= limits.MAX_SECONDS * spec.SAMPLE_RATE_HZ:
        logger.warning("%s: only its first ten minutes are heard", name)
    heard_window.check(waveform, window, name)
    return waveform


def read_photo(photo: Photo) -> np.ndarray:
    """The picture, uint8 [height, width, 3].

    Raises:
      UserError: if the photo cannot be used.
    """
    from s2i_tf.media import image

    if not isinstance(photo, np.ndarray):
        return image.load_image(_source(photo))
    if not is_picture(photo):
        raise UserError(
            f"a picture of {photo.dtype} {list(photo.shape)}; allowed: uint8 [height, width, 3]"
        )
    return photo


def read_any(item: Sound | Photo, rate_hz: int | None) -> np.ndarray:
    """The picture of a photo or the waveform of a sound, as its contents say.

    Raises:
      UserError: if it is neither, or cannot be used.
    """
    if isinstance(item, tuple) or (isinstance(item, np.ndarray) and item.ndim < 3):
        return _waveform(item, rate_hz)
    if not isinstance(item, np.ndarray):
        item = _source(item)
    try:
        return read_photo(item)
    except MediaError as error:
        if error.reason != reasons.NOT_MEDIA:
            raise
    try:
        return _waveform(item, rate_hz)
    except MediaError as error:
        if error.reason != reasons.NOT_MEDIA:
            raise
        raise MediaError(error.reason, f"{error}; nor is it a photo") from None


def is_picture(item: Any) -> bool:
    """Whether it is a picture uint8 [height, width, 3]."""
    return (
        isinstance(item, np.ndarray)
        and item.dtype == np.uint8
        and item.ndim == 3
        and item.shape[2] == 3
        and item.size > 0
    )


def _waveform(sound: Sound, rate_hz: int | None) -> np.ndarray:
    from s2i_tf.media import audio

    if isinstance(sound, tuple):
        if len(sound) != 2 or not isinstance(sound[0], np.ndarray):
            raise UserError(
                "a tuple that is no (waveform, rate in Hz); several sounds are given as a list"
            )
        sound, rate_hz = sound
    if isinstance(sound, np.ndarray):
        if rate_hz is None:
            raise UserError("a waveform without its rate; allowed: (waveform, rate), or rate_hz=")
        return audio.from_samples(sound, rate_hz)
    return audio.load_waveform(_source(sound), max_seconds=limits.MAX_SECONDS)


def _source(file: File) -> str | os.PathLike | bytes:
    """A path or the contents of a file, as `s2i_tf.media` takes them."""
    if isinstance(file, str | os.PathLike | bytes):
        return file
    contents: Any = file
    if hasattr(file, "read"):
        try:
            contents = file.read()
        except (OSError, ValueError) as error:  # closed, or open for writing
            raise UserError(f"an open file that cannot be read: {error}") from None
        if not contents:
            raise MediaError(reasons.EMPTY, "an open file: empty, or read to its end before")
    if not isinstance(contents, bytes | bytearray | memoryview):
        raise UserError(
            f"a file given as {type(file).__name__}; allowed: a path, bytes, or a file that is "
            "open for reading in binary mode"
        )
    return bytes(contents)
