"""Walks through WAV, Ogg Vorbis and MP3 files: is the file whole, and how much does it hold?

Nothing is decoded. A walk accepts only the plain shape of its kind, block after block from the
first byte to the last; it says None to all else, which may still be a good file of another shape.
"""

import functools
import struct
from typing import NamedTuple


class Header(NamedTuple):
    """What a walk through a file found.

    Attributes:
      encoding: how the samples are stored, such as `wav_int16`.
      rate_hz: the sampling rate.
      num_channels: the number of channels.
      num_frames: samples of each channel.
    """

    encoding: str
    rate_hz: int
    num_channels: int
    num_frames: int


def read_header(contents: bytes) -> Header | None:
    """What a whole, plain file of one of the three kinds holds; None for any other contents."""
    try:
        return next(filter(None, (walk(contents) for walk in _WALKS)), None)
    except (struct.error, IndexError):  # it ends in the middle of a block
        return None


_WAV_ENCODINGS = {
    (1, 8): "wav_uint8",
    (1, 16): "wav_int16",
    (1, 24): "wav_int24",
    (3, 32): "wav_float32",
}
_WAV_EXTENSIBLE = 0xFFFE


def _walk_wav(data: bytes) -> Header | None:
    """A RIFF file: a `fmt ` chunk, then chunks of even length up to the end, one of them `data`."""
    if data[:4] != b"RIFF" or data[8:16] != b"WAVEfmt ":
        return None
    riff_size, fmt_size = struct.unpack_from("<I8xI", data, 4)
    tag, num_channels, rate_hz, _, block, bits = struct.unpack_from("<HHIIHH", data, 20)
    if tag == _WAV_EXTENSIBLE and fmt_size == 40:
        (tag,) = struct.unpack_from("<H", data, 44)
    encoding = _WAV_ENCODINGS.get((tag, bits))
    if encoding is None or fmt_size not in (16, 18, 40) or riff_size + 8 != len(data):
        return None
    if not num_channels or block != num_channels * bits // 8:
        return None
    num_frames, position = 0, 20 + fmt_size
    while position < len(data):
        mark, size = struct.unpack_from("<4sI", data, position)
        position += 8 + size
        if size % 2 or position > len(data):
            return None
        if mark == b"data":
            if num_frames or size % block:
                return None
            num_frames = size // block
    return Header(encoding, rate_hz, num_channels, num_frames)


def _walk_vorbis(data: bytes) -> Header | None:
    """An Ogg file: pages of one Vorbis stream, from its first to the one marked as its last."""
    if data[:4] != b"OggS" or data[28:35] != b"\x01vorbis":
        return None
    (first_serial,) = struct.unpack_from("<I", data, 14)
    num_channels, rate_hz = struct.unpack_from("<BI", data, 39)
    num_frames, position, flags = 0, 0, 0
    while position < len(data):
        mark, flags, granule, serial = struct.unpack_from("<5sBqI", data, position)
        is_first = bool(flags & 2)
        if mark != b"OggS\0" or is_first != (position == 0) or serial != first_serial:
            return None
        num_segments = data[position + 26]
        position += 27
        position += num_segments + sum(data[position : position + num_segments])
        num_frames = max(num_frames, granule)
    if position != len(data) or not flags & 4:
        return None
    return Header("vorbis", rate_hz, num_channels, num_frames)


# Kilobits per second of layer III by the header's index, for MPEG-1 and for MPEG-2 and -2.5.
_MP3_KILOBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _walk_mp3(data: bytes) -> Header | None:
    """Layer III frames of one rate and channel count, back to back, with or without ID3 tags."""
    position, end = 0, len(data)
    if data[:3] == b"ID3":
        size = functools.reduce(lambda total, byte: total << 7 | byte & 127, data[6:10], 0)
        position = 10 + size
    if data[-128:-125] == b"TAG":
        end -= 128
    start, kinds, sizes = position, set(), []
    while position < end:
        frame = _mp3_frame(data, position)
        if frame is None:
            return None
        kind, size = frame
        kinds.add(kind)
        sizes.append(size)
        position += size
    if len(kinds) != 1 or position != end:
        return None
    claimed = _claimed_frames(data[start : start + sizes[0]])
    # Its own frame may count. Of a file with more, joined to another, a decoder gives the first.
    if claimed and len(sizes) - claimed not in (0, 1):
        return None
    ((rate_hz, num_channels, num_samples),) = kinds
    return Header("mp3", rate_hz, num_channels, len(sizes) * num_samples)


def _mp3_frame(data: bytes, position: int) -> tuple[tuple[int, int, int], int] | None:
    """Of the frame there: rate in Hz, number of channels and samples of each; size in bytes."""
    sync, code, mode = data[position : position + 2], data[position + 2], data[position + 3]
    version, layer = sync[1] >> 3 & 3, sync[1] >> 1 & 3
    bitrate, rate = code >> 4, code >> 2 & 3
    if sync[0] != 0xFF or sync[1] < 0xE0 or version == 1 or layer != 1:
        return None
    if bitrate in (0, 15) or rate == 3:
        return None
    rate_hz = _MP3_RATES_HZ[version][rate]
    num_samples = 1152 if version == 3 else 576
    kilobits = _MP3_KILOBITS[version == 3][bitrate]
    num_bytes = num_samples // 8 * kilobits * 1000 // rate_hz + (code >> 1 & 1)
    return (rate_hz, 1 if mode >> 6 == 3 else 2, num_samples), num_bytes


def _claimed_frames(frame: bytes) -> int:
    """How many frames the tag of a first frame promises; 0 without a tag that tells."""
    position = max(frame.find(b"Xing"), frame.find(b"Info"))
    if position < 0:
        return 0
    flags, num_frames = struct.unpack_from(">II", frame, position + 4)
    return num_frames if flags & 1 else 0


_WALKS = (_walk_wav, _walk_vorbis, _walk_mp3)
