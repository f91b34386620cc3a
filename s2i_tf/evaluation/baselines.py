"""Ways from a sound to a picture that generate nothing, to stand beside the generator.

Each takes its pictures from the training photos. Label match alone can be high with one picture a
class, so a generator has to beat these or be more diverse. What is chosen by class goes by the
class that a linear probe hears, as no generator is told the class either.
"""

import dataclasses

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import distances

TITLES = {
    "class_mean": "mean training photo of the class heard",
    "fixed_photo": "one fixed training photo for each class heard",
    "nearest_photo": "nearest training photo by multimodal features",
    "constant_photo": "one training photo for every sound",
}


@dataclasses.dataclass(frozen=True)
class Baseline:
    """Pictures to choose among and the choice for each sound.

    Attributes:
      pictures: uint8 [choices, height, width, 3].
      chosen: int [sounds], into the choices.
      photos: int [choices], the training photo that each is; None where they are none.
    """

    pictures: np.ndarray
    chosen: np.ndarray
    photos: np.ndarray | None = None


def class_means(pictures: np.ndarray, labels: np.ndarray, heard: np.ndarray) -> Baseline:
    """The mean training photo of each class.

    Args:
      pictures: training photos, uint8 [photos, height, width, 3].
      labels: int [photos].
      heard: int [sounds], the class that each sound is taken for; one that has photos.
    """
    classes = np.unique(labels)
    means = [np.rint(pictures[labels == label].mean(axis=0)) for label in classes]
    return Baseline(np.stack(means).astype(np.uint8), np.searchsorted(classes, heard))


def fixed_photos(
    pictures: np.ndarray,
    features: np.ndarray,
    ids: np.ndarray,
    labels: np.ndarray,
    heard: np.ndarray,
) -> Baseline:
    """The most typical training photo of each class, see `medoid`; otherwise as `class_means`."""
    classes = np.unique(labels)
    photos = []
    for label in classes:
        own = np.flatnonzero(labels == label)
        photos.append(own[medoid(features[own], ids[own])])
    photos = np.array(photos)
    return Baseline(pictures[photos], np.searchsorted(classes, heard), photos)


def constant_photo(
    pictures: np.ndarray, features: np.ndarray, ids: np.ndarray, num_sounds: int
) -> Baseline:
    """The most typical of all training photos."""
    photos = np.array([medoid(features, ids)])
    return Baseline(pictures[photos], np.zeros(num_sounds, np.int64), photos)


def nearest_photos(
    pictures: np.ndarray, image_vectors: np.ndarray, sound_vectors: np.ndarray
) -> Baseline:
    """The training photo whose multimodal vector is nearest to the sound's (section 5.3).

    Args:
      pictures: training photos.
      image_vectors: their multimodal vectors [photos, hidden].
      sound_vectors: those of the sounds [sounds, hidden].
    """
    photos, _ = distances.nearest(sound_vectors, image_vectors)
    return Baseline(pictures, photos, np.arange(len(pictures)))


def medoid(features: np.ndarray, ids: np.ndarray) -> int:
    """The item nearest to the mean of the features that the model was given, not the judge's.

    Args:
      features: [items, size].
      ids: str [items]; of those that tie, the first in a stable order of the ids is taken.
    """
    features = np.asarray(features, np.float64)
    apart = np.linalg.norm(features - features.mean(axis=0), axis=1)
    tied = np.flatnonzero(apart <= apart.min() * (1 + 1e-12))
    first = splits.stable_order(ids[tied], "fixed photo")[0]
    return int(tied[np.flatnonzero(ids[tied] == first)[0]])
