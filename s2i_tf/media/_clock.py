"""The time of a film, as players show it, and how long its tracks run.

A film is a file with sound and picture. Its time begins with the first of its two tracks, whatever
each says of its own start. What is asked for before both have begun is taken from where they have,
so that a sound and its picture are always of one moment.
"""

from typing import NamedTuple

import av
import av.stream

from s2i_tf.media._container import Tracks
from s2i_tf.media._packets import duration_of, has_no_pts, packets

# Codecs of sound need up to some thousand samples of the past before the first right one.
_MAX_ENCODER_DELAY_SECONDS = 0.1


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
        duration = duration_of(packet)
        end = (pts + duration) * self._unit
        self.end = end if self.end is None or duration < 0 else max(self.end, end)
        if self._start is not None and 0 < self._start - pts < self._delay:
            pts = self._start
        if self.first is None:
            self.first = pts * self._unit
        if self.begun is None and self._is_decodable:
            self.begun = pts * self._unit


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


def of_film(tracks: Tracks) -> Clock:
    """The clock of a film, told by reading the file until both tracks have begun."""
    return Clock.of(survey(tracks.sound, tracks.picture, until_begun=True))
