"""The sounds of a data set by their ids, read from its source folder."""

import os
import pathlib

import numpy as np

from s2i_tf.data.trained_on import MOMENT
from s2i_tf.errors import UserError

# Of an id that names a moment: what `s2i prepare` cuts around it by default.
MOMENT_SECONDS = 10.0


def load_sound(source: str | os.PathLike, sound_id: str) -> np.ndarray:
    """The waveform of a sound, float32 [samples] within ±256 at 22,050 Hz.

    Args:
      source: folder that the ids are relative to.
      sound_id: a path, with `#t=START` where it is a moment of a longer file.

    Raises:
      UserError: if it leads out of the folder, or the file is missing or holds no sound.
    """
    from s2i_tf.media import audio, limits

    name, _, start = sound_id.partition(MOMENT)
    folder = pathlib.Path(source)
    path = folder / name
    if ".." in pathlib.Path(name).parts or not path.is_relative_to(folder):
        raise UserError(f"{sound_id}: not a path within {source}")
    if start:
        return audio.load_waveform(path, start_seconds=float(start), max_seconds=MOMENT_SECONDS)
    return audio.load_waveform(path, max_seconds=limits.MAX_SECONDS)
