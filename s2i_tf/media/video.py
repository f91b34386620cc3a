"""What a media file holds, and single pictures of a video.

The sound of a video is read by `s2i_tf.media.audio`, which takes any file with sound.
"""

import dataclasses
import os

import av
import numpy as np

from s2i_tf.errors import MediaError
from s2i_tf.media.audio import open_container

NO_PICTURE = "no_picture"
TOO_LARGE = "too_large"
MAX_PIXELS = 64_000_000


@dataclasses.dataclass(frozen=True)
class MediaInfo:
    """What the header of a file claims.

    Attributes:
      duration_seconds: 0 where the file does not say.
      has_sound: whether it has a sound track.
      has_picture: whether it has a video track; the cover of a song is none.
      width: of the pictures, 0 without any.
      height: of the pictures.
      sample_rate_hz: of the sound, 0 without any.
    """

    duration_seconds: float
    has_sound: bool
    has_picture: bool
    width: int
    height: int
    sample_rate_hz: int


def probe(path: str | os.PathLike) -> MediaInfo:
    """Reads the header of a media file.

    Raises:
      MediaError: if it is none.
    """
    with open_container(path, os.fspath(path)) as container:
        sound = next(iter(container.streams.audio), None)
        pictures = _picture_stream(container)
        return MediaInfo(
            duration_seconds=max((container.duration or 0) / av.time_base, 0.0),
            has_sound=sound is not None,
            has_picture=pictures is not None,
            width=pictures.width if pictures else 0,
            height=pictures.height if pictures else 0,
            sample_rate_hz=(sound.rate or 0) if sound else 0,
        )


def frame_at(path: str | os.PathLike, seconds: float) -> np.ndarray:
    """The picture that a video shows at a time, uint8 [height, width, 3], upright.

    Of a shorter video it is the last picture.

    Raises:
      MediaError: if there is no picture that can be decoded.
    """
    name = os.fspath(path)
    last = None
    with open_container(path, name) as container:
        stream = _picture_stream(container)
        if stream is None:
            raise MediaError(NO_PICTURE, f"{name}: holds no pictures")
        if stream.width * stream.height > MAX_PIXELS:
            raise MediaError(TOO_LARGE, f"{name}: pictures too large; allowed: {MAX_PIXELS:,} pixels")
        try:
            container.seek(int(max(seconds, 0) * av.time_base), backward=True)
            for frame in container.decode(stream):
                last = frame
                if frame.time is None or frame.time >= seconds:
                    break
        except (av.error.FFmpegError, ValueError) as error:
            if last is None:
                raise MediaError(NO_PICTURE, f"{name}: no picture can be decoded ({error})") from None
    if last is None:
        raise MediaError(NO_PICTURE, f"{name}: no picture can be decoded")
    turns = round(getattr(last, "rotation", 0) / 90)
    return np.ascontiguousarray(np.rot90(last.to_ndarray(format="rgb24"), turns))


def _picture_stream(container: av.container.InputContainer):
    attached = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if not stream.disposition & attached:
            return stream
    return None
