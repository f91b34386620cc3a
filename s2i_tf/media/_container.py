"""Opens sound and video files with PyAV (FFmpeg inside the wheel) as if each were hostile.

The kind of file is told by its content, never by its name. Only the demuxers named here are let
in: FFmpeg also knows playlists and scripts, which make it open further files and addresses.
"""

import contextlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import av
import av.container
import av.stream

from s2i_tf.errors import MediaError
from s2i_tf.media import _mended, limits, reasons
from s2i_tf.media.source import Source, name_of, open_source

_DEMUXERS = (
    *("wav", "w64", "aiff", "caf", "au", "mp3", "aac", "flac", "ogg"),
    *("ac3", "amr", "eac3", "nistsphere", "tta", "voc", "wv"),
    *("mov", "matroska", "avi", "asf", "flv", "mpeg", "mpegts"),
)
_OFFERED = (
    "WAV, MP3, FLAC, Ogg, M4A, AAC, AIFF, AU, CAF, W64, VOC, NIST, AC-3, E-AC-3, AMR, WMA, "
    "WavPack, TTA, or a video such as MP4, MKV, WebM, AVI or MOV"
)

# How files of the common kinds begin: (offset, bytes). One that does and still can't be opened is
# damaged; any other is no media.
_SIGNATURES = (
    *((0, b"RIFF"), (0, b"fLaC"), (0, b"OggS"), (0, b"ID3"), (4, b"ftyp")),
    *((0, b"RIFX"), (0, b"RF64"), (0, b"riff"), (0, b"FORM"), (0, b"caff"), (0, b".snd")),
    *((0, b"\x1a\x45\xdf\xa3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf1")),
    *((0, b"#!AMR"), (0, b"NIST_1A"), (0, b"TTA1"), (0, b"Creative Voice File"), (0, b"wvpk")),
)

# By container and codec: NMS ADPCM in a WAV, which FFmpeg takes for AMR, gives noise twice as long.
_MISREAD = (("wav", "amrnb"), ("w64", "amrnb"))


class Tracks(NamedTuple):
    """The sound and the picture track that a player would play, or None.

    Attributes:
      sound: the sound.
      picture: the pictures.
      num_sounds: how many sound tracks there are to choose from.
    """

    sound: av.AudioStream | None
    picture: av.VideoStream | None
    num_sounds: int


@contextlib.contextmanager
def open_tracks(source: Source, audio_track: int = 0) -> Iterator[Tracks]:
    """Opens a sound or video for reading.

    Args:
      source: a path, or the contents of a file.
      audio_track: number of the sound track, from 1 on; 0 for the default one.

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media` or `truncated`.
    """
    with open_source(source) as file:
        try:
            container = opened(_mended.mended(file))
        except (av.FFmpegError, OSError, ValueError):
            raise _refusal(file, name_of(source)) from None
        with container:
            sounds = container.streams.audio
            sound, picture = default_tracks(container)
            if audio_track:
                sound = played(sounds[audio_track - 1 : audio_track])
            if picture is not None:  # its packets may hold larger ones than the header says
                picture.codec_context.options = {"max_pixels": str(limits.MAX_PIXELS)}
            yield Tracks(sound, picture, len(sounds))


def opened(file: BinaryIO) -> av.container.InputContainer:
    """The container in an open file; raises what PyAV raises of one that is none."""
    return av.open(
        file,
        options={"max_pixels": str(limits.MAX_PIXELS)},
        container_options={
            "format_whitelist": ",".join(_DEMUXERS),
            # A clock that goes back begins another part, which `_packets` sees to; FFmpeg takes it
            # for one that has run over, and adds 26 hours.
            "correct_ts_overflow": "0",
        },
        metadata_errors="replace",
    )


def played(streams: tuple[av.stream.Stream, ...]) -> av.stream.Stream | None:
    """The default one of those that can be decoded and are no cover picture, or else the first."""
    flags = av.stream.Disposition
    found = [
        stream
        for stream in streams
        if stream.codec_context is not None
        and not stream.disposition & flags.attached_pic
        and (stream.container.format.name, stream.codec_context.name) not in _MISREAD
    ]
    return max(found, key=lambda stream: bool(stream.disposition & flags.default), default=None)


def default_tracks(
    container: av.container.InputContainer,
) -> tuple[av.AudioStream | None, av.VideoStream | None]:
    """The sound and the picture that a player would play, of one programme of a broadcast."""
    streams, picture = container.streams, played(container.streams.video)
    sounds = streams.audio
    if picture is not None:
        # For all tracks of one programme FFmpeg names the same sound as the best.
        best = streams.best("audio", picture)
        sounds = [sound for sound in sounds if streams.best("audio", sound) is best]
    return played(sounds) or played(streams.audio), picture


def _refusal(file, name: str) -> MediaError:
    file.seek(0)
    head = file.read(24)
    if any(head[at : at + len(magic)] == magic for at, magic in _SIGNATURES):
        return MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, nothing decodes")
    return MediaError(reasons.NOT_MEDIA, f"{name}: not a sound or video; allowed: {_OFFERED}")
