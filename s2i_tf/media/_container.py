"""Opens sound and video files with PyAV (FFmpeg inside the wheel) as if each were hostile.

The kind of file is told by its content, never by its name. Only the demuxers named here are let
in: FFmpeg also knows playlists and scripts, which make it open further files and addresses.

A film is a file with sound and picture. Its time is what players show: it begins with the first of
its two tracks, whatever each says of its own start. What is asked for before both have begun is
taken from where they have, so that a sound and its picture are always of one moment.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import av
import av.container
import av.stream

from s2i_tf.errors import MediaError
from s2i_tf.media import _mended, limits, reasons
from s2i_tf.media._source import Source, name_of, open_source

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

# Transport and program streams and Ogg may be parts laid end to end, each of which counts time from
# its own start. A part ends where the time of a track goes back by more than this, or ahead of all
# tracks by more than that, for a pause in which nothing at all comes is shorter.
_JOINABLE = ("mpegts", "mpeg", "ogg")
_MAX_BACK_SECONDS = 0.1
_MAX_AHEAD_SECONDS = 10.0
# Pictures are decoded some time before they are shown; a track that ends earlier has ended.
_MAX_APART_SECONDS = 1.0

# A track leaps where its time goes on by more than this beyond the last packet. That may be damage,
# of a packet or of a group of them, which Matroska makes of up to 5 s.
MIN_GAP_SECONDS = 0.1
_DOUBTED_SECONDS = 6.0
# No picture waits longer than this for others that are decoded after it and shown before it.
_MAX_WAIT_SECONDS = 60.0

# Of the sounds that are chained into an Ogg file: how often their kind may change.
_MAX_CHANGES = 100
_PAGE_HEAD_BYTES = 27 + 255  # with the sizes of as many segments as there can be

# By container and codec: NMS ADPCM in a WAV, which FFmpeg takes for AMR, gives noise twice as long.
_MISREAD = (("wav", "amrnb"), ("w64", "amrnb"))

logger = logging.getLogger(__name__)

# Codecs of sound need up to some thousand samples of the past before the first right one.
_MAX_ENCODER_DELAY_SECONDS = 0.1


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

    def clock(self) -> "Clock":
        """That of the film, told by reading the file until both have begun."""
        return Clock.of(survey(self.sound, self.picture, until_begun=True))


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
            container = _opened(_mended.mended(file))
        except (av.FFmpegError, OSError, ValueError):
            raise _refusal(file, name_of(source)) from None
        with container:
            sounds = container.streams.audio
            sound, picture = _default_tracks(container)
            if audio_track:
                sound = _played(sounds[audio_track - 1 : audio_track])
            if picture is not None:  # its packets may hold larger ones than the header says
                picture.codec_context.options = {"max_pixels": str(limits.MAX_PIXELS)}
            yield Tracks(sound, picture, len(sounds))


def _opened(file: BinaryIO) -> av.container.InputContainer:
    return av.open(
        file,
        options={"max_pixels": str(limits.MAX_PIXELS)},
        container_options={
            "format_whitelist": ",".join(_DEMUXERS),
            # A clock that goes back begins another part, which `_Parts` sees to; FFmpeg takes it
            # for one that has run over, and adds 26 hours.
            "correct_ts_overflow": "0",
        },
        metadata_errors="replace",
    )


def _played(streams: tuple[av.stream.Stream, ...]) -> av.stream.Stream | None:
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


def _default_tracks(
    container: av.container.InputContainer,
) -> tuple[av.AudioStream | None, av.VideoStream | None]:
    """The sound and the picture that a player would play, of one programme of a broadcast."""
    streams, picture = container.streams, _played(container.streams.video)
    sounds = streams.audio
    if picture is not None:
        # For all tracks of one programme FFmpeg names the same sound as the best.
        best = streams.best("audio", picture)
        sounds = [sound for sound in sounds if streams.best("audio", sound) is best]
    return _played(sounds) or _played(streams.audio), picture


class Span:
    """When a track runs, as far as its packets have been read, in the container's own seconds.

    Attributes:
      first: begin of its first packet; None where none has a time.
      begun: begin of the first that can be decoded, after a key frame: recordings of a broadcast
        start anywhere.
      end: end of its last packet.
      num_packets: how many were read.
    """

    def __init__(self, stream: av.stream.Stream):
        self._is_picture = stream.type == "video"
        self.first = self.begun = self.end = None
        self.num_packets = 0
        self._is_decodable = False
        self._unit = float(stream.time_base)
        self._start = stream.start_time
        self._delay = round(_MAX_ENCODER_DELAY_SECONDS / self._unit)
        self._has_no_pts = has_no_pts(stream)

    @property
    def shows_slides(self) -> bool:
        """Whether it has a picture alone, or no more than one a second, as slides are shown."""
        return self._is_picture and self.num_packets <= 1 + self.end - self.first

    def add(self, packet: av.Packet) -> None:
        """Counts a packet, if it is to be shown and has a time."""
        pts = packet.dts if packet.pts is None or self._has_no_pts else packet.pts
        # What an edit list leaves out can still be what the first picture is decoded from.
        self._is_decodable |= packet.is_keyframe
        is_of_other_rate = float(packet.time_base) != self._unit  # chained on, and left out
        if pts is None or packet.is_discard or is_of_other_rate:
            return
        self.num_packets += 1
        duration = _duration(packet)
        end = (pts + duration) * self._unit
        self.end = end if self.end is None or duration < 0 else max(self.end, end)
        if self._start is not None and 0 < self._start - pts < self._delay:
            pts = self._start
        if self.first is None:
            self.first = pts * self._unit
        if self.begun is None and self._is_decodable:
            self.begun = pts * self._unit


def _duration(packet: av.Packet) -> int:
    """How long a packet lasts, in its stream's unit.

    The last one of an Ogg file can be cut by more than it has, and FFmpeg counts that in 32 bits
    without a sign.
    """
    duration = packet.duration or 0
    return duration - (1 << 32) if 1 << 31 <= duration < 1 << 32 else duration


def survey(*streams: av.stream.Stream | None, until_begun: bool = False) -> list[Span]:
    """Reads a file from its beginning, until all tracks have begun or to its end.

    Returns:
      The span of each track that has any packet.
    """
    present = [stream for stream in streams if stream is not None]
    spans = {stream.index: Span(stream) for stream in present}
    for packet in packets(*present) if present else ():
        spans[packet.stream_index].add(packet)
        if until_begun and all(span.begun is not None for span in spans.values()):
            break
    return [span for span in spans.values() if span.num_packets]


class Clock(NamedTuple):
    """The time of a film.

    Attributes:
      zero: where the first of its tracks begins, in the container's own seconds.
      common: where all have begun, in seconds from `zero`.
    """

    zero: float
    common: float

    @classmethod
    def of(cls, spans: list[Span]) -> "Clock":
        """The clock of a film whose tracks have these spans; of none, zeros."""
        firsts = [span.first for span in spans] or [0.0]
        zero = min(firsts)
        if max(firsts) - zero < _MAX_ENCODER_DELAY_SECONDS:  # the film begins with both
            zero = max(firsts)
        begun = [span.first if span.begun is None else span.begun for span in spans]
        return cls(zero, max([zero, *begun]) - zero)

    def moment(self, seconds: float) -> float:
        """The container's time of a moment of the film, not before all tracks have begun."""
        return self.zero + max(seconds, self.common)


