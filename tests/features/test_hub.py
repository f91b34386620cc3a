"""Nets from a SavedModel's folder, by the conventions of TF-Hub."""

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import features, spec
from s2i_tf.errors import UserError
from s2i_tf.features import hub, labels, projection


class _Colours(tf.Module):
    """A linear map of a picture's mean colour."""

    def __init__(self, num_outputs, seed=0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.kernel = tf.Variable(rng.standard_normal((3, num_outputs), np.float32))

    def __call__(self, images):
        return {"logits": tf.reduce_mean(images, (1, 2))[:, :3] @ self.kernel}


@pytest.fixture
def save(tmp_path):
    def save(num_outputs, shape=(None, 32, 32, 3), seed=0):
        module = _Colours(num_outputs, seed)
        function = tf.function(module.__call__, [tf.TensorSpec(shape, tf.float32, "images")])
        folder = tmp_path / f"model_{num_outputs}_{seed}"
        tf.saved_model.save(module, str(folder), {"serving_default": function})
        return folder, np.array(module.kernel)

    return save


@pytest.fixture
def pictures(rng):
    return rng.integers(0, 256, (4, 40, 60, 3)).astype(np.uint8)


def expected(net, pictures, kernel):
    prepared = np.stack([net.prepare(picture) for picture in pictures])
    return prepared, (prepared / 255).mean((1, 2)) @ kernel


def test_a_background_class_is_dropped(save, pictures, monkeypatch):
    monkeypatch.setattr(labels, "load", labels.numbered)
    folder, kernel = save(1001)
    net = features.load_classifier(f"hub:{folder}")
    assert len(net.labels) == 1000
    prepared, scores = expected(net, pictures, kernel)
    assert prepared.shape == (4, 32, 32, 3)
    np.testing.assert_allclose(net(prepared), scores[:, 1:], atol=1e-5)


@pytest.mark.parametrize("num_labels", [1000, 7])
def test_other_classifiers_are_read_whole(save, pictures, monkeypatch, num_labels):
    monkeypatch.setattr(labels, "load", labels.numbered)
    folder, kernel = save(num_labels)
    net = features.load_classifier(f"hub:{folder}")
    assert len(net.labels) == num_labels
    prepared, scores = expected(net, pictures, kernel)
    np.testing.assert_allclose(net(prepared), scores, atol=1e-5)


@pytest.mark.parametrize("num_outputs", [4096, 6])
def test_an_extractor_gives_4096_values(save, pictures, num_outputs):
    folder, kernel = save(num_outputs)
    net = features.load_extractor(f"hub:{folder}")
    prepared, values = expected(net, pictures, kernel)
    got = net(prepared)
    assert got.shape == (4, spec.FEATURE_SIZE)
    if num_outputs != spec.FEATURE_SIZE:
        values = values @ projection.orthogonal(num_outputs, spec.FEATURE_SIZE)
    np.testing.assert_allclose(got, values, atol=1e-5)


def test_a_model_of_any_size_gets_the_default(save, pictures):
    folder, _ = save(7, shape=(None, None, None, 3))
    assert features.load_classifier(f"hub:{folder}").prepare(pictures[0]).shape == (
        hub.DEFAULT_SIDE,
        hub.DEFAULT_SIDE,
        3,
    )


def test_fingerprint_follows_the_weights(save):
    folders = [save(6, seed=seed)[0] for seed in (0, 1)]
    first, second = (features.load_extractor(f"hub:{folder}").fingerprint for folder in folders)
    assert first.weights_sha256 != second.weights_sha256
    assert first == features.load_extractor(f"hub:{folders[0]}").fingerprint


def test_mistakes_are_told(save, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="not a SavedModel"):
        features.load_extractor(f"hub:{tmp_path / 'empty'}")
    with pytest.raises(UserError, match="neither a folder nor a handle"):
        features.load_extractor("hub:no_such_folder")
    folder, _ = save(6, shape=(None, 3, 32, 32))
    with pytest.raises(UserError, match="allowed: float32"):
        features.load_extractor(f"hub:{folder}")
    with pytest.raises(UserError, match="its own"):
        features.load_extractor(f"hub:{folder}", weights="random:0")
