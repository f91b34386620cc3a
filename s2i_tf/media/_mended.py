"""Sound files that FFmpeg misreads are handed to it with the header that it reads right.

These are WAV (also RF64, W64), AIFF, CAF and AU files that hold more or less sound than their
header says, as a recorder leaves them that is cut off; big-endian WAVs (RIFX), little-endian AUs
and AIFFs; WAVs and CAFs whose samples fill a part of their bytes (24 bits in 32); and WAVs that
give another size of a block or rate of bytes than that of their samples.
"""

import io
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

_EXTENSIBLE = 0xFFFE
_PCM = 1
_LITTLE_AIFF = (b"sowt", b"42n1", b"42ni", b"23ni", b"ni24", b"ni32")
_CODECS = (_PCM, 3, 6, 7)  # also floats, A-law and mu-law: all of one size a sample
_MAX_CHUNKS = 1000
# What follows the sound and is no chunk counts as sound if it is longer and no tag of a player.
_MIN_MORE_BYTES = 4096
_TAGS = (b"ID3", b"TAG", b"APETAGEX")
# A header longer than this, pictures and all, is left as it is.
_MAX_HEADER_BYTES = 64 << 20
_AU_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}  # bytes a sample by AU's encodings


class _Field(NamedTuple):
    """A size in a header: where it stands, as what, and how much more than the sound it counts."""

    at: int
    form: str
    counted: int


class _Kind(NamedTuple):
    """A kind of file that is made of chunks.

    Attributes:
      first: where its chunks begin.
      form: of a chunk's mark and size, as `struct` calls it.
      counted: bytes of the chunk's own head that its size counts.
      align: chunks begin at multiples of it.
      sound: mark of the chunk that holds the sound.
      before: bytes in that chunk before the sound.
      told: mark of the chunk that tells what the samples are.
      plain: makes a header that FFmpeg reads right from it, where it would misread the file's own.
      whole: where the size of the whole file stands, if FFmpeg heeds it; it counts all.
    """

    first: int
    form: str
    counted: int
    align: int
    sound: bytes
    before: int
    told: bytes
    plain: Callable[[BinaryIO, str, int], "_Header | None"]
    whole: _Field | None = None


def mended(file: BinaryIO) -> BinaryIO:
    """The file, at its beginning, or one with another header if FFmpeg would misread it."""
    try:
        file.seek(0)
        head = file.read(16)
        kind = _KINDS.get((head[:4], head[8:12])) or _KINDS.get((head[:4], b""))
        if kind is not None:
            return _mended_chunks(file, kind) or file
        if head[:4] in (b".snd", b"dns."):
            return _mended_au(file, head) or file
        return file
    except (struct.error, OSError, OverflowError):
        return file
    finally:
        file.seek(0)


def _mended_chunks(file: BinaryIO, kind: _Kind) -> BinaryIO | None:
    num_bytes = file.seek(0, 2)
    chunks = _chunks(file, kind, kind.first, num_bytes)
    if kind.sound not in chunks:
        return None
    position, claimed = chunks[kind.sound]
    at, claimed = position + kind.before, claimed - kind.before
    size = _true_size(file, kind, at, claimed, num_bytes)
    if kind.told not in chunks:  # it may stand behind the sound
        chunks = {**_chunks(file, kind, at + size, num_bytes), **chunks}
    if kind.told in chunks:
        file.seek(chunks[kind.told][0])
        plain = kind.plain(file, kind.form[0], size)
        if plain is not None:
            header, width = plain
            return Rewritten(file, header, at, size, width)
    whole = [kind.whole._replace(counted=kind.whole.counted + at)] if kind.whole else []
    is_right = size == claimed and all(
        _value(file, field) >= size + field.counted for field in whole
    )
    if is_right or at > _MAX_HEADER_BYTES:
        return None
    form = kind.form[0] + kind.form[-1]
    field = _Field(position - struct.calcsize(form), form, kind.before + kind.counted)
    if b"ds64" in chunks:
        field = _Field(chunks[b"ds64"][0] + 8, "<Q", 0)
    return _with_sizes(file, [field, *whole], at, size)


