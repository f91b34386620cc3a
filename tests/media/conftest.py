"""Makers of sound files that the package itself does not write."""

import fractions
import io
import struct

import av
import numpy as np
import pytest
from PIL import Image

TONE_HZ = 440


def with_value(contents, at, form, value):
    """A file with another value of that form in it."""
    contents = bytearray(contents)
    struct.pack_into(form, contents, at, value)
    return bytes(contents)


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
    layout = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}[len(samples)]
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


def film(
    muxer,
    video_codec,
    audio_codec,
    *,
    seconds=8,
    rate=10,
    picture_start=0.0,
    sound_starts=(0.0,),
    sounds=None,
    picture=None,
    size=(64, 48),
    pixels="yuv420p",
    options=None,
    set_up=None,
    gap=None,
    **muxer_options,
):
    """A film whose picture k shows the number k, and each second of whose sound has its pitch.

    Each track begins where it is told, on the film's clock. `gap` is a span in seconds from which
    the sound is left out. Pitch and number alike count from the film's clock.
    """
    rate_hz, file = 48_000, io.BytesIO()
    packets = []
    with av.open(file, "w", format=muxer, options=muxer_options) as output:
        pictures = output.add_stream(video_codec, rate=rate, options=options or {})
        pictures.width, pictures.height, pictures.pix_fmt = *size, pixels
        pictures.codec_context.gop_size = int((options or {}).get("g", 12))
        tracks = [output.add_stream(audio_codec, rate=rate_hz, layout="mono") for _ in sound_starts]
        if set_up:
            set_up(pictures, tracks)
        first = round(picture_start * rate)
        for number in range(first, round(seconds * rate)):
            frame = av.VideoFrame.from_ndarray((picture or _numbered)(number, size), format="rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts, frame.time_base = number, fractions.Fraction(1, rate)
            packets += pictures.encode(frame)
        packets += pictures.encode(None)
        for index, (track, start) in enumerate(zip(tracks, sound_starts, strict=True)):
            times = np.arange(round(seconds * rate_hz)) / rate_hz
            tone = 0.5 * np.sin(2 * np.pi * np.cumsum(pitch(times)) / rate_hz)
            tone = sounds[index] if sounds else np.float32(tone)
            track.codec_context.open()
            length, kind = track.codec_context.frame_size or 1024, track.codec_context.format.name
            for at in range(round(start * rate_hz), len(tone) - length, length):
                if gap and gap[0] <= at / rate_hz < gap[1]:
                    continue
                part = tone[at : at + length][None]
                if kind.startswith("s"):
                    whole = np.dtype(f"i{int(kind[1:3]) // 8}")
                    part = np.round(part.astype(np.float64) * np.iinfo(whole).max).astype(whole)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part), kind, "mono")
                frame.pts, frame.sample_rate = at, rate_hz
                frame.time_base = fractions.Fraction(1, rate_hz)
                packets += track.encode(frame)
            packets += track.encode(None)
        packets = [packet for packet in packets if packet.dts is not None]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)
    return file.getvalue()


def pitch(times):
    """The pitch in Hz of each second."""
    return 300 + 150 * np.floor(times)


def second_of(waveform):
    """Which second of a film a waveform begins with, told by the pitch of its first quarter."""
    part = waveform[:5_000] * np.hanning(5_000)
    return round((np.argmax(np.abs(np.fft.rfft(part, 44_100))) / 2 - 300) / 150)


def _numbered(number, size):
    """Eight stripes, dark or light by the bits of the number."""
    bits = [255 * (number >> bit & 1) for bit in range(8)]
    return np.repeat(np.uint8(bits), size[0] // 8)[None, :, None].repeat(size[1], 0).repeat(3, 2)


def number_of(picture):
    """The number that a picture shows."""
    stripes = picture.mean(axis=(0, 2)).reshape(8, -1)[:, 2:-2].mean(axis=1)
    return sum(int(stripe > 127) << bit for bit, stripe in enumerate(stripes))


@pytest.fixture(scope="session")
def make_film():
    return film


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
        ("flac.ogg", "ogg", "flac", "s16", 44_100, 1),
        ("mp3", "mp3", "libmp3lame", "fltp", 44_100, 1),
        ("stereo.mp3", "mp3", "libmp3lame", "fltp", 22_050, 2),
        ("vorbis.ogg", "ogg", "vorbis", "fltp", 44_100, 2),
        ("opus.ogg", "ogg", "libopus", "flt", 48_000, 1),
        ("m4a", "ipod", "aac", "fltp", 44_100, 1),
        ("aac", "adts", "aac", "fltp", 44_100, 1),
        ("ac3", "ac3", "ac3", "fltp", 48_000, 2),
        ("eac3", "eac3", "eac3", "fltp", 48_000, 1),
        ("amr", "amr", "libopencore_amrnb", "s16", 8_000, 1),
        ("tta", "tta", "tta", "s16", 44_100, 1),
        ("voc", "voc", "pcm_s16le", "s16", 44_100, 1),
        ("wv", "wv", "wavpack", "s16p", 44_100, 2),
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
