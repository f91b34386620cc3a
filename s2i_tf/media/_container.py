"""Opens sound and video files with PyAV (FFmpeg inside the wheel) as if each were hostile.

The kind of file is told by its content, never by its name. Only the demuxers named here are let
in: FFmpeg also knows playlists and scripts, which make it open further files and addresses.
"""

import contextlib
from collections.abc import Iterator

import av
import av.container
import av.stream

from s2i_tf.errors import MediaError
from s2i_tf.media import limits, reasons
from s2i_tf.media._source import Source, name_of, open_source

_DEMUXERS = (
    *("wav", "w64", "aiff", "caf", "au", "mp3", "aac", "flac", "ogg"),
    *("mov", "matroska", "avi", "asf", "flv", "mpeg", "mpegts"),
)
_OFFERED = "WAV, MP3, FLAC, Ogg, M4A, AAC, or a video such as MP4, MKV, WebM, AVI or MOV"

# How files of the common kinds begin: (offset, bytes). One that does and still can't be opened is
# damaged; any other is no media.
_SIGNATURES = (
    *((0, b"RIFF"), (0, b"fLaC"), (0, b"OggS"), (0, b"ID3"), (4, b"ftyp")),
    *((0, b"\x1a\x45\xdf\xa3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf1")),
)


@contextlib.contextmanager
def open_container(source: Source) -> Iterator[av.container.InputContainer]:
    """Opens a sound or video for reading.

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media` or `truncated`.
    """
    with open_source(source) as file:
        try:
            container = av.open(
                file,
                options={"max_pixels": str(limits.MAX_PIXELS)},
                container_options={"format_whitelist": ",".join(_DEMUXERS)},
                metadata_errors="replace",
            )
        except (av.FFmpegError, OSError, ValueError):
            raise _refusal(file, name_of(source)) from None
        with container:
            yield container


def decodable(streams: tuple[av.stream.Stream, ...]) -> av.stream.Stream | None:
    """The first stream that has a decoder and is no cover picture."""
    for stream in streams:
        is_cover = stream.disposition & av.stream.Disposition.attached_pic
        if stream.codec_context is not None and not is_cover:
            return stream
    return None


def frames(container: av.container.InputContainer, stream: av.stream.Stream) -> Iterator:
    """All frames of a stream that decode; damaged packets between them are passed over."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError, IndexError):
            return  # the file breaks off here, or its tracks change, which PyAV meets unprepared
        if packet is None:
            return
        with contextlib.suppress(av.FFmpegError):
            yield from packet.decode()


def seek(container: av.container.InputContainer, stream: av.stream.Stream, seconds: float) -> bool:
    """Moves to the last key frame at or before `seconds` of the stream; says whether it could."""
    try:
        container.seek(int(seconds / stream.time_base) + (stream.start_time or 0), stream=stream)
    except (av.FFmpegError, OSError, OverflowError):
        return False
    return True


def _refusal(file, name: str) -> MediaError:
    file.seek(0)
    head = file.read(16)
    if any(head[at : at + len(magic)] == magic for at, magic in _SIGNATURES):
        return MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, nothing decodes")
    return MediaError(reasons.NOT_MEDIA, f"{name}: not a sound or video; allowed: {_OFFERED}")
