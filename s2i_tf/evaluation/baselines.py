"""Ways from a sound to a picture that generate nothing, to stand beside the generator.

Each takes its pictures from the training photos. Label match alone can be high with one picture a
class, so a generator has to beat these or be more diverse. What is chosen by class goes by the
class that a linear probe hears, as no generator is told the class either.
"""

from collections.abc import Sequence

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import neighbors, on_disk
from s2i_tf.evaluation.inputs import Items, JudgeOutput, Training
from s2i_tf.evaluation.judge import Judge

TITLES = {
    "class_mean": "mean training photo of the class heard",
    "fixed_photo": "one fixed training photo for each class heard",
    "nearest_photo": "nearest training photo by multimodal features",
    "constant_photo": "one training photo for every sound",
}


def of_sounds(
    judge: Judge, training: Training, sounds: Items, sound_vectors: np.ndarray
) -> dict[str, JudgeOutput]:
    """What the judge sees in the picture that each baseline has for each sound, by its name.

    Args:
      judge: looks at the pictures that are no training photo.
      training: what the pictures are made of.
      sounds: the sounds of the eval split.
      sound_vectors: their multimodal vectors after the activation [sounds, hidden].
    """
    photos = training.images
    heard = training.class_heard.predict(sounds.features)
    classes = np.unique(photos.labels)
    place = np.searchsorted(classes, heard)
    own = [np.flatnonzero(photos.labels == label) for label in classes]
    fixed = [
        positions[medoid(photos.features[positions], photos.ids[positions])] for positions in own
    ]
    nearest, _ = neighbors.nearest(sound_vectors, training.image_vectors.after)
    constant = np.full(len(sounds), medoid(photos.features, photos.ids))
    chosen = {
        "fixed_photo": np.array(fixed)[place],
        "nearest_photo": nearest,
        "constant_photo": constant,
    }
    return {
        "class_mean": judge.look(class_means(photos.pictures, own))[place],
        **{name: training.judged[positions] for name, positions in chosen.items()},
    }


def class_means(pictures: np.ndarray, members: Sequence[np.ndarray]) -> np.ndarray:
    """The mean picture of each class, uint8 [classes, height, width, 3].

    Args:
      pictures: training photos, uint8 [photos, height, width, 3].
      members: for each class the positions of its photos.
    """
    means = []
    for positions in members:
        means.append(np.rint(pictures[positions].mean(axis=0)))
        on_disk.forget(pictures)
    return np.stack(means).astype(np.uint8)


def medoid(features: np.ndarray, ids: np.ndarray) -> int:
    """The item nearest to the mean of the features that the model was given, not the judge's.

    Args:
      features: float [items, size]; may be memory-mapped.
      ids: str [items]; of those that tie, the first in a stable order of the ids is taken.
    """
    mean = sum(block.sum(axis=0) for block in on_disk.doubles(features)) / len(features)
    apart = np.concatenate(
        [np.linalg.norm(block - mean, axis=1) for block in on_disk.doubles(features)]
    )
    tied = np.flatnonzero(apart <= apart.min() * (1 + 1e-12))
    first = splits.stable_order(ids[tied], "fixed photo")[0]
    return int(tied[np.flatnonzero(ids[tied] == first)[0]])
