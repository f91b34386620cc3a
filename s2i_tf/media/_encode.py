"""Writes waveforms as sound files, with PyAV; the same waveform always gives the same bytes."""

import io

import av
import numpy as np

from s2i_tf import spec
from s2i_tf.errors import MediaError, unknown_name
from s2i_tf.media import reasons

# By container: muxer, codec, sample format and rate in Hz. Opus knows no 22,050 Hz.
_ENCODERS = {
    "wav": ("wav", "pcm_s16le", "s16", spec.SAMPLE_RATE_HZ),
    "flac": ("flac", "flac", "s16", spec.SAMPLE_RATE_HZ),
    "ogg": ("ogg", "libopus", "flt", 48_000),
    "mp3": ("mp3", "libmp3lame", "s16p", spec.SAMPLE_RATE_HZ),
    "m4a": ("mp4", "aac", "fltp", spec.SAMPLE_RATE_HZ),
}
# For codecs that take frames of any length.
_FRAME_SAMPLES = 4096


def encode_audio(waveform: np.ndarray, container: str, comment: str = "") -> bytes:
    """A waveform as the contents of a sound file.

    Args:
      waveform: float32 [samples] within ±256 at 22,050 Hz.
      container: `wav`, `flac`, `ogg` (Opus), `mp3` or `m4a`.
      comment: text in the file's metadata.

    Returns:
      The bytes. Decoded again, `wav` and `flac` have the same number of samples; the lossy ones
      begin at the same sample and may have some more at their end.

    Raises:
      UserError: if the container is unknown.
      MediaError: `empty` or `not_finite`, if the waveform is.
    """
    if container not in _ENCODERS:
        raise unknown_name("sound container", container, _ENCODERS)
    if not waveform.size:
        raise MediaError(reasons.EMPTY, "an empty waveform; allowed: at least one sample")
    if not np.isfinite(waveform).all():
        raise MediaError(reasons.NOT_FINITE, "a waveform that is not finite")
    muxer, codec, sample_format, rate_hz = _ENCODERS[container]
    samples = np.clip(waveform / spec.WAVEFORM_SCALE, -1, 1).astype(np.float32)
    file = io.BytesIO()
    with av.open(file, "w", format=muxer, options={"fflags": "+bitexact"}) as output:
        if comment:
            output.metadata["comment"] = comment
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
