"""The samples of decoded frames: as they are stored, and mixed into one waveform."""

import av.audio
import numpy as np

from s2i_tf.media import downmix

# By FFmpeg's name without the planar mark: the dtype, what stands for 0, and for full scale.
FORMATS = {
    "u8": (np.dtype("u1"), 2.0**7, 2.0**7),
    "s16": (np.dtype("i2"), 0.0, 2.0**15),
    "s32": (np.dtype("i4"), 0.0, 2.0**31),
    "s64": (np.dtype("i8"), 0.0, 2.0**63),
    "flt": (np.dtype("f4"), 0.0, 1.0),
    "dbl": (np.dtype("f8"), 0.0, 1.0),
}

_SAMPLES_AT_ONCE = 1 << 13  # of those that are mixed together


class Mix:
    """Makes one waveform of frames: the mean of the channels, float32, full scale being 1.

    Frames are as short as 20 ms, and each step of NumPy's costs more than the samples in one of
    them: those of one format are mixed some at a time, few enough to stay in the cache.
    """

    def __init__(self, channel: int | None = None):
        self._channel = channel
        self._mixed: list[np.ndarray] = []
        self._parts: list[tuple[av.audio.AudioFrame, int, int]] = []  # not mixed yet
        self._format = ("", 0)
        self._num_samples = 0
        self._energies = downmix.NO_ENERGIES

    def put(self, frame: av.audio.AudioFrame | None, start: int, stop: int) -> None:
        """Adds the samples of a frame from `start` to `stop`, or so many zeros without one."""
        if frame is None:
            self._mix()
            self._mixed.append(np.zeros(stop - start, np.float32))
            return
        format_ = (frame.format.name, frame.layout.nb_channels)
        if format_ != self._format or self._num_samples >= _SAMPLES_AT_ONCE:
            self._mix()
            self._format = format_
        self._parts.append((frame, start, stop))
        self._num_samples += frame.samples

    def loud_channel(self) -> int | None:
        """Number of the channel to take alone; None if the mean of all is right."""
        self._mix()
        return None if self._channel is not None else downmix.loud_channel(self._energies)

    def result(self) -> np.ndarray:
        """All of it."""
        self._mix()
        return np.concatenate([np.zeros(0, np.float32), *self._mixed])

    def _mix(self) -> None:
        if self._parts:
            samples = _channels(self._parts)
            if self._channel is not None:
                self._mixed.append(samples[min(self._channel, len(samples) - 1)])
            else:
                mono = downmix.mean(samples)
                self._energies = downmix.add(self._energies, downmix.energies(samples, mono))
                self._mixed.append(mono)
        self._parts, self._num_samples = [], 0


def _channels(parts: list[tuple[av.audio.AudioFrame, int, int]]) -> np.ndarray:
    """Some frames of one format, each from a sample to another, [channels, samples]."""
    _, zero, scale = FORMATS[parts[0][0].format.name.removesuffix("p")]
    samples = np.concatenate([stored(*part) for part in parts], axis=1, dtype=np.float32)
    if zero:
        samples -= np.float32(zero)
    samples /= np.float32(scale)
    return samples


def stored(frame: av.audio.AudioFrame, start: int, stop: int) -> np.ndarray:
    """The samples of a frame from one to another as they are stored, [channels, samples]."""
    dtype, num_channels = FORMATS[frame.format.name.removesuffix("p")][0], frame.layout.nb_channels
    if frame.format.is_planar:
        planes = frame.planes[:num_channels]  # of 8, PyAV counts what lies behind them as another
        samples = np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes])
    else:
        packed = np.frombuffer(frame.planes[0], dtype, frame.samples * num_channels)
        samples = packed.reshape(-1, num_channels).T
    return samples[:, start:stop]
