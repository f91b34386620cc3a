"""The one place that finds a sound of a data set by its id, in the folder of its files.

An id is the path of a file relative to that folder, `PATH#t=START` for the window of a longer file
that begins there (in seconds), and `…#view=N` for an augmented copy, whose original is meant here.
"""

import os
import pathlib
import re
from collections.abc import Iterable

import numpy as np

from s2i_tf.data.dataset_info import WINDOW_SECONDS, DatasetInfo
from s2i_tf.errors import UserError

_VIEW = re.compile(r"#view=\d+$")
_MOMENT = re.compile(r"#t=(\d+(?:\.\d+)?)$")


def moment_id(path: str, start_seconds: float) -> str:
    """The id of the window of a file that begins at a time; whole hundredths read best."""
    text = f"{start_seconds:.2f}"
    return f"{path}#t={text if float(text) == start_seconds else start_seconds}"


def view_id(item_id: str, number: int) -> str:
    """The id of an augmented copy."""
    return f"{item_id}#view={number}"


def original_id(item_id: str) -> str:
    """The id of the sound that an augmented copy was made of; its own of any other."""
    return _VIEW.sub("", item_id)


def parse_id(item_id: str) -> tuple[str, float | None]:
    """The path that an id names, and where its window begins; None for the whole file."""
    item_id = original_id(item_id)
    moment = _MOMENT.search(item_id)
    return (item_id[: moment.start()], float(moment[1])) if moment else (item_id, None)


def groups_of_photos(
    photo_ids: Iterable[str], sound_ids: Iterable[str], sound_groups: Iterable[str]
) -> list[str]:
    """What photos may not be told apart by: frames of a film are of one recording, as its sounds.

    Args:
      photo_ids: the photos.
      sound_ids: the sounds of the same data.
      sound_groups: the recording of each of them.

    Returns:
      For each photo the recording of the sounds of the same file, or the file where there are none.
    """
    files = (parse_id(sound_id)[0] for sound_id in sound_ids)
    recordings = dict(zip(files, sound_groups, strict=True))
    return [recordings.get(file, file) for file in (parse_id(photo)[0] for photo in photo_ids)]


def load_sound(info: DatasetInfo, sound_id: str) -> np.ndarray:
    """The waveform that a sound's features were taken of, float32 [samples] within ±256.

    Raises:
      UserError: if the file is missing or holds no sound.
    """
    return load(info.source, sound_id, info.window_seconds, info.audio_track)


def load(
    source: str | os.PathLike,
    sound_id: str,
    window_seconds: float = WINDOW_SECONDS,
    audio_track: int = 0,
) -> np.ndarray:
    """The waveform of a sound from any folder, float32 [samples] within ±256 at 22,050 Hz.

    The window of a film ends where its picture does, as when its features were taken.

    Args:
      source: folder that the ids are relative to.
      sound_id: id of the sound.
      window_seconds: length of a window, where the file does not end before.
      audio_track: number of the sound track, from 1 on; 0 for the one that players play.

    Raises:
      UserError: if the file is missing or holds no sound.
    """
    from s2i_tf.media import audio, limits, video

    name, start_seconds = parse_id(sound_id)
    path = pathlib.Path(source) / name
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {source} still the folder of the data?")
    if start_seconds is None:
        window_seconds = limits.MAX_SECONDS
    else:
        film = video.probe(path, audio_track=audio_track)
        if film.has_picture:
            window_seconds = min(window_seconds, film.end_seconds - start_seconds)
    return audio.load_waveform(
        path, start_seconds=start_seconds, max_seconds=window_seconds, audio_track=audio_track
    )