def has_no_pts(stream: av.stream.Stream) -> bool:
    """Whether its file tells no time of presentation, so that FFmpeg makes up what it gives."""
    return stream.container.format.name == "avi"


def packets(*streams: av.stream.Stream, parts: "_Parts | None" = None) -> Iterator[av.Packet]:
    """The packets of tracks of a file, as far as it can be read, with the times of one file."""
    if streams[0].container.format.name not in _JOINABLE:
        yield from _with_sure_times(_demuxed(*streams))
        return
    parts, wanted = parts or _Parts(), {stream.index for stream in streams}
    # Where a part ends is told by both tracks of a film, whichever is wanted.
    film = _default_tracks(streams[0].container)
    read = {track.index: track for track in (*streams, *film) if track is not None}
    for packet in _with_sure_times(_demuxed(*read.values())):
        parts.shift(packet)
        if packet.stream_index in wanted:
            yield packet


def _with_sure_times(demuxed: Iterator[av.Packet]) -> Iterator[av.Packet]:
    """Packets of which those whose time leaps ahead and soon comes back follow on those before."""
    tracks: dict[int, _Leap] = {}
    for packet in demuxed:
        track = packet.stream_index
        if track not in tracks:
            tracks[track] = _Leap(1 / float(packet.time_base))
        yield from tracks[track].settled(packet)
    for track in tracks.values():
        yield from track.doubted


