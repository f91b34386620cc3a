"""Examples to look at and listen to, drawn at random: neither the best nor the worst."""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from s2i_tf.errors import UserError
from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import qualities
from s2i_tf.media import audio

PHOTO, GENERATED = "real photo", "from the sound"  # captions
_NAMED = 3  # labels below a picture
_WHITE = 255  # in the place of a photo that is hidden

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Example:
    """One sound with what became of it.

    Attributes:
      class_name: the class of the sound.
      sound_id: path of the sound relative to the data set's source.
      sound: MP3 bytes of the seconds that its features come from, or None where it can't be read.
      pictures: the photo paired with it, or white, and what the model made, uint8 [height, width,
        3] each, by caption.
      labels: the judge's likeliest labels of some of the pictures, by the same captions.
      match: the smallest k at which the labels of photo and picture meet; 0 for none.
      shared: the labels that they have in common there.
    """

    class_name: str
    sound_id: str
    sound: bytes | None
    pictures: Mapping[str, np.ndarray]
    labels: Mapping[str, Sequence[str]]
    match: int
    shared: Sequence[str]


def examples(predictions: Predictions, *, hide_photos: bool = False) -> list[Example]:
    """The sounds to show, with all that is made of them."""
    matches, found = qualities.first_matches(predictions), []

    def named(labels: Iterable[int]) -> list[str]:
        """The names of labels: of synonyms the first. A name can stand for several labels."""
        return [predictions.judge_labels[label].split(",")[0] for label in labels]

    for place, position in enumerate(predictions.shown):
        photo = int(predictions.photo_of_sound[position])
        original = predictions.images.pictures[photo]
        further = () if predictions.further is None else predictions.further[:, place]
        sound_id, match = str(predictions.sounds.ids[position]), int(matches[position])
        seen, made = predictions.judged.labels[photo], predictions.generated.labels[position]
        found.append(
            Example(
                class_name=predictions.names[position].replace("_", " "),
                sound_id=sound_id,
                sound=played(predictions.load_sound, sound_id),
                pictures={
                    PHOTO: np.full_like(original, _WHITE) if hide_photos else original,
                    GENERATED: predictions.generated.pictures[position],
                    "photo rebuilt": predictions.rebuilt.pictures[photo],
                    **{f"{GENERATED}, sample {n}": drawn for n, drawn in enumerate(further, 1)},
                },
                labels={PHOTO: named(seen[:_NAMED]), GENERATED: named(made[:_NAMED])},
                match=match,
                shared=named(label for label in seen[:match] if label in made[:match]),
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
