"""Video: what a file holds, measured, and single pictures out of it.

Its sound is `s2i_tf.media.audio.load_waveform`'s business, with `start_seconds` and `max_seconds`.
Time is the film's, as `s2i_tf.media._clock` says: what players show. Pictures are as players
show them too: turned and mirrored, of square pixels, in sRGB (`s2i_tf.media.light`), in the colours
of BT.709 where a file of high definition does not say which it means.
"""

import collections
import contextlib
import dataclasses
import itertools
import math
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av
import numpy as np

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _clock, _container, _packets, light, limits, reasons
from s2i_tf.media.source import Source, name_of

# How far before a moment a container without an index is asked to seek, again and again, until a
# key frame comes out that is not too late; then the file is read from its beginning.
_STEPS_BACK_SECONDS = (0.0, 1.0, 4.0, 16.0, 64.0)
# How many key packets before a moment are tried where nothing can be sought.
_MAX_KEYS_BACK = 3
# Decoded on the way from a key frame to the moment: minutes, where usual files have a key frame
# every few seconds.
_MAX_PIXELS_ON_THE_WAY = 10_000_000_000
# Matroska counts time in milliseconds.
_TICK_SECONDS = 1e-3

# Containers that say nothing of the pixels' aspect, which may change in them.
_WITHOUT_ASPECT = ("mpegts", "mpeg")
# Usual pixels are of 1:2 at most; what says more than this is damaged.
_MAX_PIXEL_ASPECT = 8.0
# A picture larger than this that does not say how its colours are coded has BT.709's, for players.
_LARGEST_BT601 = 1279, 576
_UNSPECIFIED = 2


@dataclasses.dataclass(frozen=True)
class MediaInfo:
    """What a sound or video holds: its time measured, all else as the headers claim.

    Attributes:
      duration_seconds: from its beginning to the end of its longest track.
      start_seconds: where all its tracks have begun.
      end_seconds: where the first of its tracks ends; the last of some slides is shown for as long
        as the sound lasts.
      has_sound: whether there is a sound track that can be decoded.
      has_picture: whether there is a picture track that can be decoded; a cover picture is none.
      sample_rate_hz: sampling rate of the sound; 0 without sound.
    """

    duration_seconds: float
    start_seconds: float
    end_seconds: float
    has_sound: bool
    has_picture: bool
    sample_rate_hz: int


def probe(source: Source, *, audio_track: int = 0) -> MediaInfo:
    """Reads a sound or video file, given by its path or contents, without decoding it.

    Headers guess how long it lasts, or say nothing, or promise what is not there: so its packets
    are counted.

    Args:
      source: a path, or the contents of a file.
      audio_track: number of the sound track, from 1 on; 0 for the one that players play.

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media` or `truncated`.
    """
    with _container.open_tracks(source, audio_track) as (sound, picture, _):
        spans = _clock.survey(sound, picture)
        if not spans and (sound or picture):
            message = f"{name_of(source)}: damaged or incomplete, headers and nothing after them"
            raise MediaError(reasons.TRUNCATED, message)
        clock = _clock.Clock.of(spans)
        last = max((span.end for span in spans), default=clock.zero)
        ends = [(last if span.shows_slides else span.end) - clock.zero for span in spans] or [0.0]
        return MediaInfo(
            duration_seconds=max(ends),
            start_seconds=clock.common,
            end_seconds=min(ends),
            has_sound=sound is not None,
            has_picture=picture is not None,
            sample_rate_hz=sound.rate if sound else 0,
        )


def frame_at(source: Source, seconds: float, *, audio_track: int = 0) -> np.ndarray:
    """The picture that a video shows at a time; after its end, the last one.

    Args:
      source: a path, or the contents of a file.
      seconds: time of the film.
      audio_track: number of the sound track that it goes with, as in `probe`.

    Returns:
      The picture, uint8 [height, width, 3], as players show it.

    Raises:
      MediaError: as `probe`, or `no_picture`, `too_large`, `no_key_frame`, or `truncated` if no
        picture decodes.
      UserError: if `seconds` is negative or not finite.
    """
    if not 0 <= seconds < float("inf"):
        raise UserError(f"seconds {seconds}; allowed: 0 or more")
    with _container.open_tracks(source, audio_track) as tracks:
        picture = _checked_picture(tracks, source)
        clock = _clock.of_film(tracks)
        moment = clock.zero + max(seconds, clock.common)
        search = _Search(source, moment, _decoder_delay(source, picture))
        # After a seek in a program stream FFmpeg may give a packet the time of another.
        if picture.container.format.name == "mpeg":
            shown = search.by_reading()
        else:
            shown = search.by_seeking(tracks, clock.zero)
    shown = shown or search.from_packet(0)
    if shown is None:
        raise _undecodable(source)
    return _as_shown(shown)