class _Leap:
    """The packets of a track since its time leapt ahead, until others bear it out.

    Attributes:
      doubted: those packets.
    """

    def __init__(self, ticks_per_second: float):
        self._max_wait = _MAX_WAIT_SECONDS * ticks_per_second
        self._doubted_for = _DOUBTED_SECONDS * ticks_per_second
        self._min_gap = MIN_GAP_SECONDS * ticks_per_second
        self.doubted: list[av.Packet] = []
        self._end: int | None = None  # of what came before

    def settled(self, packet: av.Packet) -> list[av.Packet]:
        """What is in no doubt now that the next packet of the track has come."""
        time, settled = packet.dts, []
        if None not in (time, packet.pts) and abs(packet.pts - time) > self._max_wait:
            packet.pts = time
        if self.doubted and time is not None:
            first = self.doubted[0].dts
            if time < first:
                for doubted in self.doubted:
                    _move(doubted, self._end - first)
            if time < first or time - first > self._doubted_for:
                settled, self.doubted = self.doubted, []
                self._end = max(_end(one) for one in settled if one.dts is not None)
        leaps = None not in (time, self._end) and time - self._end > self._min_gap
        if self.doubted or leaps:
            self.doubted.append(packet)
            return settled
        if time is not None:
            self._end = _end(packet)
        return [*settled, packet]


def _end(packet: av.Packet) -> int:
    """When a packet that has a time of decoding ends, in its stream's unit."""
    return packet.dts + _duration(packet)


def _demuxed(*streams: av.stream.Stream, num_changes: int = 0) -> Iterator[av.Packet]:
    """The packets of tracks of a file, as far as it can be read.

    Where sounds are chained into one Ogg file, FFmpeg stops at one that has another number of
    channels or another rate. From there on the file is opened anew.
    """
    container, wanted = streams[0].container, {stream.index for stream in streams}
    page = None
    # The file may break off, or its tracks change, which PyAV meets unprepared.
    with contextlib.suppress(av.FFmpegError, OSError, IndexError):
        for packet in container.demux(*streams):
            if packet.stream_index in wanted:  # other tracks may turn up on the way
                page = page if packet.pos is None else packet.pos
                yield packet
    is_sound = [one.type for one in streams] == ["audio"] and not _played(container.streams.video)
    if not is_sound or container.format.name != "ogg" or page is None:
        return
    with contextlib.suppress(av.FFmpegError, OSError):
        following = _next_in_chain(container.file.file, page)
        if following is None:
            return
        if num_changes == _MAX_CHANGES:
            logger.warning("a sound that changes %d times: what follows is left out", num_changes)
            return
        with _opened(following) as opened:
            sound = _played(opened.streams.audio)
            if sound is not None and sound.index in wanted:
                yield from _demuxed(sound, num_changes=num_changes + 1)


def _next_in_chain(file: BinaryIO, page: int) -> BinaryIO | None:
    """What an Ogg file has from the first page of a stream on, behind one that begins at `page`."""
    size = file.seek(0, 2)
    while True:
        file.seek(page)
        head = file.read(_PAGE_HEAD_BYTES)
        if len(head) < 27 or head[:4] != b"OggS":
            return None
        if head[5] & 2:  # a first page
            return _mended.Rewritten(file, b"", page, size - page, 1)
        page += 27 + head[26] + sum(head[27 : 27 + head[26]])


