"""The decoding backend `tensorflow_io`: native operations of tensorflow-io.

They load with TensorFlow 2.17 alone; elsewhere they raise at their first call. They also trust
their input: the WAV operation divides by a block size of 0, the FLAC operation loops for ever when
the header promises more samples than there are, and each reserves what a header claims. So a file
comes here only after a walk through its structure has shown that it is whole and how much it holds.
FLAC, whose frames cannot be walked without decoding them, is left to the other backends, as is
every other kind and whatever is damaged.
"""

import contextlib
import functools
import warnings
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import downmix, limits, reasons
from s2i_tf.media._headers import read_header
from s2i_tf.media.source import Source, name_of, open_source

# Of a file: what the operations hold at once.
_MAX_BYTES = 16 << 20

_PROBE = (
    b"RIFF\x26\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0\0\0"
)


@functools.cache
def _audio():
    """The module `tensorflow_io.audio`, or None where its native operations do not load."""
    try:
        with warnings.catch_warnings(), tf.init_scope():
            warnings.simplefilter("ignore")
            import tensorflow_io

            # The import succeeds even where the native library does not load.
            tensorflow_io.audio.decode_wav(_PROBE, dtype=tf.int16)
    except (ImportError, NotImplementedError):
        return None
    return tensorflow_io.audio


def _wav(dtype: tf.DType, zero: float, scale: float) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda data: (tf.cast(_audio().decode_wav(data, dtype=dtype), tf.float32) - zero) / scale


# By `Header.encoding`: from a file's contents to float32 [samples, channels], full scale being 1.
_DECODERS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "wav_uint8": _wav(tf.uint8, 2.0**7, 2.0**7),
    "wav_int16": _wav(tf.int16, 0.0, 2.0**15),
    "wav_int24": _wav(tf.int32, 0.0, 2.0**31),
    "wav_float32": _wav(tf.float32, 0.0, 1.0),
    "vorbis": lambda data: _audio().decode_vorbis(data),
    "mp3": lambda data: _audio().decode_mp3(data),
}


def decode(
    source: Source, start_seconds: float | None, max_seconds: float
) -> tuple[np.ndarray, int]:
    """Decodes a whole file and takes a part, as `s2i_tf.media._pyav.decode` does.

    Raises:
      UserError: if the operations do not load.
      MediaError: if the file cannot be opened, or (`unsupported`) is not for them.
    """
    if _audio() is None:
        raise UserError(
            f"tensorflow-io's operations do not load with TensorFlow {tf.__version__}; "
            "allowed: backend 'pyav'"
        )
    name = name_of(source)
    with open_source(source) as file:
        try:
            contents = file.read(_MAX_BYTES + 1)
        except OSError as error:
            message = f"{name}: cannot be read: {error.strerror}"
            raise MediaError(reasons.UNREADABLE, message) from None
    header = read_header(contents) if len(contents) <= _MAX_BYTES else None
    mono = None
    if header and limits.can_be_held(header.num_frames * header.num_channels, header.rate_hz):
        with contextlib.suppress(tf.errors.OpError):
            mono = downmix.mono(_DECODERS[header.encoding](contents).numpy().T)
    if mono is None:
        raise MediaError(
            reasons.UNSUPPORTED,
            f"{name}: not for backend 'tensorflow_io'; "
            f"allowed: whole WAV, MP3 and Ogg Vorbis files of at most {_MAX_BYTES >> 20} MiB",
        )
    first = round((start_seconds or 0.0) * header.rate_hz)
    return mono[first : first + round(max_seconds * header.rate_hz)], header.rate_hz
