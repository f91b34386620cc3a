"""Sound files to waveforms, and back.

A waveform is float32 [samples]: one channel (the mean of all), 22,050 Hz, scaled by 256 and clipped
at ±256 (paper section 3; MP3 decoders overshoot). Any format that FFmpeg knows is read, and the
sound of videos. PyAV reads single files of whatever origin; `waveform_dataset` uses
tensorflow-io's ops inside the graph where they load. Both share the mixing and resampling here.

Two windows are cut of a waveform: 6 s for features and 20 s for labels. A shorter one is tiled, of
a longer one the middle is taken.
"""

import functools
import io
import logging
import os
from collections.abc import Callable, Sequence

import av
import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.errors import MediaError, unknown_name
from s2i_tf.media.resample import resample

logger = logging.getLogger(__name__)

MAX_SECONDS = 600.0
MIN_SECONDS = 0.1
SILENCE = 1e-4 * spec.WAVEFORM_SCALE
MAX_RATE_HZ = 768_000
MIN_RATE_HZ = 1_000

MISSING = "missing"
EMPTY = "empty"
NOT_MEDIA = "not_media"
NO_SOUND = "no_sound"
TRUNCATED = "truncated"
TOO_SHORT = "too_short"
SILENT = "silent"
BAD_RATE = "bad_rate"
REASONS = (MISSING, EMPTY, NOT_MEDIA, NO_SOUND, TRUNCATED, TOO_SHORT, SILENT, BAD_RATE)

_FRAME_SAMPLES = 4096
_OGG_HEAD_BYTES = 64

Source = str | os.PathLike | bytes

# Muxer, codec, sample format and rate; Opus knows no 22,050 Hz.
_ENCODERS = {
    "wav": ("wav", "pcm_s16le", "s16", spec.SAMPLE_RATE_HZ),
    "flac": ("flac", "flac", "s16", spec.SAMPLE_RATE_HZ),
    "ogg": ("ogg", "libopus", "flt", 48_000),
    "mp3": ("mp3", "libmp3lame", "s16p", spec.SAMPLE_RATE_HZ),
    "m4a": ("mp4", "aac", "fltp", spec.SAMPLE_RATE_HZ),
}


def load_waveform(
    source: Source, *, start_seconds: float = 0.0, max_seconds: float | None = None
) -> np.ndarray:
    """Reads the sound of a file.

    Args:
      source: a path, or the file's bytes.
      start_seconds: where to begin.
      max_seconds: how much to read at most, 600 s unless told; no more than that is decoded,
        whatever the file claims.

    Returns:
      A waveform. What cannot be decoded behind a readable beginning is left out.

    Raises:
      MediaError: with one of `REASONS`, naming the file.
    """
    limit = MAX_SECONDS if max_seconds is None else max_seconds
    name = describe(source)
    samples, rate_hz = _decode(source, name, start_seconds, limit)
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        allowed = f"{MIN_RATE_HZ} to {MAX_RATE_HZ} Hz"
        raise MediaError(BAD_RATE, f"{name}: sampling rate {rate_hz} Hz; allowed: {allowed}")
    if len(samples) < MIN_SECONDS * rate_hz:
        seconds = len(samples) / rate_hz
        raise MediaError(TOO_SHORT, f"{name}: {seconds:.3f} s of sound; allowed: {MIN_SECONDS} s or more")
    waveform = to_waveform(samples, rate_hz).numpy()
    if np.abs(waveform).max() < SILENCE:
        raise MediaError(SILENT, f"{name}: silent; its peak is below -80 dB of full scale")
    return waveform


def to_waveform(samples: tf.Tensor, rate_hz: int | tf.Tensor) -> tf.Tensor:
    """One channel in [-1, 1], float32 [num], as a waveform; traceable."""
    samples = tf.where(tf.math.is_finite(samples), samples, 0.0)
    resampled = resample(samples, rate_hz, spec.SAMPLE_RATE_HZ)
    scale = spec.WAVEFORM_SCALE
    return tf.clip_by_value(resampled * scale, -scale, scale)


def feature_window(waveform: np.ndarray) -> np.ndarray:
    """The 6 s that features are taken from, [132300]."""
    return _window(waveform, spec.FEATURE_SAMPLES)