class _Parts:
    """Gives the packets of parts that are laid end to end the times of one file.

    Attributes:
      shifts: seconds by which each part is moved, in the order of the parts.
      has_other_rates: whether packets had another rate, which are left out and take no time.
    """

    def __init__(self):
        self.shifts = [0.0]
        self.has_other_rates = False
        self._unit: dict[int, float] = {}
        self._part: dict[int, int] = {}  # by track, for their packets interleave at a joint
        self._next: dict[int, float] = {}
        self._begin: float | None = None  # of all tracks, as the end is
        self._end: float = 0.0

    def shift(self, packet: av.Packet) -> None:
        """Moves the times of the next packet of its track."""
        track, unit = packet.stream_index, float(packet.time_base)
        if unit != self._unit.setdefault(track, unit):
            self.has_other_rates = True
            return
        if packet.dts is not None:
            self._place(track, packet.dts * unit, _duration(packet) * unit)
        _move(packet, round(self.shifts[self._part.get(track, 0)] / unit))

    def _place(self, track: int, time: float, duration: float) -> None:
        """Finds the part in which a packet follows on its track, or begins another."""
        if self._begin is None:
            self._begin = self._end = time
        # The first packet of another track may be given late, or have begun a little earlier.
        own = self._part.get(track, len(self.shifts) - 1)
        expected = self._next.get(track, self._begin - _MAX_AHEAD_SECONDS)
        for part in (own, *reversed(range(len(self.shifts)))):
            # Another track has begun a later one. Into an earlier one leads back a damaged time.
            early = _MAX_AHEAD_SECONDS if part > own else _MAX_BACK_SECONDS
            moved = time + self.shifts[part]
            if expected - early <= moved <= self._end + _MAX_AHEAD_SECONDS:
                break
        else:
            part, moved = len(self.shifts), expected
            if expected < self._end - _MAX_APART_SECONDS:
                moved = self._end
            self.shifts.append(moved - time)
        self._part[track] = part
        self._next[track] = moved + duration
        self._end = max(self._end, self._next[track])


def _move(packet: av.Packet, ticks: int) -> None:
    """Moves a packet's times, if any, by so many of its units."""
    if ticks:
        packet.dts = None if packet.dts is None else packet.dts + ticks
        packet.pts = None if packet.pts is None else packet.pts + ticks


def frames(stream: av.stream.Stream) -> Iterator:
    """All frames of a stream that decode; damaged packets between them are passed over."""
    for packet in packets(stream):
        with contextlib.suppress(av.FFmpegError):
            yield from packet.decode()


def has_one_time(source: Source, tracks: Tracks, audio_track: int = 0) -> bool:
    """Whether a file is one part, in which a time leads to a place; may read it to its end."""
    if (tracks.sound or tracks.picture).container.format.name not in _JOINABLE:
        return True
    parts = _Parts()
    with open_tracks(source, audio_track) as unread:  # the given ones may stand behind a joint
        for _ in packets(unread.sound or unread.picture, parts=parts):
            pass
    return len(parts.shifts) == 1 and not parts.has_other_rates


def seek(stream: av.stream.Stream, seconds: float) -> bool:
    """Moves to the last key frame at or before a time of the container; says whether it could.

    Containers without an index may come out later than that.
    """
    try:
        stream.container.seek(int(seconds / stream.time_base), stream=stream)
    except (av.FFmpegError, OSError, OverflowError):
        return False
    return True


def _refusal(file, name: str) -> MediaError:
    file.seek(0)
    head = file.read(24)
    if any(head[at : at + len(magic)] == magic for at, magic in _SIGNATURES):
        return MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, nothing decodes")
    return MediaError(reasons.NOT_MEDIA, f"{name}: not a sound or video; allowed: {_OFFERED}")
