"""Examples to look at and listen to, drawn at random: neither the best nor the worst."""

import dataclasses
import logging

import numpy as np

from s2i_tf.data import source_sounds, splits
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.media import audio

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Example:
    """One sound with what became of it.

    Attributes:
      class_name: of the sound.
      sound_id: its path relative to the data set's source.
      sound: MP3 bytes of the seconds that its features come from, or None where it can't be read.
      original: uint8 [128, 128, 3], the photo paired with it.
      generated: uint8 [128, 128, 3] each: the model's picture, then further samples if it has any.
      rebuilt: uint8 [128, 128, 3], the picture made from the photo's own features.
      original_labels: the judge's labels of the photo by index, the likeliest first; names can
        occur twice.
      generated_labels: of the first generated picture.
    """

    class_name: str
    sound_id: str
    sound: bytes | None
    original: np.ndarray
    generated: tuple[np.ndarray, ...]
    rebuilt: np.ndarray
    original_labels: dict[int, str]
    generated_labels: dict[int, str]


def draw(ids: np.ndarray, labels: np.ndarray, num_examples: int, seed: int) -> list[int]:
    """Which items to show: one of each class in turn, the same for the same seed.

    Args:
      ids: str [items], unique.
      labels: int [items].
      num_examples: how many at most.
      seed: of the draw.

    Returns:
      Their positions, those of a class beside each other.
    """
    position = {identity: index for index, identity in enumerate(ids)}
    taken: dict[int, int] = {}
    turns = []
    for identity in splits.stable_order(ids, f"gallery {seed}"):
        label = int(labels[position[identity]])
        taken[label] = taken.get(label, 0) + 1
        turns.append((taken[label], position[identity]))
    chosen = [index for _, index in sorted(turns, key=lambda turn: turn[0])[:num_examples]]
    return sorted(chosen, key=lambda index: int(labels[index]))


def load_sound(info: DatasetInfo, sound_id: str) -> bytes | None:
    """What the model hears of a sound, as MP3, or None if it is gone or can't be read."""
    if not info.source:
        return None
    try:
        return audio.encode_audio(
            audio.feature_window(source_sounds.load_sound(info, sound_id)), "mp3"
        )
    except (UserError, OSError) as error:
        _log.warning("no sound for the report: %s", error)
        return None
