"""Examples to look at and listen to, drawn at random: neither the best nor the worst."""

import dataclasses
import logging
from collections.abc import Callable

import numpy as np

from s2i_tf.errors import UserError
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.report import figures
from s2i_tf.media import audio

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Example:
    """One sound with what became of it.

    Attributes:
      class_name: the class of the sound.
      sound_id: its path relative to the data set's source.
      sound: MP3 bytes of the seconds that its features come from, or None where it can't be read.
      original: uint8 [height, width, 3], the photo paired with it, or white.
      generated: uint8 [height, width, 3] each: the model's picture, then further samples, if any.
      rebuilt: uint8 [height, width, 3], the picture made from the photo's own features.
      original_labels: the judge's labels of the photo by index, the likeliest first; names can
        occur twice.
      generated_labels: those of the first generated picture.
    """

    class_name: str
    sound_id: str
    sound: bytes | None
    original: np.ndarray
    generated: tuple[np.ndarray, ...]
    rebuilt: np.ndarray
    original_labels: dict[int, str]
    generated_labels: dict[int, str]


def examples(predictions: Predictions, *, hide_photos: bool = False) -> list[Example]:
    """The sounds to show, with all that is made of them."""
    names, found = predictions.judge_labels, []
    for place, position in enumerate(predictions.shown):
        photo = int(predictions.photo_of_sound[position])
        original = predictions.images.pictures[photo]
        further = () if predictions.further is None else predictions.further[:, place]
        sound_id = str(predictions.sounds.ids[position])
        found.append(
            Example(
                class_name=predictions.names[position],
                sound_id=sound_id,
                sound=played(predictions.load_sound, sound_id),
                original=np.full_like(original, figures.HIDDEN) if hide_photos else original,
                generated=(predictions.generated.pictures[position], *further),
                rebuilt=predictions.rebuilt.pictures[photo],
                original_labels={int(i): names[i] for i in predictions.judged.labels[photo]},
                generated_labels={
                    int(i): names[i] for i in predictions.generated.judged.labels[position]
                },
            )
        )
    return found


def played(load: Callable[[str], np.ndarray] | None, sound_id: str) -> bytes | None:
    """What the model hears of a sound, as MP3, or None if it is gone or can't be read."""
    if load is None:
        return None
    try:
        return audio.encode_audio(audio.feature_window(load(sound_id)), "mp3")
    except (UserError, OSError) as error:
        _log.warning("no sound for the report: %s", error)
        return None
