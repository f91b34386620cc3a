"""The decoding backend `pyav`: every kind of file, in a stream, so that only what is kept is held.

What a damaged file still gives is used: packets that do not decode are passed over, and a file
that breaks off ends there. Encoder delay and padding are cut as the container tells. Time counts
from the first sample of a sound file, and is a film's own in one with pictures, where silence fills
the gaps that a sound track leaves.
"""

import contextlib
import itertools
import logging
import sys
from collections.abc import Iterator
from typing import NamedTuple

import av.audio
import numpy as np

from s2i_tf.errors import MediaError
from s2i_tf.media import _clock, _container, _packets, downmix, limits, reasons
from s2i_tf.media._mixing import FORMATS, Mix, stored
from s2i_tf.media.source import Source, name_of

# A decoder that starts in the middle needs some packets before its samples are right.
_PREROLL_SECONDS = 1.0

# Codecs that give floats as they were stored, in whatever scale.
_OF_FLOATS = ("pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be", "wavpack")

# 7.1; of more, FFmpeg does not know which goes where.
_MAX_NAMED_CHANNELS = 8

# The rate, a frame, or None where it is silent, and its first and last sample that count.
_Part = tuple[int, av.AudioFrame | None, int, int]

_ALL_SECONDS = 1e9
_MAX_SILENCE_SECONDS = 10  # at once, of hours that a film may be silent

logger = logging.getLogger(__name__)


def decode(
    source: Source,
    start_seconds: float | None,
    max_seconds: float,
    audio_track: int = 0,
) -> tuple[np.ndarray, int]:
    """Decodes a part of a sound or of a film's sound track.

    Args:
      source: a path, or the contents of a file.
      start_seconds: where the part begins; None for the first sample of the track, which may come
        later than the beginning of a film.
      max_seconds: how long it is at most; decoding stops there.
      audio_track: number of the sound track, from 1 on; 0 for the one that players play.

    Returns:
      The mean of the channels, float32 [samples], full scale being 1, and its rate in Hz; where the
      channels cancel each other, the strongest of them alone.

    Raises:
      MediaError: if the file is no media, has no sound, gives nothing, or its rate is bad.
    """
    part = source, start_seconds, max_seconds, audio_track
    may_seek = True
    try:
        mix, rate_hz = _read(_parts(*part, may_seek))
    except _SoughtTooFar:
        may_seek = False
        mix, rate_hz = _read(_parts(*part, may_seek))
    channel = mix.loud_channel()
    if channel is not None:
        downmix.warn(name_of(source), channel)
        mix, rate_hz = _read(_parts(*part, may_seek), channel)
    return mix.result(), rate_hz


def stores_floats(source: Source, audio_track: int = 0) -> bool:
    """Whether the samples of a sound track may be floats, as they are.

    Raises:
      MediaError: if the file is no media.
    """
    with _container.open_tracks(source, audio_track) as tracks:
        return tracks.sound is not None and tracks.sound.codec_context.name in _OF_FLOATS


def stream(source: Source, piece_seconds: float) -> Iterator[tuple[np.ndarray, int]]:
    """Decodes all of a sound, or a film's from where sound and picture have begun, piece by piece.

    Args:
      source: a path, or the contents of a file.
      piece_seconds: how long a piece is, or a little longer; the last one may be shorter.

    Yields:
      The mean of the channels as `decode` gives it, and its rate in Hz.

    Raises:
      MediaError: as `decode`.
    """
    mix, num_samples = Mix(), 0
    for rate_hz, frame, start, stop in _parts(source, 0.0, _ALL_SECONDS):
        mix.put(frame, start, stop)
        num_samples += stop - start
        if num_samples >= piece_seconds * rate_hz:
            yield mix.result(), rate_hz
            mix, num_samples = Mix(), 0
    if num_samples:
        yield mix.result(), rate_hz