def frames_along(
    source: Source, times: Iterable[float], *, enough: int | None = None
) -> Iterator[np.ndarray]:
    """The pictures that a video shows at times, decoded in one pass.

    Args:
      source: a path, or the contents of a file.
      times: seconds from where sound and pictures have begun, ascending.
      enough: pixels of the shorter side; of larger pictures no more is made.

    Yields:
      For each time the picture, as `frame_at` gives it; after the end, the last one.

    Raises:
      MediaError: as `frame_at`.
    """
    with _container.open_tracks(source) as tracks:
        delay = _decoder_delay(source, _checked_picture(tracks, source))
        clock = _clock.of_film(tracks)
    with _container.open_tracks(source) as tracks:
        coming = _timed_frames(tracks.picture, delay)
        shown, following = None, next(coming, None)
        if following is None:
            raise _undecodable(source)
        for time in times:
            moment = clock.zero + clock.common + time + _TICK_SECONDS
            changed = False
            while following and (shown is None or (following[0] or -math.inf) <= moment):
                shown, following, changed = following[1], next(coming, None), True
            if changed:
                picture = _as_shown(shown, enough)
            yield picture


def _checked_picture(tracks: _container.Tracks, source: Source) -> av.VideoStream:
    """The picture track of a video, if its pictures can be decoded."""
    picture, name = tracks.picture, name_of(source)
    if picture is None:
        raise MediaError(reasons.NO_PICTURE, f"{name}: no picture track that can be decoded")
    if picture.width * picture.height > limits.MAX_PIXELS:
        raise MediaError(
            reasons.TOO_LARGE,
            f"{name}: pictures of {picture.width} x {picture.height} pixels; "
            f"allowed: {limits.MAX_PIXELS // 1_000_000} million pixels",
        )
    return picture


def _undecodable(source: Source) -> MediaError:
    message = f"{name_of(source)}: damaged or incomplete, no picture decodes"
    return MediaError(reasons.TRUNCATED, message)


class _Found(NamedTuple):
    """A frame, and how many times as wide as high its pixels are."""

    frame: av.VideoFrame
    aspect: float


@dataclasses.dataclass(frozen=True)
class _Search:
    """Looks for the frame that is shown at a moment.

    Attributes:
      source: the video.
      moment: the moment in the container's own seconds.
      delay: number of packets by which frames come late, as `_decoder_delay` says.
    """

    source: Source
    moment: float
    delay: int | None

    def by_seeking(self, tracks: _container.Tracks, zero: float) -> _Found | None:
        """The frame; None if no seek, however far back, leads to a key frame before it."""
        stream = tracks.picture
        if not _packets.has_one_time(self.source, tracks):
            return None
        end = zero + (stream.container.duration or 0) / av.time_base
        reachable = min(self.moment, end) if end > zero else self.moment
        for step in _STEPS_BACK_SECONDS:
            if reachable - step < zero:
                return None
            if not _packets.seek(stream, reachable - step):
                continue
            if shown := self.last_frame(stream, after_key=True):
                return shown
        return None

    def by_reading(self) -> _Found | None:
        """As `by_seeking`, reading all from the beginning and decoding from a key packet on."""
        keys = []
        with _container.open_tracks(self.source) as tracks:
            for number, packet in enumerate(_packets.packets(tracks.picture)):
                time = packet.pts if packet.dts is None else packet.dts
                if time is not None and float(time * packet.time_base) > self.moment:
                    break
                if packet.is_keyframe:
                    keys.append(number)
        for key in keys[: -1 - _MAX_KEYS_BACK : -1]:
            if shown := self.from_packet(key, after_key=True):
                return shown
        return None

    def from_packet(self, number: int, *, after_key: bool = False) -> _Found | None:
        """As `last_frame`, of the file from the packet of that number on."""
        with _container.open_tracks(self.source) as tracks:
            return self.last_frame(tracks.picture, after_key=after_key, skip=number)

    def last_frame(
        self, stream: av.VideoStream, *, after_key: bool = False, skip: int = 0
    ) -> _Found | None:
        """The last frame that begins at or before the moment.

        Without one, the first that decodes; but None `after_key`, where frames count from a key
        frame on, for what a decoder makes of those before it is guesswork. The first `skip`
        packets are not decoded.
        """
        shown, num_pixels = None, 0
        for seconds, found in _timed_frames(stream, self.delay, skip):
            num_pixels += found.frame.width * found.frame.height
            if num_pixels > _MAX_PIXELS_ON_THE_WAY:
                raise MediaError(
                    reasons.NO_KEY_FRAME,
                    f"{name_of(self.source)}: no key frame near enough before {self.moment:.1f} s; "
                    "encode it anew with one every few seconds",
                )
            past = seconds is not None and seconds > self.moment + _TICK_SECONDS
            if past:
                return found if shown is None and not after_key else shown
            if shown is not None or found.frame.key_frame or not after_key:
                shown = found
        return shown