def label_window(waveform: np.ndarray) -> np.ndarray:
    """The 20 s that labels are taken from, [441000]."""
    return _window(waveform, spec.LABEL_SAMPLES)


def encode_audio(waveform: np.ndarray, container: str) -> bytes:
    """A waveform as a file of that container: wav, flac, ogg, mp3 or m4a."""
    if container not in _ENCODERS:
        raise unknown_name("audio container", container, _ENCODERS)
    muxer, codec, sample_format, rate_hz = _ENCODERS[container]
    samples = np.clip(waveform / spec.WAVEFORM_SCALE, -1, 1).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format=muxer, options={"fflags": "+bitexact"}) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout="mono")
        stream.codec_context.options = {"flags": "+bitexact"}
        stream.codec_context.open()
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate = spec.SAMPLE_RATE_HZ
        frame.pts = 0
        converter = av.AudioResampler(
            format=sample_format,
            layout="mono",
            rate=rate_hz,
            frame_size=stream.codec_context.frame_size or _FRAME_SAMPLES,
        )
        for part in [*converter.resample(frame), *converter.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


def waveform_dataset(paths: Sequence[str | os.PathLike], backend: str | None = None) -> tf.data.Dataset:
    """Waveforms of many files, in their order, decoded in parallel.

    Args:
      paths: of readable files: a bad one ends the iteration with an error, so files of unknown
        origin go through `load_waveform`.
      backend: `tensorflow_io` or `pyav`; by default the first where its ops load.
    """
    backend = backend or ("tensorflow_io" if tensorflow_io_loads() else "pyav")
    if backend not in BACKENDS:
        raise unknown_name("audio backend", backend, BACKENDS)
    paths = [os.fspath(path) for path in paths]
    endings = [os.path.splitext(path)[1].lower() for path in paths]
    return tf.data.Dataset.from_tensor_slices((paths, endings)).map(
        BACKENDS[backend], num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


@functools.cache
def tensorflow_io_loads() -> bool:
    """Whether tensorflow-io's native audio ops work with this TensorFlow."""
    try:
        import tensorflow_io as tfio

        tfio.audio.decode_wav(tf.constant(_TINY_WAV), dtype=tf.int16)
    except (ImportError, NotImplementedError, AttributeError):
        return False
    return True


def describe(source: Source) -> str:
    """How messages name a source."""
    return f"{len(source)} bytes" if isinstance(source, bytes) else os.fspath(source)


def _tensorflow_io_waveform(path: tf.Tensor, ending: tf.Tensor) -> tf.Tensor:
    """WAV, FLAC, MP3 and Ogg Vorbis by tensorflow-io's ops, anything else by PyAV."""
    import tensorflow_io as tfio

    contents = tf.io.read_file(path)

    def vorbis() -> tf.Tensor:
        return _graph_waveform(tfio.audio.decode_vorbis(contents), _rate_of(path))

    def mp3() -> tf.Tensor:
        return _graph_waveform(tfio.audio.decode_mp3(contents), _rate_of(path))

    def flac() -> tf.Tensor:
        samples = tfio.audio.decode_flac(contents, dtype=tf.int16)
        return _graph_waveform(tf.cast(samples, tf.float32) / 32768, _rate_of(path))

    def wav() -> tf.Tensor:
        samples = tfio.audio.decode_wav(contents, dtype=tf.int16)
        return _graph_waveform(tf.cast(samples, tf.float32) / 32768, _rate_of(path))

    cases = {".mp3": mp3, ".flac": flac, ".wav": wav}
    return tf.case(
        [
            (_holds_vorbis(contents), vorbis),
            *((tf.equal(ending, kind), decode) for kind, decode in cases.items()),
        ],
        default=lambda: _pyav_waveform(path, ending),
        exclusive=True,
    )


def _holds_vorbis(contents: tf.Tensor) -> tf.Tensor:
    """Whether a file is Ogg Vorbis: Ogg may hold other codecs, which the op cannot decode."""
    head = tf.strings.substr(tf.strings.join([contents, "\0" * _OGG_HEAD_BYTES]), 0, _OGG_HEAD_BYTES)
    return tf.strings.regex_full_match(head, r"(?s)OggS\C*\x01vorbis\C*")


def _graph_waveform(samples: tf.Tensor, rate_hz: tf.Tensor) -> tf.Tensor:
    return to_waveform(tf.reduce_mean(samples, axis=1), rate_hz)


def _rate_of(path: tf.Tensor) -> tf.Tensor:
    def rate(name: bytes) -> np.int32:
        with av.open(name.decode()) as container:
            return np.int32(container.streams.audio[0].rate)

    return tf.ensure_shape(tf.numpy_function(rate, [path], tf.int32), [])


def _pyav_waveform(path: tf.Tensor, ending: tf.Tensor) -> tf.Tensor:
    del ending  # FFmpeg looks into the file
    waveform = tf.numpy_function(lambda name: load_waveform(name.decode()), [path], tf.float32)
    return tf.ensure_shape(waveform, [None])


BACKENDS: dict[str, Callable[[tf.Tensor, tf.Tensor], tf.Tensor]] = {
    "tensorflow_io": _tensorflow_io_waveform,
    "pyav": _pyav_waveform,
}

_TINY_WAV = (
    b"RIFF\x28\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x22\x56\x00\x00"
    b"\x44\xac\x00\x00\x02\x00\x10\x00data\x04\x00\x00\x00\x00\x00\x00\x00"
)


def _decode(
    source: Source, name: str, start_seconds: float, max_seconds: float
) -> tuple[np.ndarray, int]:
    """The mean of the channels, float32 [num] in [-1, 1], and its rate."""
    parts: list[np.ndarray] = []
    rate_hz = num = 0
    with open_container(source, name) as container:
        if not container.streams.audio:
            raise MediaError(NO_SOUND, f"{name}: holds no sound")
        stream = container.streams.audio[0]
        rate_hz = stream.rate or 0
        if not rate_hz:
            raise MediaError(BAD_RATE, f"{name}: states no sampling rate")
        try:
            if start_seconds:
                container.seek(int(max(start_seconds - 1, 0) * av.time_base))
            converter = av.AudioResampler(format="fltp", rate=rate_hz)
            for frame in container.decode(stream):
                skip = max(round((start_seconds - (frame.time or 0)) * rate_hz), 0) if start_seconds else 0
                for converted in converter.resample(frame):
                    samples = converted.to_ndarray().mean(axis=0)[skip:]
                    parts.append(samples)
                    num += len(samples)
                if num >= max_seconds * rate_hz:
                    break
        except (av.error.FFmpegError, ValueError, RuntimeError) as error:
            logger.debug("%s: decoding ended early: %s", name, error)
    if not num:
        raise MediaError(TRUNCATED, f"{name}: no sound can be decoded; the file may be cut off")
    return np.concatenate(parts)[: int(max_seconds * rate_hz)].astype(np.float32), rate_hz


def open_container(source: Source, name: str) -> av.container.InputContainer:
    """Opens a sound or video file.

    Raises:
      MediaError: `missing`, `empty` or `not_media`.
    """
    if not isinstance(source, bytes):
        try:
            num_bytes = os.stat(source).st_size
        except OSError as error:
            raise MediaError(MISSING, f"{name}: {error.strerror or 'cannot be found'}") from None
        if os.path.isdir(source):
            raise MediaError(NOT_MEDIA, f"{name}: a folder, not a sound or video file")
    else:
        num_bytes = len(source)
    if not num_bytes:
        raise MediaError(EMPTY, f"{name}: the file is empty")
    try:
        return av.open(io.BytesIO(source) if isinstance(source, bytes) else os.fspath(source))
    except (av.error.FFmpegError, ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MediaError(
            NOT_MEDIA, f"{name}: not a sound or video file that can be read ({reason})"
        ) from None


def _window(waveform: np.ndarray, num_samples: int) -> np.ndarray:
    if not len(waveform):
        raise MediaError(TOO_SHORT, "a waveform of no samples; allowed: 1 or more")
    if len(waveform) < num_samples:
        return np.resize(waveform, num_samples)
    start = (len(waveform) - num_samples) // 2
    return waveform[start : start + num_samples]