def stream_frames(source: Source) -> Iterator[av.AudioFrame]:
    """The frames of all that `stream` decodes, packed, with all their channels in their own format.

    Whole numbers of 64 bits become double precision. Gaps are frames of silence. Of more channels
    than loudspeakers have names for, the mean.

    Raises:
      MediaError: as `decode`.
    """
    waiting = []  # lengths of silence, of a kind that the next frame tells
    for rate_hz, frame, start, stop in _parts(source, 0.0, _ALL_SECONDS):
        if frame is None:
            waiting.append(stop - start)
            continue
        layout, kind = frame.layout.name, frame.format.name.removesuffix("p")
        samples = stored(frame, start, stop)
        if len(samples) > _MAX_NAMED_CHANNELS:
            layout, samples = "mono", samples.mean(axis=0, keepdims=True).astype(samples.dtype)
        zero = FORMATS[kind][1]
        silences = (np.full((len(samples), num), zero, samples.dtype) for num in waiting)
        for part in itertools.chain(silences, [samples]):
            if kind == "s64":  # which PyAV makes no frames of
                part = part / FORMATS[kind][2]
            if part.size:
                packed = np.ascontiguousarray(part.T).reshape(1, -1)
                cut = av.AudioFrame.from_ndarray(packed, "dbl" if kind == "s64" else kind, layout)
                cut.sample_rate = rate_hz
                yield cut
        waiting = []


def _read(parts: Iterator[_Part], channel: int | None = None) -> tuple[Mix, int]:
    """The sound of parts, of all channels or of one, and its rate."""
    mix = Mix(channel)
    for rate_hz, frame, start, stop in parts:  # noqa: B007
        mix.put(frame, start, stop)
    return mix, rate_hz


class _SoughtTooFar(Exception):
    """A seek led to where the part had begun already."""


def _parts(
    source: Source,
    start_seconds: float | None,
    max_seconds: float,
    audio_track: int = 0,
    may_seek: bool = False,
) -> Iterator[_Part]:
    """What is to be heard, in its order; one part at least."""
    name, rate_hz = name_of(source), 0
    with contextlib.ExitStack() as opened:
        track = _open(opened, source, start_seconds, audio_track, may_seek)
        placed = opened.enter_context(contextlib.closing(_placed(track, name)))
        for rate_hz, frame, position, num_samples in placed:
            first = round(track.start_seconds * rate_hz)
            last = first + round(max_seconds * rate_hz)
            start = min(max(first - position, 0), num_samples)
            stop = min(max(last - position, start), num_samples)
            if frame is not None:
                yield rate_hz, frame, start, stop
            else:
                at_once = _MAX_SILENCE_SECONDS * rate_hz
                for begin in range(start, stop, at_once):
                    yield rate_hz, None, begin, min(begin + at_once, stop)
            if position + num_samples >= last:
                break
        if not rate_hz and track.sought:  # the sound ends before
            rate_hz = _checked_rate(track.stream.rate, name)
            yield rate_hz, None, 0, 0
    if not rate_hz:
        raise MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, no sound decodes")


def _placed(track: "_Track", name: str) -> Iterator[tuple[int, av.AudioFrame | None, int, int]]:
    """All of a sound from where its decoding begins, with silence in its gaps.

    Yields:
      The rate, a frame, or None where it is silent, where that lies in samples from the sound's
      start, and how many of its samples count.
    """
    rate_hz, other_rates_hz = 0, set()
    try:
        for frame, is_last in _marked(_packets.frames(track.stream)):
            timed = frame.pts is not None
            if not rate_hz:
                if track.sought and not timed:
                    continue
                rate_hz = _checked_rate(frame.sample_rate, name)
                position, end = _located(track, frame, rate_hz)
                if track.clock and track.sought and position > round(track.start_seconds * rate_hz):
                    raise _SoughtTooFar
                zero = frame.time - position / rate_hz if timed else track.zero
            if frame.sample_rate != rate_hz:  # damage, or another piece chained on
                other_rates_hz.add(frame.sample_rate)
                continue
            gap = round((frame.time - zero) * rate_hz) - position if timed else 0
            # Less is the jitter of a container's time.
            if track.is_of_film and gap > _packets.MIN_GAP_SECONDS * rate_hz:
                yield rate_hz, None, position, gap
                position += gap
            if is_last:
                end = min(end, _told_end(track, position, frame, rate_hz))
            yield rate_hz, frame, position, max(min(frame.samples, end - position), 0)
            position += frame.samples
            if position >= end:
                break
    finally:
        if other_rates_hz:
            others = " and ".join(map(str, sorted(other_rates_hz)))
            message = "%s: begins with a sampling rate of %d Hz; what it has of %s Hz is left out"
            logger.warning(message, name, rate_hz, others)


