"""What judges see in pictures and hear in sounds: the likeliest labels, and features of pictures.

The features are the input of the net's last dense layer, where the classifier is a Keras net that
ends in one; of any other classifier (a hub model gives scores alone) they are its logits.
"""

import logging
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.evaluation import on_disk
from s2i_tf.evaluation.inputs import JudgeOutput
from s2i_tf.features import load_classifier
from s2i_tf.features.base import Classifier

TOP_KS = spec.MATCH_TOP_KS

PENULTIMATE = "input of the last layer"
LOGITS = "logits"

_BATCH_SIZE = 32
_SOUND_BATCH_SIZE = 8
_SAY_EVERY = 512
_SAY_EVERY_SOUND = 64

logger = logging.getLogger(__name__)


def top_labels(scores: np.ndarray, k: int = max(TOP_KS)) -> np.ndarray:
    """The k labels with the highest scores, the highest first; ties go to the first label.

    Args:
      scores: float [items, labels].
      k: how many labels.

    Returns:
      Int [items, k].
    """
    return np.argsort(-np.asarray(scores), axis=1, kind="stable")[:, :k]


class Judge:
    """Looks at pictures with a classifier.

    Args:
      classifier: a classifier of images, or its name; its own `prepare` fits pictures to it.

    Attributes:
      classifier: the classifier.
      layer: where the features come from, `PENULTIMATE` or `LOGITS`.

    Raises:
      UserError: if the classifier is unknown, or not one of images.
    """

    def __init__(self, classifier: str | Classifier):
        if isinstance(classifier, str):
            classifier = load_classifier(classifier)
        if classifier.modality != "image":
            raise UserError(
                f"judge {classifier.name!r} judges a {classifier.modality}; choose one of images"
            )
        self.classifier = classifier
        net = _with_features(getattr(classifier, "model", None))
        self.layer = LOGITS if net is None else PENULTIMATE
        self._call = None if net is None else tf.function(lambda batch: net(batch, training=False))

    def look(self, pictures: np.ndarray, what: str = "pictures") -> JudgeOutput:
        """Looks at pictures uint8 [pictures, height, width, 3]; `what` is for the progress."""
        labels, features = [], None
        for start in range(0, len(pictures), _BATCH_SIZE):
            if start % _SAY_EVERY == 0 and start + _SAY_EVERY < len(pictures):
                name = self.classifier.name
                logger.info("%s looks at %s: %d of %d", name, what, start, len(pictures))
            found, logits = self._look(pictures[start : start + _BATCH_SIZE])
            if features is None:
                features = np.empty((len(pictures), found.shape[1]), np.float32)
            features[start : start + len(found)] = found
            labels.append(top_labels(logits))
            on_disk.forget(pictures)
        return JudgeOutput(np.concatenate(labels), features, pictures)

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


def listen(judge: Classifier, load: Callable[[str], np.ndarray], ids: Sequence[str]) -> np.ndarray:
    """The likeliest labels that a judge of sounds gives to some, int [sounds, 10].

    Args:
      judge: a classifier of sounds, such as `yamnet`.
      load: gives the waveform of a sound by its id.
      ids: the sounds.

    Raises:
      UserError: if one of them is not at hand.
    """
    labels = []
    for start in range(0, len(ids), _SOUND_BATCH_SIZE):
        if start % _SAY_EVERY_SOUND == 0:
            logger.info("%s hears sounds: %d of %d", judge.name, start, len(ids))
        some = ids[start : start + _SOUND_BATCH_SIZE]
        batch = [judge.prepare(load(sound_id)) for sound_id in some]
        labels.append(top_labels(judge(np.stack(batch))))
    return np.concatenate(labels)


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
