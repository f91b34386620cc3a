"""The decoding backend `pyav`: every kind of file, in a stream, so that only what is kept is held.

What a damaged file still gives is used: packets that do not decode are passed over, and a file
that breaks off ends there. Encoder delay and padding are cut as the container tells. Time counts
from the first sample of the sound track.
"""

import sys

import av.audio
import numpy as np

from s2i_tf.errors import MediaError
from s2i_tf.media import _container, limits, reasons
from s2i_tf.media._source import Source, name_of

# A decoder that starts in the middle needs some packets before its samples are right.
_PREROLL_SECONDS = 1.0

# By FFmpeg's name without the planar mark: the dtype, what stands for 0, and for full scale.
_FORMATS = {
    "u8": (np.dtype("u1"), 2.0**7, 2.0**7),
    "s16": (np.dtype("i2"), 0.0, 2.0**15),
    "s32": (np.dtype("i4"), 0.0, 2.0**31),
    "s64": (np.dtype("i8"), 0.0, 2.0**63),
    "flt": (np.dtype("f4"), 0.0, 1.0),
    "dbl": (np.dtype("f8"), 0.0, 1.0),
}

_SAMPLES_AT_ONCE = 1 << 13


def decode(source: Source, start_seconds: float, max_seconds: float) -> tuple[np.ndarray, int]:
    """Decodes a part of a sound or of a video's first sound track.

    Args:
      source: a path, or the contents of a file.
      start_seconds: where the part begins.
      max_seconds: how long it is at most; decoding stops there.

    Returns:
      The mean of the channels, float32 [samples], full scale being 1, and its rate in Hz.

    Raises:
      MediaError: if the file is no media, has no sound, gives nothing, or its rate is bad.
    """
    name = name_of(source)
    with _container.open_container(source) as container:
        stream = _container.decodable(container.streams.audio)
        if stream is None:
            raise MediaError(reasons.NO_SOUND, f"{name}: no sound track that can be decoded")
        if _is_ogg_vorbis(stream):
            stream.codec_context.options = {"flags2": "+skip_manual"}
        sought = start_seconds > _PREROLL_SECONDS and _container.seek(
            container, stream, start_seconds - _PREROLL_SECONDS
        )
        mix, rate_hz = _Mix(), 0
        for frame in _container.frames(container, stream):
            if not rate_hz:
                if sought and frame.pts is None:
                    continue
                rate_hz = _checked_rate(frame.sample_rate, name)
                position, end = _locate(frame, stream, sought)
                first = round(start_seconds * rate_hz)
                last = min(first + round(max_seconds * rate_hz), end)
            if frame.sample_rate != rate_hz:
                continue  # damage, or another piece chained on
            mix.add(frame, max(first - position, 0), max(last - position, 0))
            position += frame.samples
            if position >= last:
                break
    if not rate_hz and sought:  # the sound ends before
        return np.zeros(0, np.float32), _checked_rate(stream.rate, name)
    if not rate_hz:
        raise MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, no sound decodes")
    return mix.result(), rate_hz


def _is_ogg_vorbis(stream: av.audio.AudioStream) -> bool:
    """Whether the decoder is told to leave the cutting of both ends to `_locate`.

    FFmpeg cuts Ogg Vorbis by the time of the last packet, which it gets wrong for files of one
    page and for those with more than one packet of padding.
    """
    return stream.container.format.name == "ogg" and stream.codec_context.name == "vorbis"


def _locate(
    frame: av.audio.AudioFrame, stream: av.audio.AudioStream, sought: bool
) -> tuple[int, int]:
    """Where the first decoded frame lies, and where the sound ends, in samples from its start."""
    ogg_vorbis = _is_ogg_vorbis(stream)
    end = (ogg_vorbis and stream.duration) or sys.maxsize
    if sought:
        origin = (stream.start_time or 0) * stream.time_base
        return round((frame.time - float(origin)) * frame.sample_rate), end
    if ogg_vorbis:
        # The first block only primes the decoder. Where its time is known, from the end of the
        # first page, that page may say that the stream begins late.
        time = frame.pts or 0
        late = max(time + frame.samples, 0) if time < 0 else 0
        return -frame.samples, end - late
    return 0, end


def _checked_rate(rate_hz: int, name: str) -> int:
    if not limits.MIN_RATE_HZ <= rate_hz <= limits.MAX_RATE_HZ:
        allowed = f"{limits.MIN_RATE_HZ} to {limits.MAX_RATE_HZ}"
        raise MediaError(
            reasons.BAD_RATE, f"{name}: sampling rate {rate_hz} Hz; allowed: {allowed}"
        )
    return rate_hz


class _Mix:
    """Makes one waveform of frames: the mean of the channels, float32, full scale being 1.

    Frames are as short as 20 ms, and each step of NumPy's costs more than the samples in one of
    them: those of one format are mixed some at a time, few enough to stay in the cache.
    """

    def __init__(self):
        self._mixed: list[np.ndarray] = []
        self._parts: list[tuple[av.audio.AudioFrame, int, int]] = []  # not mixed yet
        self._format = ("", 0)
        self._num_samples = 0

    def add(self, frame: av.audio.AudioFrame, start: int, stop: int) -> None:
        """Adds the samples of a frame from `start` to `stop`."""
        format_ = (frame.format.name, frame.layout.nb_channels)
        if format_ != self._format or self._num_samples >= _SAMPLES_AT_ONCE:
            self._mix()
            self._format = format_
        self._parts.append((frame, start, stop))
        self._num_samples += frame.samples

    def result(self) -> np.ndarray:
        """All of it."""
        self._mix()
        return np.concatenate(self._mixed)

    def _mix(self) -> None:
        if self._parts:
            self._mixed.append(_mono(self._parts))
        self._parts, self._num_samples = [], 0


def _mono(parts: list[tuple[av.audio.AudioFrame, int, int]]) -> np.ndarray:
    """The mean of the channels of some frames of one format, each from a sample to another."""
    first = parts[0][0]
    dtype, zero, scale = _FORMATS[first.format.name.removesuffix("p")]
    width = 1 if first.format.is_planar else first.layout.nb_channels
    pieces = [
        [
            np.frombuffer(plane, dtype, frame.samples * width)[start * width : stop * width]
            for plane in frame.planes
        ]
        for frame, start, stop in parts
    ]
    planes = [np.concatenate(plane, dtype=np.float32) for plane in zip(*pieces, strict=True)]
    samples = np.stack(planes) if width == 1 else planes[0].reshape(-1, width).T
    if zero:
        samples -= np.float32(zero)
    samples /= np.float32(scale)
    return samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float32)
