"""The pictures that stand for the sounds of a split: generated ones, and those of the baselines."""

import dataclasses

import numpy as np

from s2i_tf.evaluation import baselines
from s2i_tf.evaluation.baselines import Baseline
from s2i_tf.evaluation.judging import Judge, Looks
from s2i_tf.evaluation.linear_probe import LinearProbe
from s2i_tf.evaluation.tables import Items


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A picture for each sound, uint8 [sounds, 128, 128, 3], and what the judge sees in it."""

    pictures: np.ndarray
    looks: Looks


def of_baselines(
    judge: Judge,
    training: Items,
    training_looks: Looks,
    training_vectors: np.ndarray,
    sounds: Items,
    sound_vectors: np.ndarray,
    heard: LinearProbe,
) -> dict[str, Drawn]:
    """The pictures of each baseline, by its name.

    Args:
      judge: looks at those that are no training photo.
      training: the training photos.
      training_looks: the judge's look at them.
      training_vectors: their multimodal vectors after the activation [photos, hidden].
      sounds: of the eval split.
      sound_vectors: their multimodal vectors [sounds, hidden].
      heard: the probe that names the class of a sound.
    """
    named = heard.predict(sounds.features)
    pictures = training.pictures
    found: dict[str, Baseline] = {
        "class_mean": baselines.class_means(pictures, training.labels, named),
        "fixed_photo": baselines.fixed_photos(
            pictures, training.features, training.ids, training.labels, named
        ),
        "nearest_photo": baselines.nearest_photos(pictures, training_vectors, sound_vectors),
        "constant_photo": baselines.constant_photo(
            pictures, training.features, training.ids, len(sounds)
        ),
    }
    drawn = {}
    for name, baseline in found.items():
        if baseline.photos is None:
            looks = judge.look(baseline.pictures)
        else:
            looks = training_looks[baseline.photos]
        drawn[name] = Drawn(baseline.pictures[baseline.chosen], looks[baseline.chosen])
    return drawn
