"""Video: what a file says it holds, and single pictures out of it.

Its sound is `s2i_tf.media.audio.load_waveform`'s business, with `start_seconds` and `max_seconds`.
Time counts from the first picture of the picture track.
"""

import dataclasses

import av
import av.container
import numpy as np

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _container, limits, reasons
from s2i_tf.media._source import Source, name_of

# Pictures decoded from the key frame on, before the one that is reached is taken: half a minute to
# a minute, where usual files have a key frame every few seconds.
_MAX_FRAMES = 1500


@dataclasses.dataclass(frozen=True)
class MediaInfo:
    """What the headers of a sound or video claim; nothing has been decoded to check it.

    Attributes:
      duration_seconds: of the longest track; 0 where no header tells.
      has_sound: whether there is a sound track that can be decoded.
      has_picture: the same of a picture track; a cover picture is none.
      width: of the pictures as stored, before any rotation; 0 without pictures.
      height: likewise.
      sample_rate_hz: of the sound; 0 without sound.
      num_channels: likewise.
    """

    duration_seconds: float
    has_sound: bool
    has_picture: bool
    width: int
    height: int
    sample_rate_hz: int
    num_channels: int


def probe(source: Source) -> MediaInfo:
    """Reads the headers of a sound or video file, given by its path or contents.

    Raises:
      MediaError: `missing`, `unreadable`, `empty`, `not_media` or `truncated`.
    """
    with _container.open_container(source) as container:
        sound = _container.decodable(container.streams.audio)
        picture = _container.decodable(container.streams.video)
        return MediaInfo(
            duration_seconds=max((container.duration or 0) / av.time_base, 0.0),
            has_sound=sound is not None,
            has_picture=picture is not None,
            width=picture.width if picture else 0,
            height=picture.height if picture else 0,
            sample_rate_hz=sound.rate if sound else 0,
            num_channels=sound.channels if sound else 0,
        )


def frame_at(source: Source, seconds: float) -> np.ndarray:
    """The picture that a video shows at a time; after its end, the last one.

    Where key frames are more than `_MAX_FRAMES` apart, it may be an earlier picture.

    Args:
      source: a path, or the contents of a file.
      seconds: from the first picture on.

    Returns:
      The picture, uint8 [height, width, 3], rotated as the file says.

    Raises:
      MediaError: as `probe`, or `no_picture`, `too_large`, or `truncated` if no picture decodes.
      UserError: if `seconds` is negative or not finite.
    """
    if not 0 <= seconds < float("inf"):
        raise UserError(f"seconds {seconds}; allowed: 0 or more")
    name = name_of(source)
    with _container.open_container(source) as container:
        stream = _container.decodable(container.streams.video)
        if stream is None:
            raise MediaError(reasons.NO_PICTURE, f"{name}: no picture track that can be decoded")
        if stream.width * stream.height > limits.MAX_PIXELS:
            raise MediaError(
                reasons.TOO_LARGE,
                f"{name}: pictures of {stream.width} x {stream.height} pixels; "
                f"allowed: {limits.MAX_PIXELS // 1_000_000} million pixels",
            )
        stream.codec_context.options = {"max_pixels": str(limits.MAX_PIXELS)}
        shown = None
        # A damaged file may have nothing where the index points, but something before.
        for start_seconds in (seconds, 0.0):
            if shown is None and _container.seek(container, stream, start_seconds):
                shown = _last_frame_until(container, stream, seconds)
    if shown is None:
        raise MediaError(reasons.TRUNCATED, f"{name}: damaged or incomplete, no picture decodes")
    return np.ascontiguousarray(np.rot90(shown.to_ndarray(format="rgb24"), shown.rotation // 90))


def _last_frame_until(
    container: av.container.InputContainer, stream: av.VideoStream, seconds: float
) -> av.VideoFrame | None:
    """The last frame that begins at or before `seconds`, or else the first that decodes."""
    origin = float((stream.start_time or 0) * stream.time_base)
    shown = None
    for count, frame in enumerate(_container.frames(container, stream)):
        past = frame.pts is not None and frame.time - origin > seconds
        if shown is None or not past:
            shown = frame
        if past or count >= _MAX_FRAMES:
            break
    return shown
