"""What every pretrained net of the package offers, whatever its library and modality.

A net takes one item through `prepare` (crop, scale, resize: NumPy only, so that it can run in a
worker beside the decoding) and batches of prepared items through a call. Its `fingerprint` says
all that its numbers depend on and travels with every record and model.
"""

import abc
import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import Literal

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError

Modality = Literal["sound", "image"]


@dataclasses.dataclass(frozen=True)
class Fingerprint:
    """What a net's output depends on.

    Attributes:
      net: the architecture, such as `soundnet8`.
      weights_sha256: checksum of the weights as loaded, or `random:SEED`.
      preprocessing: crop, scale, resize and value range, in a few words.
      layer: the layer that is read, such as `pool5`.
      order: how its axes are flattened, such as `time,channel`; empty for label scores.
    """

    net: str
    weights_sha256: str
    preprocessing: str
    layer: str
    order: str = ""

    @property
    def digest(self) -> str:
        """16 hexadecimal digits that differ when any part does."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Net(abc.ABC):
    """A pretrained net: one item through `prepare`, batches through a call."""

    name: str
    modality: Modality
    fingerprint: Fingerprint

    @abc.abstractmethod
    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Turns one decoded item into the net's input.

        Args:
          item: a waveform, float32 [samples] within ±256 at 22,050 Hz, of any length; or a
            picture, uint8 [height, width, 3], of any size.

        Returns:
          An array whose shape is the same for every item.
        """

    @abc.abstractmethod
    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Float32 [batch, outputs] of a stack of prepared items."""


class WaveformNet(Net):
    """A net of waveforms; it hears the 6 s window, unless it says otherwise."""

    modality = "sound"

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Float32 [132300]: the window that features are taken from."""
        from s2i_tf.media import audio  # slow to import, and names alone don't need it

        return audio.feature_window(item)


class PictureNet(Net):
    """A net that sees the middle square of a picture.

    Attributes:
      side: width and height of its input, in pixels.
    """

    modality = "image"
    side: int

    def prepare(self, item: np.ndarray) -> np.ndarray:
        """Uint8 [side, side, 3]."""
        from s2i_tf.media import image  # slow to import, and names alone don't need it

        return image.square(item, self.side)

    def described(self, values: str) -> str:
        """What a fingerprint says of the preprocessing, with the range of the values."""
        return f"middle square, antialiased resize to {self.side}, {values}"


class Extractor(Net):
    """A net whose output is the feature vector [batch, 4096] of paper section 4.

    Attributes:
      num_embedding: how many of the features, from the first on, tell what an item is like; angles
        between these are meaningful.
      num_label_scores: how many of the features, after the embedding, say how much of each of the
        net's own labels there is.
    """

    num_embedding = spec.FEATURE_SIZE
    num_label_scores = 0

    @classmethod
    def labels_of(cls, class_name: str) -> list[int]:
        """Which of the net's own labels a class is named after; none where nothing is known."""
        return []


class Classifier(Net):
    """A net whose output is label scores (logits) [batch, len(labels)].

    Rank the scores as they are: a float32 softmax underflows and makes up ties.
    """

    labels: Sequence[str]


def check_fingerprint(net: Net, digest: str) -> None:
    """Refuses a net that a model was not trained with.

    Args:
      net: an extractor.
      digest: digest of the fingerprint of the net whose features the model takes.

    Raises:
      UserError: naming both.
    """
    if net.fingerprint.digest != digest:
        raise UserError(
            f"the {net.modality} net has fingerprint {net.fingerprint.digest}; "
            f"the model was trained with {digest}"
        )
