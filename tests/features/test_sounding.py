"""Labels of what is heard and of what is seen, in classes that have both."""

import numpy as np
import pytest

from s2i_tf import features
from s2i_tf.errors import UserError
from s2i_tf.features import base, sounding, yamnet_weights


class _Classifier(base.Classifier):
    """Gives the logits that it was told to."""

    name, modality = "told", "sound"

    def __init__(self, num_labels, highest=()):
        self.labels = tuple(f"label {index}" for index in range(num_labels))
        self.fingerprint = base.Fingerprint("told", "0" * 64, "none", "logits")
        self._highest = highest

    def prepare(self, item):
        return item

    def __call__(self, batch):
        logits = np.zeros((len(batch), len(self.labels)), np.float32)
        logits[:, list(self._highest)] = np.arange(len(self._highest)) + 1
        return logits


@pytest.fixture
def told(monkeypatch):
    def told(*args):
        monkeypatch.setitem(features.CLASSIFIERS, "told", lambda weights: _Classifier(*args))
        return features.load_classifier("sounding:told")

    return told


def best(net):
    return net.labels[int(net(np.zeros((1, 1)))[0].argmax())]


def test_sounds_and_pictures_of_a_thing_are_called_alike(told):
    place = yamnet_weights.label_names().index
    assert best(told(521, [place("Speech"), place("Bow-wow")])) == "dog"
    assert best(told(1000, [217, 568])) == "dog"  # an English springer; a fur coat has no sound
    assert best(told(521, [place("Fireworks")])) == best(told(1000, [328])) == "fireworks"
    assert best(told(521, [place("French horn")])) == best(told(1000, [566])) == "brass instrument"


def test_a_class_has_the_greatest_of_its_labels(told):
    net = told(1000, [7, 8, 341])  # logits 1, 2, 3: a cock, a hen, a hog
    logits = dict(zip(net.labels, net(np.zeros((2, 1)))[1], strict=True))
    assert logits["chicken"] == 2 and logits["pig"] == 3 and logits["piano"] == 0


def test_both_vocabularies_give_the_same_classes(told):
    heard, seen = told(521), told(1000)
    assert heard.labels == seen.labels and len(set(heard.labels)) == len(heard.labels) == 69
    assert heard.fingerprint.digest != _Classifier(521).fingerprint.digest


def test_the_map_names_what_there_is():
    for num_labels in (521, 1000):
        _, positions = sounding._classes("x", num_labels)
        assert all(positions) and max(map(max, positions)) < num_labels


def test_another_vocabulary_is_refused(told):
    with pytest.raises(UserError, match="told has 7 labels; allowed: .*AudioSet's 521"):
        told(7)


def test_only_labels_of_audioset_go_through_the_map():
    assert features.comparable("soundnet", "efficientnet_lite2") == (
        "soundnet",
        "efficientnet_lite2",
    )
    assert features.comparable("yamnet", "efficientnet_lite2") == (
        "sounding:yamnet",
        "sounding:efficientnet_lite2",
    )
