"""Test videos: a photo and a sound muxed by PyAV, so that what is true of each pair is known."""

import fractions
import json
import os
import pathlib

import av
import numpy as np

from s2i_tf import spec
from s2i_tf.data.class_folder import KIND_FOLDERS
from s2i_tf.media import audio, image

# Video codec, audio codec, its sampling rate and sample format, by container.
_CODECS = {
    "mp4": ("libx264", "aac", spec.SAMPLE_RATE_HZ, "fltp"),
    "mov": ("libx264", "aac", spec.SAMPLE_RATE_HZ, "fltp"),
    "mkv": ("libx264", "flac", spec.SAMPLE_RATE_HZ, "s16"),
    "webm": ("libvpx", "libopus", 48_000, "flt"),
    "avi": ("mpeg4", "libmp3lame", spec.SAMPLE_RATE_HZ, "s16p"),
}
CONTAINERS = tuple(_CODECS)
_FRAMES_PER_SECOND = 5
_PICTURE_SIDE = 256

TRUTH_FILE = "truth.json"


def write_video(
    path: str | os.PathLike, waveform: np.ndarray | None, pictures: list[np.ndarray]
) -> None:
    """Writes a video that shows the pictures one after the other while the sound plays.

    Args:
      path: path of the file; its ending is the container, one of `CONTAINERS`.
      waveform: samples within ±256 at 22,050 Hz, or None for a silent film of 2 s.
      pictures: uint8 [height, width, 3], all of one size with even sides; none for a sound alone.
    """
    video_codec, audio_codec, rate_hz, sample_format = _CODECS[os.fspath(path).rsplit(".", 1)[1]]
    seconds = 2.0 if waveform is None else len(waveform) / spec.SAMPLE_RATE_HZ
    # In a relative path FFmpeg takes `2024:` for a protocol.
    with av.open(os.path.abspath(path), "w") as container:
        streams = []
        if pictures:
            film = container.add_stream(video_codec, rate=_FRAMES_PER_SECOND)
            film.height, film.width = pictures[0].shape[:2]
            film.pix_fmt = "yuv420p"
            streams.append((film, _frames(pictures, seconds)))
        if waveform is not None:
            sound = container.add_stream(audio_codec, rate=rate_hz, layout="mono")
            converter = av.AudioResampler(sample_format, "mono", rate_hz, sound.frame_size or 1024)
            streams.append((sound, _sound_frames(waveform, converter)))
        for stream, frames in streams:
            for frame in frames:
                container.mux(stream.encode(frame))
        for stream, _ in streams:
            container.mux(stream.encode(None))


def make_videos(data: pathlib.Path, folder: pathlib.Path, num_videos: int, seed: int) -> None:
    """Writes videos, every second one with a photo of another class, and the truth beside them."""
    rng = np.random.default_rng(seed)
    sounds, photos = (_by_class(data / kind) for kind in KIND_FOLDERS.values())
    names = sorted(set(sounds) & set(photos))
    truth = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_videos):
        heard = names[number // 2 % len(names)]
        seen = heard if number % 2 == 0 else rng.choice([n for n in names if n != heard])
        sound, photo = rng.choice(sounds[heard]), rng.choice(photos[seen])
        file = f"{number:05}.mp4"
        truth[file] = {"sound": heard, "picture": str(seen), "files": [str(sound), str(photo)]}
        if not (folder / file).exists():
            picture = image.square(image.load_image(photo), _PICTURE_SIDE)
            write_video(folder / file, audio.load_waveform(sound), [picture])
    (folder.parent / TRUTH_FILE).write_text(json.dumps(truth, indent=1))


def _by_class(folder: pathlib.Path) -> dict[str, list[pathlib.Path]]:
    return {path.name: sorted(path.iterdir()) for path in sorted(folder.iterdir())}


def _frames(pictures: list[np.ndarray], seconds: float):
    num_frames = max(1, round(seconds * _FRAMES_PER_SECOND))
    for index in range(num_frames):
        picture = pictures[index * len(pictures) // num_frames]
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts = index
        frame.time_base = fractions.Fraction(1, _FRAMES_PER_SECOND)
        yield frame


def _sound_frames(waveform: np.ndarray, converter: av.AudioResampler):
    samples = np.round(waveform / spec.WAVEFORM_SCALE * 32767).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
    frame.sample_rate = spec.SAMPLE_RATE_HZ
    frame.pts = 0
    yield from converter.resample(frame)
    yield from converter.resample(None)
