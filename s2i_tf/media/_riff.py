"""WAV files that FFmpeg misreads are handed to it with the plain header that it reads right.

These are the big-endian ones (RIFX), those whose samples fill a part of their bytes (24 bits in
32), and those that hold more sound than their header says, as a recorder leaves them that is cut
off.
"""

import io
import struct
from typing import BinaryIO

import numpy as np

_MARKS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_EXTENSIBLE = 0xFFFE
_PCM = 1
_CODECS = (_PCM, 3, 6, 7)  # also floats, A-law and mu-law: all of one size a sample
_UNKNOWN_SIZE = 0xFFFFFFFF
_MAX_CHUNKS = 1000
# What follows the sound and is no chunk counts as sound if it is longer; else it is a stray tag.
_MIN_MORE_SECONDS = 0.1


def plain(file: BinaryIO) -> BinaryIO:
    """The file, at its beginning; of a WAV that FFmpeg would misread, one with a plain header."""
    try:
        return _mended(file) or file
    except (struct.error, OSError):
        return file
    finally:
        file.seek(0)


def _mended(file: BinaryIO) -> BinaryIO | None:
    head = file.read(12)
    if head[:4] not in _MARKS or head[8:] != b"WAVE":
        return None
    order = ">" if head[:4] == b"RIFX" else "<"
    num_bytes = file.seek(0, 2)
    chunks = dict(_chunks(file, order, 12, num_bytes))
    if b"fmt " not in chunks or b"data" not in chunks:
        return None
    at, _ = chunks[b"fmt "]
    file.seek(at)
    tag, channels, rate_hz, _, block, bits = struct.unpack(order + "HHIIHH", file.read(16))
    if tag == _EXTENSIBLE:
        bits, _, tag = struct.unpack(order + "2xHIH", file.read(10))
    if tag not in _CODECS or not channels or not rate_hz or not block or block % channels:
        return None
    width = block // channels
    fills_its_bytes = tag != _PCM or -(-bits // 8) == width
    at, claimed = chunks[b"data"]
    there = num_bytes - at
    more = there - claimed
    claims_too_little = (
        0 < claimed < there
        and more > _MIN_MORE_SECONDS * rate_hz * block
        and not _only_chunks(file, order, at + claimed + claimed % 2, num_bytes)
    )
    if order == "<" and fills_its_bytes and not claims_too_little:
        return None
    size = there if claims_too_little or not claimed else min(claimed, there)
    fmt = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * block, block, 8 * width)
    header = b"RIFF%sWAVEfmt \x10\0\0\0%sdata%s" % (
        struct.pack("<I", min(36 + size, _UNKNOWN_SIZE)),
        fmt,
        struct.pack("<I", min(size, _UNKNOWN_SIZE)),
    )
    return _Plain(file, header, at, size, width if order == ">" else 1)


def _chunks(file: BinaryIO, order: str, position: int, num_bytes: int):
    """Marks of the chunks up to the sound, and where each one's contents begin and their size."""
    long_size = None
    for _ in range(_MAX_CHUNKS):
        if position + 8 > num_bytes:
            return
        file.seek(position)
        mark, size = struct.unpack(order + "4sI", file.read(8))
        if mark == b"ds64":
            _, long_size = struct.unpack("<QQ", file.read(16))
        if mark == b"data":
            yield mark, (position + 8, size if size != _UNKNOWN_SIZE else long_size or 0)
            return
        yield mark, (position + 8, size)
        position += 8 + size + size % 2


def _only_chunks(file: BinaryIO, order: str, position: int, num_bytes: int) -> bool:
    """Whether chunks and nothing else fill a file from `position` to its end."""
    for _ in range(_MAX_CHUNKS):
        if position + 8 > num_bytes:
            return True
        file.seek(position)
        mark, size = struct.unpack(order + "4sI", file.read(8))
        if not mark.isascii() or not mark.decode().isprintable():
            return False
        position += 8 + size + size % 2
        if position > num_bytes + 1:
            return False
    return False


class _Plain(io.RawIOBase):
    """A header, and behind it a part of a file, the bytes of each value turned round."""

    def __init__(self, file: BinaryIO, header: bytes, at: int, size: int, width: int):
        super().__init__()
        self._file, self._header, self._at, self._size = file, header, at, size
        self._width, self._position = width, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = (0, self._position, len(self._header) + self._size)[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        wanted, start = len(buffer), self._position - len(self._header)
        if start < 0:
            found = self._header[self._position :][:wanted]
        else:
            skipped = start % self._width
            wanted = min(wanted, max(self._size - start, 0))
            self._file.seek(self._at + start - skipped)
            whole = self._file.read(-(-(skipped + wanted) // self._width) * self._width)
            whole = whole[: len(whole) // self._width * self._width]
            turned = np.frombuffer(whole, np.uint8).reshape(-1, self._width)[:, ::-1]
            found = turned.tobytes()[skipped:][:wanted] if self._width > 1 else whole
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)
