"""`sounding:NAME`: a classifier of AudioSet's or ImageNet's labels, in classes of what sounds.

ImageNet names what is seen, and most of its labels make no sound: a sound net that must use them
calls fireworks "sea urchin". `sounding.csv` beside this module maps both vocabularies to classes
that have a sound and a look: a name, AudioSet's display names, and ImageNet's positions. It was
made by hand from the two lists of labels. AudioSet's ontology says which sounds belong to a thing,
ImageNet's synsets which pictures. Where ImageNet has no label, what its nets call such a picture
stands in, if that makes no sound of its own: fireworks pass for sea urchins and geysers. What only
one of the two knows (styles of music, rooms, effects; food, clothes) is left out.
"""

import csv
import dataclasses
import pathlib

import numpy as np

from s2i_tf import features, spec
from s2i_tf.errors import UserError
from s2i_tf.features import weights as weights_lib
from s2i_tf.features import yamnet_weights
from s2i_tf.features.base import Classifier

MAP_FILE = pathlib.Path(__file__).with_name("sounding.csv")


class SoundingClassifier(Classifier):
    """Another classifier's logits as logits of the map's classes: each the greatest of its labels'.

    Args:
      name: name of a classifier of AudioSet's labels or of ImageNet's.
      weights: weights of that classifier, as `features.load_classifier` takes them.

    Raises:
      UserError: if its labels are neither.
    """

    def __init__(self, name: str, weights: str | None = None):
        self._net = features.load_classifier(name, weights=weights)
        self.name, self.modality = f"{features.SOUNDING_PREFIX}{name}", self._net.modality
        self.labels, self._positions = _classes(name, len(self._net.labels))
        self.fingerprint = dataclasses.replace(
            self._net.fingerprint,
            layer=f"{self._net.fingerprint.layer}, greatest of the labels of a class",
            order=f"{MAP_FILE.name} {weights_lib.checksum(MAP_FILE, 'sha256')}",
        )

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """As the other classifier."""
        return self._net.prepare(item)

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, classes]."""
        logits = self._net(batch)
        return np.stack([logits[:, places].max(axis=1) for places in self._positions], axis=1)


def _classes(name: str, num_labels: int) -> tuple[tuple[str, ...], list[list[int]]]:
    """The map's classes, and which of so many labels belong to each."""
    with open(MAP_FILE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if num_labels == spec.NUM_IMAGENET_LABELS:
        positions = [_numbers(row["imagenet"]) for row in rows]
    elif num_labels == yamnet_weights.NUM_LABELS:
        place = {label: at for at, label in enumerate(yamnet_weights.label_names())}
        positions = [[place[label] for label in row["audioset"].split("|")] for row in rows]
    else:
        raise UserError(
            f"{name} has {num_labels} labels; allowed: a classifier of AudioSet's "
            f"{yamnet_weights.NUM_LABELS} or of ImageNet's {spec.NUM_IMAGENET_LABELS}"
        )
    return tuple(row["class"] for row in rows), positions


def _numbers(ranges: str) -> list[int]:
    """The numbers of `7 9-11`."""
    numbers: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
