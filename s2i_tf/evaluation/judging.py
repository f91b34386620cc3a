"""What the judge sees in pictures: its likeliest labels, and the features that it reads them from.

The features are the input of the net's last dense layer, where the classifier is a Keras net that
ends in one; of any other classifier (a hub model gives scores alone) they are its logits.
"""

import dataclasses
import logging

import keras
import numpy as np
import tensorflow as tf

from s2i_tf.evaluation import label_match
from s2i_tf.features.base import Classifier

PENULTIMATE = "input of the last layer"
LOGITS = "logits"

_BATCH_SIZE = 32
_SAY_EVERY = 512

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Looks:
    """What a judge sees in some pictures.

    Attributes:
      labels: int [pictures, 10], indices of the likeliest labels, the likeliest first.
      features: float64 [pictures, size].
    """

    labels: np.ndarray
    features: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Looks":
        """The looks at some of the pictures."""
        return Looks(self.labels[chosen], self.features[chosen])


class Judge:
    """Looks at pictures with a classifier.

    Args:
      classifier: of images; its own `prepare` fits the pictures to it.

    Attributes:
      classifier: the same.
      layer: where the features come from, `PENULTIMATE` or `LOGITS`.
    """

    def __init__(self, classifier: Classifier):
        self.classifier = classifier
        net = _with_features(getattr(classifier, "model", None))
        self.layer = LOGITS if net is None else PENULTIMATE
        self._call = None if net is None else tf.function(lambda batch: net(batch, training=False))

    def look(self, pictures: np.ndarray, what: str = "pictures") -> Looks:
        """Looks at pictures uint8 [pictures, height, width, 3]; `what` is for the progress."""
        labels, features = [], []
        for start in range(0, len(pictures), _BATCH_SIZE):
            if start % _SAY_EVERY == 0 and start + _SAY_EVERY < len(pictures):
                name = self.classifier.name
                logger.info("%s looks at %s: %d of %d", name, what, start, len(pictures))
            found, logits = self._look(pictures[start : start + _BATCH_SIZE])
            features.append(found.astype(np.float64))
            labels.append(label_match.top_labels(logits))
        return Looks(np.concatenate(labels), np.concatenate(features))

    def _look(self, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batch = np.stack([self.classifier.prepare(picture) for picture in pictures])
        if self._call is None:
            logits = np.asarray(self.classifier(batch))
            return logits, logits
        # Filled up to one size, so that the graph is traced once.
        missing = [(0, _BATCH_SIZE - len(batch)), *[(0, 0)] * (batch.ndim - 1)]
        outputs = self._call(tf.convert_to_tensor(np.pad(batch, missing)))
        features, logits = (output.numpy()[: len(pictures)] for output in outputs)
        return features.reshape(len(pictures), -1), logits


def _with_features(net: keras.Model | None) -> keras.Model | None:
    """The net with the input of its last dense layer beside its output, if it ends in one."""
    if not isinstance(net, keras.Model) or len(net.inputs) != 1:
        return None
    last = net.layers[-1]
    if isinstance(last, keras.layers.Dense):
        return keras.Model(net.inputs, [last.input, net.outputs[0]])
    inner = _with_features(last)
    if inner is None:
        return None
    x = net.inputs[0]  # a chain around another net: scaling, then the net
    for layer in net.layers[1:-1]:
        x = layer(x)
    return keras.Model(net.inputs, inner(x))
