"""Makers of sound files that the package itself does not write."""

import fractions
import io
import struct

import av
import numpy as np
import pytest
from PIL import Image

TONE_HZ = 440


def _tone(rate_hz, seconds=1.0, amplitude=0.5):
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * TONE_HZ * times)).astype(np.float32)


def _wav(samples, rate_hz=22_050, *, tag=None, extra_chunks=b""):
    """A RIFF file of samples [num] or [num, channels] in the dtype that they have."""
    samples = np.asarray(samples)
    num_channels = samples.shape[1] if samples.ndim == 2 else 1
    width = samples.dtype.itemsize
    tag = tag or (3 if samples.dtype.kind == "f" else 1)
    rates = (rate_hz, rate_hz * num_channels * width, num_channels * width, width * 8)
    fmt = struct.pack("<HHIIHH", tag, num_channels, *rates)
    data = samples.tobytes()
    data += b"\0" * (len(data) % 2)
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt + extra_chunks
    chunks += b"data" + struct.pack("<I", samples.nbytes) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def _sound(muxer, codec, samples, rate_hz, sample_format="fltp", options=None):
    """A file of samples [channels, num] within ±1, by any of FFmpeg's muxers and codecs."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(samples)]
    with av.open(file, "w", format=muxer) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout=layout)
        stream.codec_context.format = sample_format
        stream.codec_context.options = options or {}
        stream.codec_context.open()
        size = stream.codec_context.frame_size or 4096
        for start in range(0, samples.shape[1], size):
            part = samples[:, start : start + size]
            if sample_format.startswith("s"):
                kind = np.dtype(f"i{int(sample_format[1:3]) // 8}")
                part = np.round(part * np.iinfo(kind).max).astype(kind)
            if not sample_format.endswith("p"):
                part = part.T.reshape(1, -1)
            part = np.ascontiguousarray(part)
            frame = av.AudioFrame.from_ndarray(part, format=sample_format, layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            frame.time_base = fractions.Fraction(1, rate_hz)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.fixture(scope="session")
def make_tone():
    return _tone


@pytest.fixture(scope="session")
def make_wav():
    return _wav


@pytest.fixture(scope="session")
def make_sound():
    return _sound


@pytest.fixture(scope="session")
def sounds(make_sound):
    """A chirp in noise, 8 s, in every kind of file; each channel the same."""
    rng = np.random.default_rng(0)
    files = {}
    for name, muxer, codec, kind, rate_hz, num_channels in (
        ("wav", "wav", "pcm_s16le", "s16", 44_100, 1),
        ("flac", "flac", "flac", "s16", 44_100, 2),
        ("mp3", "mp3", "libmp3lame", "fltp", 44_100, 1),
        ("stereo.mp3", "mp3", "libmp3lame", "fltp", 22_050, 2),
        ("vorbis.ogg", "ogg", "vorbis", "fltp", 44_100, 2),
        ("opus.ogg", "ogg", "libopus", "flt", 48_000, 1),
        ("m4a", "ipod", "aac", "fltp", 44_100, 1),
        ("aac", "adts", "aac", "fltp", 44_100, 1),
        ("mkv", "matroska", "flac", "s16", 48_000, 1),
        ("webm", "webm", "libopus", "flt", 48_000, 1),
        ("avi", "avi", "libmp3lame", "fltp", 44_100, 1),
        ("mov", "mov", "pcm_s16le", "s16", 48_000, 1),
    ):
        times = np.arange(8 * rate_hz) / rate_hz
        chirp = 0.3 * np.sin(2 * np.pi * (200 + 60 * times) * times)
        samples = np.float32(chirp + 0.02 * rng.standard_normal(len(times)))
        options = {"strict": "experimental"} if codec == "vorbis" else {}
        samples = np.stack([samples] * num_channels)
        files[name] = make_sound(muxer, codec, samples, rate_hz, kind, options)
    return files


@pytest.fixture(scope="session")
def encode_picture():
    def encode(picture, kind, **options):
        file = io.BytesIO()
        picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        picture.save(file, kind, **options)
        return file.getvalue()

    return encode