class _Track(NamedTuple):
    """A sound track that stands where its decoding begins.

    Attributes:
      stream: the track.
      is_of_film: whether there is a picture track beside it.
      clock: of the film; None where time counts from the track's own beginning.
      zero: the container's time that seconds count from.
      start_seconds: where the part begins.
      sought: whether a seek has led there; else the track stands at its beginning.
      is_cut_here: whether `_located` cuts both its ends, and not FFmpeg.
    """

    stream: av.audio.AudioStream
    is_of_film: bool
    clock: _clock.Clock | None
    zero: float
    start_seconds: float
    sought: bool
    is_cut_here: bool


def _open(
    opened: contextlib.ExitStack,
    source: Source,
    start_seconds: float | None,
    audio_track: int,
    may_seek: bool,
) -> _Track:
    tracks = opened.enter_context(_container.open_tracks(source, audio_track))
    stream, picture, num_sounds = tracks
    if stream is None:
        which = f" {audio_track} of {num_sounds}" if audio_track else ""
        raise MediaError(
            reasons.NO_SOUND, f"{name_of(source)}: no sound track{which} that can be decoded"
        )
    clock, zero = None, float((stream.start_time or 0) * stream.time_base)
    if picture is not None and start_seconds is not None:
        clock = _clock.of_film(tracks)
        zero = clock.zero
    start_seconds = max(start_seconds or 0.0, clock.common if clock else 0.0)
    in_ogg = stream.codec_context.name if stream.container.format.name == "ogg" else ""
    is_ogg_vorbis = picture is None and in_ogg == "vorbis"
    # In Ogg FFmpeg counts the frames of FLAC anew after a seek, from somewhere in the page.
    may_seek = may_seek and start_seconds > _PREROLL_SECONDS and in_ogg != "flac"
    asks = may_seek or is_ogg_vorbis
    has_one_time = asks and _packets.has_one_time(source, tracks, audio_track)
    may_seek = may_seek and has_one_time
    sought = may_seek and _packets.seek(stream, zero + start_seconds - _PREROLL_SECONDS)
    if (clock or may_seek) and not sought:  # it is no longer at its beginning
        stream = opened.enter_context(_container.open_tracks(source, audio_track)).sound
    is_cut_here = is_ogg_vorbis and has_one_time  # of chained ones FFmpeg cuts each part
    if is_cut_here:
        stream.codec_context.options = {"flags2": "+skip_manual"}
    is_of_film = picture is not None
    return _Track(stream, is_of_film, clock, zero, start_seconds, sought, is_cut_here)


def _located(track: _Track, frame: av.audio.AudioFrame, rate_hz: int) -> tuple[int, int]:
    """Where the first decoded frame lies, and where the sound ends, in samples from its start."""
    position, end = 0, sys.maxsize
    if track.sought or (track.clock and frame.pts is not None):
        position = round((frame.time - track.zero) * rate_hz)
    elif track.clock:
        position = round(track.clock.common * rate_hz)
    if track.is_cut_here:
        # FFmpeg cuts Ogg Vorbis by the time of the last packet, which it gets wrong for files of
        # one page and for those with more than one packet of padding.
        end = track.stream.duration or sys.maxsize
        if not track.sought:
            # The first block only primes the decoder. Where its time is known, from the end of the
            # first page, that page may say that the stream begins late.
            time = frame.pts or 0
            end -= max(time + frame.samples, 0) if time < 0 else 0
            position = -frame.samples
    return position, end


def _marked(frames: Iterator[av.AudioFrame]) -> Iterator[tuple[av.AudioFrame, bool]]:
    """Frames, and whether each is the last."""
    before = next(frames, None)
    for frame in frames:
        yield before, False
        before = frame
    if before is not None:
        yield before, True


def _told_end(track: _Track, position: int, frame: av.AudioFrame, rate_hz: int) -> int:
    """Where the sound ends, in samples as `_located` has them, if that is within its last frame.

    An MP4 tells how long its track is, and FFmpeg does not cut what its codec adds to that.
    """
    stream = track.stream
    if "mp4" not in stream.container.format.name or stream.duration is None:
        return sys.maxsize
    ticks = (stream.start_time or 0) + stream.duration
    end = round((float(ticks * stream.time_base) - track.zero) * rate_hz)
    return end if position < end < position + frame.samples else sys.maxsize


def _checked_rate(rate_hz: int, name: str) -> int:
    if not limits.MIN_RATE_HZ <= rate_hz <= limits.MAX_RATE_HZ:
        allowed = f"{limits.MIN_RATE_HZ} to {limits.MAX_RATE_HZ}"
        raise MediaError(
            reasons.BAD_RATE, f"{name}: sampling rate {rate_hz} Hz; allowed: {allowed}"
        )
    return rate_hz
