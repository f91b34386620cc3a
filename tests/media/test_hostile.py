"""Damaged and hostile files: always a waveform or a `MediaError`, soon, and in little memory."""

import resource
import struct
import time
import zlib

import numpy as np
import pytest

from s2i_tf.errors import MediaError
from s2i_tf.media import audio, image, reasons, video

NAMES = (
    *("wav", "flac", "mp3", "stereo.mp3", "vorbis.ogg", "opus.ogg", "m4a", "aac"),
    *("ac3", "eac3", "amr", "tta", "voc", "wv"),
    *("mkv", "webm", "avi", "mov"),
)


def outcome(function, *arguments, **options):
    """What a function gives, or the reason why not; any other error fails the test."""
    begin = time.process_time()
    try:
        result = function(*arguments, **options)
    except MediaError as error:
        assert error.reason in vars(reasons).values()
        assert "\n" not in str(error)
        result = error.reason
    assert time.process_time() - begin < 5
    return result


def is_waveform(result):
    return isinstance(result, np.ndarray) and np.isfinite(result).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cut_anywhere_gives_what_is_left_or_a_reason(name, sounds):
    contents = sounds[name]
    lengths = []
    for tenth in range(10):
        result = outcome(audio.load_waveform, contents[: len(contents) * tenth // 10])
        assert is_waveform(result) or result in (
            *(reasons.EMPTY, reasons.TRUNCATED, reasons.TOO_SHORT, reasons.NO_SOUND),
        )
        lengths.append(len(result) if is_waveform(result) else 0)
    assert lengths == sorted(lengths)
    # Those that can be played while they arrive; M4A and MOV keep their index at the end.
    if name not in ("m4a", "mov"):
        assert lengths[-1] > 5 * 22_050


@pytest.mark.parametrize("name", NAMES)
def test_flipped_bytes_give_a_waveform_or_a_reason(name, sounds, rng):
    contents = sounds[name]
    for trial in range(24):
        damaged = bytearray(contents)
        # Every other time in the header, where it hurts most.
        end = 200 if trial % 2 else len(contents)
        for position in rng.integers(0, end, size=4):
            damaged[position] = rng.integers(256)
        result = outcome(audio.load_waveform, bytes(damaged), max_seconds=1.0)
        assert is_waveform(result) or isinstance(result, str)
        outcome(video.probe, bytes(damaged))


@pytest.mark.parametrize("num_bytes", [1, 3, 12, 100, 10_000, 300_000])
@pytest.mark.parametrize("kind", ["random", "zeros", "ones", "text"])
def test_what_is_no_media_is_refused(num_bytes, kind, rng):
    contents = {
        "random": rng.bytes(num_bytes),
        "zeros": bytes(num_bytes),
        "ones": b"\xff" * num_bytes,
        "text": (b"What a sound is this?\n" * (num_bytes // 20 + 1))[:num_bytes],
    }[kind]
    for function in (audio.load_waveform, image.load_image, video.probe):
        assert outcome(function, contents) == reasons.NOT_MEDIA
    assert outcome(video.frame_at, contents, 0.0) == reasons.NOT_MEDIA


@pytest.mark.parametrize("magic", [b"RIFF", b"fLaC", b"OggS", b"ID3\4\0\0", b"\0\0\0\x20ftypisom"])
def test_noise_behind_a_known_beginning_is_refused(magic, rng):
    result = outcome(audio.load_waveform, magic + rng.bytes(5_000))
    assert result in (reasons.TRUNCATED, reasons.NO_SOUND, reasons.NOT_MEDIA)


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_a_header_that_claims_more_than_there_is_costs_nothing(sounds):
    wav, flac = bytearray(sounds["wav"]), bytearray(sounds["flac"])
    size = wav.find(b"data") + 4
    wav[size : size + 4] = struct.pack("<I", 2**31 - 2)
    flac[22:26] = b"\xff" * 4  # the lower half of STREAMINFO's number of samples
    audio.load_waveform(sounds["flac"])
    before = peak_megabytes()
    for contents in (wav, flac):
        assert len(outcome(audio.load_waveform, bytes(contents))) == 8 * 22_050
    assert peak_megabytes() - before < 200


def test_a_small_file_of_much_sound_is_not_unpacked_whole(make_sound):
    samples = np.zeros((1, 1_500 * 8_000), np.float32)
    samples[:, -8_000::7] = 0.5
    contents = make_sound("flac", "flac", samples, 8_000, "s16")
    assert len(contents) < 300_000
    before = peak_megabytes()
    assert outcome(audio.load_waveform, contents) == reasons.TOO_LONG
    part = outcome(audio.load_waveform, contents, start_seconds=1_499, max_seconds=1.0)
    assert part.shape == (22_050,)
    assert peak_megabytes() - before < 200


def png(width, height, data):
    chunks = b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, content in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b"")):
        chunks += struct.pack(">I", len(content)) + kind + content
        chunks += struct.pack(">I", zlib.crc32(kind + content))
    return b"\x89PNG\r\n\x1a\n" + chunks


def test_a_picture_that_unpacks_to_gigapixels_is_not_unpacked():
    before = peak_megabytes()
    for side in (7_500, 20_000, 100_000, 2**31 - 1):
        result = outcome(image.load_image, png(side, side, zlib.compress(bytes(10_000))))
        assert result in (reasons.TOO_LARGE, reasons.NOT_MEDIA)
    assert peak_megabytes() - before < 50


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_damaged_picture_gives_a_picture_or_a_reason(kind, rng, encode_picture):
    contents = encode_picture(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8), kind)
    for tenth in range(10):
        assert isinstance(outcome(image.load_image, contents[: len(contents) * tenth // 10]), str)
    for _ in range(60):
        damaged = bytearray(contents)
        for position in rng.integers(0, min(len(contents), 400), size=3):
            damaged[position] = rng.integers(256)
        result = outcome(image.load_image, bytes(damaged))
        assert isinstance(result, str) or (result.ndim == 3 and result.dtype == np.uint8)