def _timed_frames(
    stream: av.VideoStream, delay: int | None, skip: int = 0
) -> Iterator[tuple[float | None, _Found]]:
    """The frames that decode, and the container's time of each where it is known.

    Args:
      stream: the picture track.
      delay: number of packets by which frames come late, as `_decoder_delay` says.
      skip: how many packets, from the first on, are not decoded.
    """
    has_own_aspect = stream.container.format.name not in _WITHOUT_ASPECT
    latest = collections.deque(maxlen=1 + (delay or 0))  # times of so many packets
    for packet in itertools.islice(_packets.packets(stream), skip, None):
        if packet.dts is not None:
            latest.append(packet.dts)
        with contextlib.suppress(av.FFmpegError):
            for frame in packet.decode():
                aspect = stream.sample_aspect_ratio
                if not has_own_aspect:
                    aspect = stream.codec_context.sample_aspect_ratio or aspect
                found = _Found(frame, float(aspect or 1))
                if delay is None:
                    yield frame.time, found
                    continue
                if packet.dts is None and len(latest) > 1:  # what the decoder held back
                    latest.popleft()
                yield float(latest[0] * stream.time_base) if latest else 0.0, found


def _decoder_delay(source: Source, stream: av.VideoStream) -> int | None:
    """By how many packets the frames come later than theirs; None where they tell their time.

    Without times of presentation they come one by one, each with the time of a later packet.
    """
    if not _packets.has_no_pts(stream):
        return None
    with _container.open_tracks(source) as tracks:
        for number, packet in enumerate(_packets.packets(tracks.picture)):
            with contextlib.suppress(av.FFmpegError):
                for _ in packet.decode():
                    return number if packet.dts is not None else 0
    return 0


def _as_shown(shown: _Found, enough: int | None = None) -> np.ndarray:
    """A frame as players show it, uint8 [height, width, 3]; its shorter side at most `enough`."""
    frame, aspect = shown
    width, height = frame.width, frame.height
    options = {}
    if frame.colorspace == _UNSPECIFIED and (
        width > _LARGEST_BT601[0] or height > _LARGEST_BT601[1]
    ):
        options["src_colorspace"] = "ITU709"
    if 1 / _MAX_PIXEL_ASPECT <= aspect <= _MAX_PIXEL_ASPECT:
        # Wider or higher, so that nothing is lost, unless that were too large.
        wider = aspect > 1
        if width * height * max(aspect, 1 / aspect) > limits.MAX_PIXELS:
            wider = not wider
        if wider:
            width = max(round(width * aspect), 1)
        else:
            height = max(round(height / aspect), 1)
    if enough is not None and enough < min(width, height):
        scale = enough / min(width, height)
        width, height = round(width * scale), round(height * scale)
    if light.is_wider_than_srgb(frame.color_trc, frame.color_primaries):
        values = frame.reformat(width, height, "rgb48le", **options).to_ndarray()
        picture = light.shown_in_srgb(values, frame.color_trc, frame.color_primaries)
    else:
        picture = frame.reformat(width, height, "rgb24", **options).to_ndarray()
    return np.ascontiguousarray(_turned(picture, frame.side_data.get("DISPLAYMATRIX")))


def _turned(picture: np.ndarray, matrix: bytes | None) -> np.ndarray:
    """A picture turned and mirrored by a display matrix, 9 integers, to the nearest quarter.

    A point (x, y) of the picture goes to (ax + cy, bx + dy).
    """
    if matrix is None:
        return picture
    a, b, _, c, d = struct.unpack_from("=5i", matrix)
    if abs(b) + abs(c) > abs(a) + abs(d):
        picture, a, d = picture.transpose(1, 0, 2), c, b
    return picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1]
