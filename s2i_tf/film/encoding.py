"""Writes pictures and a sound as a film, both in step and neither held as a whole.

Pictures are uint8 [height, width, 3]; the first is shown at 0 s, where the sound's first sample
lies.
"""

import dataclasses
import fractions
import itertools
import math
import os
import pathlib
from collections.abc import Iterable, Iterator

import av
import av.container
import numpy as np

from s2i_tf import files
from s2i_tf.errors import UserError
from s2i_tf.media._pyav import stream_frames
from s2i_tf.media.source import Source

_SOUND_RATE_HZ = 48_000
_ANY_FRAME_SIZE = 1024  # for encoders that take any
_AT_ONCE_SECONDS = 0.5  # how far the sound may run ahead of the pictures in the file


@dataclasses.dataclass(frozen=True)
class _Format:
    video: str
    sound: str
    sound_samples: str
    video_options: dict[str, str]


FORMATS = {
    ".mp4": _Format("libx264", "aac", "fltp", {"crf": "18", "preset": "veryfast", "threads": "0"}),
    ".webm": _Format(
        "libvpx-vp9",
        "libopus",
        "flt",
        {"crf": "28", "deadline": "realtime", "cpu-used": "8", "threads": "0"},
    ),
}


def best_suffix() -> str:
    """The first of `FORMATS` whose encoders this machine's PyAV has.

    Raises:
      UserError: if it has none of them.
    """
    for suffix in FORMATS:
        if not _missing(suffix):
            return suffix
    raise UserError("this PyAV can write no film. Install PyAV's wheel: pip install --upgrade av")


def check_path(path: str | os.PathLike) -> None:
    """Refuses a name whose format cannot be written here.

    Raises:
      UserError: naming the endings that can.
    """
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise UserError(f"{path}: a film ends in {' or '.join(FORMATS)}. Give it such a name.")
    if missing := _missing(suffix):
        possible = [name for name in FORMATS if not _missing(name)]
        raise UserError(
            f"{path}: this PyAV has no encoder {missing}. "
            f"Let the name end in {' or '.join(possible)}, or install PyAV's wheel."
        )


def write_film(
    path: str | os.PathLike, pictures: Iterable[np.ndarray], *, fps: int, sound: Source
) -> pathlib.Path:
    """Writes a film, which appears under its name only when it is whole.

    Args:
      path: the file, ending in one of `FORMATS`; a film that was there is replaced.
      pictures: consecutive pictures, uint8 [height, width, 3], all of one size.
      fps: pictures a second.
      sound: sound or video whose sound is put under the pictures, whole.

    Raises:
      UserError: as `check_path`, or if there is no picture.
      MediaError: if the sound cannot be read.
    """
    check_path(path)
    suffix = pathlib.Path(path).suffix.lower()
    wanted = FORMATS[suffix]
    pictures = iter(pictures)
    first = next(pictures, None)
    if first is None:
        raise UserError(f"{path}: there is no picture to make a film of")
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with (
        files.new_file(path) as temporary,
        temporary.open("wb") as file,  # in a path, FFmpeg takes `2024:` for a protocol
        av.open(file, "w", format=suffix[1:]) as output,
    ):
        output.metadata["comment"] = files.MADE_BY
        video = output.add_stream(wanted.video, rate=fps, options=wanted.video_options)
        video.height, video.width = (side - side % 2 for side in first.shape[:2])
        video.pix_fmt = "yuv420p"
        audio = output.add_stream(wanted.sound, rate=_SOUND_RATE_HZ, layout="stereo")
        audio.codec_context.format = wanted.sound_samples
        audio.codec_context.open()
        sounds = _sound_frames(sound, audio)
        for number, picture in enumerate(itertools.chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = number, fractions.Fraction(1, fps)
            output.mux(video.encode(frame))
            _put(output, audio, sounds, (number + 1) / fps + _AT_ONCE_SECONDS)
        output.mux(video.encode(None))
        _put(output, audio, sounds, math.inf)
        output.mux(audio.encode(None))
    return pathlib.Path(path)


def _put(
    output: av.container.OutputContainer,
    audio: av.AudioStream,
    frames: Iterator[av.AudioFrame],
    until: float,
) -> None:
    """Encodes frames of the sound until one ends at or after `until` seconds."""
    for frame in frames:
        output.mux(audio.encode(frame))
        if (frame.pts + frame.samples) / _SOUND_RATE_HZ >= until:
            break


def _sound_frames(sound: Source, audio: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Frames as the encoder takes them, numbered from the sound's first sample on."""
    waiting, position = av.AudioFifo(), 0
    size = audio.codec_context.frame_size or _ANY_FRAME_SIZE
    for frame in itertools.chain(_in_stereo(sound, audio), [None]):
        if frame is not None:
            frame.pts = None  # which counts from the beginning of the stretch
            waiting.write(frame)
        for part in waiting.read_many(size, partial=frame is None):
            part.pts, part.time_base = position, fractions.Fraction(1, _SOUND_RATE_HZ)
            position += part.samples
            yield part


def _in_stereo(sound: Source, audio: av.AudioStream) -> Iterator[av.AudioFrame]:
    """The sound in the encoder's format, one stretch of another layout after the other.

    A single channel is on both sides, two are as they are, more are mixed so that all of them at
    full scale are full scale.
    """

    def format_of(frame: av.AudioFrame) -> tuple[str, str, int]:
        return frame.format.name, frame.layout.name, frame.sample_rate

    all_frames = map(_of_two_sides, stream_frames(sound))
    for (_, layout, rate_hz), frames in itertools.groupby(all_frames, format_of):
        if av.AudioLayout(layout).nb_channels > 2:
            # Into floating point FFmpeg mixes them to more than full scale.
            frames = _converted(frames, "s32", rate_hz)
        yield from _converted(frames, audio.codec_context.format, _SOUND_RATE_HZ)


def _of_two_sides(frame: av.AudioFrame) -> av.AudioFrame:
    """A frame with a single channel on both sides, which FFmpeg would make 3 dB quieter."""
    if frame.layout.nb_channels > 1:
        return frame
    sides = np.repeat(frame.to_ndarray(), 2, axis=1)
    both = av.AudioFrame.from_ndarray(sides, frame.format.name, "stereo")
    both.sample_rate = frame.sample_rate
    return both


def _converted(
    frames: Iterable[av.AudioFrame], sample_format: av.AudioFormat | str, rate_hz: int
) -> Iterator[av.AudioFrame]:
    """Frames of one layout in stereo, in another format and of another rate."""
    converter = av.AudioResampler(sample_format, "stereo", rate_hz)
    for frame in itertools.chain(frames, [None]):
        # What needs no conversion is handed through, the mark of the end too.
        yield from (made for made in converter.resample(frame) if made is not None)


def _missing(suffix: str) -> str:
    """The first encoder of a format that this PyAV lacks, or nothing."""
    for name in (FORMATS[suffix].video, FORMATS[suffix].sound):
        try:
            av.codec.Codec(name, "w")
        except ValueError:  # PyAV's UnknownCodecError is one
            return name
    return ""
