"""The packets and frames of a file's tracks, with times that go on as in one whole file.

Files that are laid end to end or chained are read on to the last; times that a damaged packet or
container gives are set right by those around them.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import BinaryIO

import av
import av.stream

from s2i_tf.media import _mended
from s2i_tf.media._container import Tracks, default_tracks, open_tracks, opened, played
from s2i_tf.media.source import Source

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

logger = logging.getLogger(__name__)


def packets(*streams: av.stream.Stream, parts: "_Parts | None" = None) -> Iterator[av.Packet]:
    """The packets of tracks of a file, as far as it can be read, with the times of one file."""
    if streams[0].container.format.name not in _JOINABLE:
        yield from _with_sure_times(_demuxed(*streams))
        return
    parts, wanted = parts or _Parts(), {stream.index for stream in streams}
    # Where a part ends is told by both tracks of a film, whichever is wanted.
    film = default_tracks(streams[0].container)
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
    return packet.dts + duration_of(packet)


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
    is_sound = [one.type for one in streams] == ["audio"] and not played(container.streams.video)
    if not is_sound or container.format.name != "ogg" or page is None:
        return
    with contextlib.suppress(av.FFmpegError, OSError):
        following = _next_in_chain(container.file.file, page)
        if following is None:
            return
        if num_changes == _MAX_CHANGES:
            logger.warning("a sound that changes %d times: what follows is left out", num_changes)
            return
        with opened(following) as rest:
            sound = played(rest.streams.audio)
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
            self._place(track, packet.dts * unit, duration_of(packet) * unit)
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


def has_no_pts(stream: av.stream.Stream) -> bool:
    """Whether its file tells no time of presentation, so that FFmpeg makes up what it gives."""
    return stream.container.format.name == "avi"


def duration_of(packet: av.Packet) -> int:
    """How long a packet lasts, in its stream's unit.

    The last one of an Ogg file can be cut by more than it has, and FFmpeg counts that in 32 bits
    without a sign.
    """
    duration = packet.duration or 0
    return duration - (1 << 32) if 1 << 31 <= duration < 1 << 32 else duration