def _value(file: BinaryIO, field: _Field) -> int:
    file.seek(field.at)
    return struct.unpack(field.form, file.read(struct.calcsize(field.form)))[0]


def _true_size(
    file: BinaryIO, kind: _Kind | None, at: int, claimed: int | None, num_bytes: int
) -> int:
    """How much sound there is from `at` on where a header claims so much, or None for unknown."""
    there = num_bytes - at
    if claimed is None or not 0 <= claimed <= there:
        return there
    file.seek(at + claimed)
    is_stray = there - claimed <= _MIN_MORE_BYTES or file.read(8).startswith(_TAGS)
    # Some programs leave out the byte that a chunk of an odd size is to be filled up with.
    kinds = [kind, kind._replace(align=1)] if kind else []
    if is_stray or any(_only_chunks(file, one, at + claimed, num_bytes) for one in kinds):
        return claimed
    return there


def _heads(
    file: BinaryIO, kind: _Kind, position: int, num_bytes: int
) -> Iterator[tuple[bytes, int, int]]:
    """Of the chunks from `position` on their marks, where their contents begin, and their sizes."""
    length = struct.calcsize(kind.form)
    for _ in range(_MAX_CHUNKS):
        position = -(-position // kind.align) * kind.align
        if position + length > num_bytes:
            return
        file.seek(position)
        mark, size = struct.unpack(kind.form, file.read(length))
        position, size = position + length, size - kind.counted
        yield mark[:4], position, size
        position += size


def _chunks(
    file: BinaryIO, kind: _Kind, position: int, num_bytes: int
) -> dict[bytes, tuple[int, int]]:
    """By mark of the chunks up to the sound where each one's contents begin, and their size."""
    found, long_size = {}, 0
    for mark, begin, size in _heads(file, kind, position, num_bytes):
        if mark == b"ds64":
            (long_size,) = struct.unpack("<8xQ", file.read(16))
        if mark == kind.sound:
            found[mark] = begin, long_size if long_size and size == 2**32 - 1 else size
        if mark == kind.sound or size < 0:
            break
        found[mark] = begin, size
    return found


def _only_chunks(file: BinaryIO, kind: _Kind, position: int, num_bytes: int) -> bool:
    """Whether chunks and nothing else fill a file from `position` to its end."""
    for mark, begin, size in _heads(file, kind, position, num_bytes):
        position = begin + size
        is_printable = mark.isascii() and mark.decode().isprintable()
        if size < 0 or not is_printable or position > num_bytes + kind.align:
            return False
    return position + kind.align + struct.calcsize(kind.form) > num_bytes


# Of a plain file all up to the sound, and the bytes of a sample that are turned round; 1 where they
# stay.
_Header = tuple[bytes, int]


def _plain_wav(file: BinaryIO, order: str, size: int) -> _Header | None:
    """Of a WAV that FFmpeg would misread, which takes what it says of bytes at its word."""
    tag, channels, rate_hz, speed, block, bits = struct.unpack(order + "HHIIHH", file.read(16))
    claimed, least_width, used_bits = (block, speed), -(-bits // 8), bits
    if tag == _EXTENSIBLE:
        # A big-endian identifier begins with four bytes, as libsndfile has it, or with two (sox).
        used_bits, _, *tags = struct.unpack(order + "2xHIHH", file.read(12))
        tag = tags[0] or tags[1]
    width = 1
    if tag in _CODECS:
        if not channels or not rate_hz or not (block or least_width):
            return None
        width = block // channels if block % channels == 0 else 0
        if least_width and (least_width, width) != (3, 4):  # 24 bits in 32
            width = least_width
        if not width:
            return None
        bits, block = 8 * width, width * channels
        speed = rate_hz * block
    if order == "<":
        used_width = -(-used_bits // 8) if tag == _PCM else used_bits / 8
        is_full = not used_bits or used_width == width
        if tag not in _CODECS or (is_full and claimed in ((block, speed), (block, 0))):
            return None
    contents = b"RIFF%sWAVEfmt \x10\0\0\0%sdata%s" % (
        struct.pack("<I", min(36 + size, 2**32 - 1)),
        struct.pack("<HHIIHH", tag, channels, rate_hz, speed, block, bits),
        struct.pack("<I", min(size, 2**32 - 1)),
    )
    return contents, width if order == ">" else 1


def _plain_aiff(file: BinaryIO, order: str, size: int) -> _Header | None:
    """Of a little-endian AIFF-C, of whose kinds FFmpeg knows that of 16 bits."""
    channels, _, bits, power, mantissa = struct.unpack(order + "HIHHQ", file.read(18))
    width, shift = -(-bits // 8), 16446 - power
    if file.read(4) not in _LITTLE_AIFF or width not in (1, 3, 4) or not 0 <= shift < 64:
        return None
    return _au(size, width + 1, mantissa >> shift, channels), width


def _plain_caf(file: BinaryIO, order: str, size: int) -> _Header | None:
    """Of a CAF whose whole numbers fill the upper part of their bytes, which all count then."""
    rate_hz, codec, flags, block, _, channels, bits = struct.unpack(order + "d4s5I", file.read(32))
    width = block // channels if channels else 0
    is_float, is_little = flags & 1, flags & 2
    is_full = width not in (2, 3, 4) or -(-bits // 8) == width
    if codec != b"lpcm" or is_float or is_full or not 1 <= rate_hz < 2**31:
        return None
    return _au(size, width + 1, int(rate_hz), channels), width if is_little else 1


def _au(size: int, encoding: int, rate_hz: int, channels: int) -> bytes:
    """The header of a big-endian AU; the encoding of whole numbers is 1 more than their bytes."""
    return struct.pack(">4s5I", b".snd", 24, min(size, 2**32 - 1), encoding, rate_hz, channels)


_WAV = _Kind(12, "<4sI", 0, 2, b"data", 0, b"fmt ", _plain_wav)
_W64 = _Kind(40, "<16sQ", 24, 8, b"data", 0, b"fmt ", _plain_wav, _Field(16, "<Q", 0))
_AIFF = _Kind(12, ">4sI", 0, 2, b"SSND", 8, b"COMM", _plain_aiff, _Field(4, ">I", -8))
_CAF = _Kind(8, ">4sq", 0, 1, b"data", 4, b"desc", _plain_caf)
# By the first four bytes of a file, and those from the eighth on where they tell.
_KINDS = {
    **{(mark, b"WAVE"): _WAV for mark in (b"RIFF", b"RF64", b"BW64")},
    (b"RIFX", b"WAVE"): _WAV._replace(form=">4sI"),
    **{(b"FORM", mark): _AIFF for mark in (b"AIFF", b"AIFC")},
    (b"riff", b""): _W64,
    (b"caff", b""): _CAF,
}


def _mended_au(file: BinaryIO, head: bytes) -> BinaryIO | None:
    order = ">" if head[:4] == b".snd" else "<"
    num_bytes = file.seek(0, 2)
    at, claimed, encoding = struct.unpack(order + "3I", head[4:16])
    if not 24 <= at <= min(num_bytes, _MAX_HEADER_BYTES):
        return None
    size = _true_size(file, None, at, claimed, num_bytes)
    if order == ">":
        # As FFmpeg reads on to the end of the file, also where the header is right.
        return _with_sizes(file, [_Field(8, ">I", 0)], at, size)
    if encoding not in _AU_WIDTHS:
        return None
    file.seek(16)
    header = _au(size, encoding, *struct.unpack("<2I", file.read(8)))
    return Rewritten(file, header, at, size, _AU_WIDTHS[encoding])


def _with_sizes(file: BinaryIO, fields: list[_Field], at: int, size: int) -> BinaryIO:
    """The file up to the end of its sound, with that sound's size written into its header."""
    file.seek(0)
    header = bytearray(file.read(at))
    for field in fields:
        largest = 2 ** (8 * struct.calcsize(field.form)) - 1
        value = min(size + field.counted, largest)
        struct.pack_into(field.form, header, field.at, value)
    return Rewritten(file, bytes(header), at, size, 1)


class Rewritten(io.RawIOBase):
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
