import keras
import numpy as np
import pytest

from s2i_tf.evaluation.judge import LOGITS, PENULTIMATE, Judge, top_labels
from s2i_tf.features.base import Classifier, Fingerprint


def small_net():
    picture = keras.Input((4, 4, 3), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(picture)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(7, activation="relu", name="before")(x)
    return keras.Model(picture, keras.layers.Dense(20)(x))


def wrapped_net():
    """A net around another, as that of `inception_resnet_v2`."""
    net = keras.Sequential(
        [
            keras.Input((4, 4, 3)),
            keras.layers.Flatten(),
            keras.layers.Dense(7, activation="relu", name="before"),
            keras.layers.Dense(20),
        ]
    )
    picture = keras.Input((4, 4, 3), dtype="uint8")
    return keras.Model(picture, net(keras.layers.Rescaling(1 / 255)(picture)))


class NetClassifier(Classifier):
    name = "net"
    modality = "image"
    fingerprint = Fingerprint("net", "none", "none", "logits")
    labels = tuple(f"label {index}" for index in range(20))

    def __init__(self, model):
        self.model = model

    def prepare(self, item):
        return item

    def __call__(self, batch):
        return np.asarray(self.model(batch, training=False))


@pytest.mark.parametrize("build", [small_net, wrapped_net])
def test_features_are_what_the_last_layer_reads(build, rng):
    keras.utils.set_random_seed(0)
    net = build()
    judge = Judge(NetClassifier(net))
    pictures = rng.integers(0, 256, (70, 4, 4, 3)).astype(np.uint8)
    looks = judge.look(pictures)
    assert judge.layer == PENULTIMATE
    assert looks.features.shape == (70, 7) and looks.features.dtype == np.float32
    logits = judge.classifier(pictures)
    assert np.array_equal(looks.labels, top_labels(logits))
    kernel, bias = net.get_weights()[-2:]
    assert looks.features @ kernel + bias == pytest.approx(logits, abs=1e-5)


def test_a_classifier_of_scores_alone_has_them_as_features(judge, rng):
    looker = Judge(judge)
    pictures = rng.integers(0, 256, (40, 128, 128, 3)).astype(np.uint8)
    looks = looker.look(pictures)
    assert looker.layer == LOGITS
    scores = judge(np.stack([judge.prepare(picture) for picture in pictures]))
    assert np.array_equal(looks.features, scores)
    assert np.array_equal(looks.labels, top_labels(scores))


def test_pictures_on_disk_do_not_stay_in_memory(judge, rng, tmp_path, resident_bytes):
    path = tmp_path / "pictures.npy"
    np.save(path, rng.integers(0, 256, (200, 128, 128, 3)).astype(np.uint8))
    mapped = np.load(path, mmap_mode="r")
    looks = Judge(judge).look(mapped)
    assert resident_bytes(path) < path.stat().st_size / 4
    np.testing.assert_array_equal(looks.features, Judge(judge).look(np.array(mapped)).features)


def test_looks_can_be_chosen(judge, rng):
    looks = Judge(judge).look(rng.integers(0, 256, (5, 128, 128, 3)).astype(np.uint8))
    assert np.array_equal(looks[np.array([3, 3])].features, looks.features[[3, 3]])


def test_the_default_judge_gives_features():
    from s2i_tf import features

    judge = Judge(features.load_classifier("efficientnet_lite0", weights="random:0"))
    looks = judge.look(np.zeros((1, 16, 16, 3), np.uint8))
    assert judge.layer == PENULTIMATE
    assert looks.features.shape == (1, 1280)
