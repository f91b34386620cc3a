import numpy as np
import pytest

from s2i_tf.models.multimodal import MultimodalLayers


@pytest.fixture
def layers():
    model = MultimodalLayers(3, scaling="none")
    model.build()
    return model


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, 4, 4096)).astype(np.float32)


def test_equal_contributions_make_both_equal_to_each(layers, features):
    sound = layers.hidden_of_sound(features[0])
    both = layers.hidden_of_both(sound, sound)
    np.testing.assert_allclose(both.before, sound.before, rtol=1e-6)
    np.testing.assert_allclose(both.after, sound.after, rtol=1e-6)


def test_both_is_half_of_the_summed_inputs(layers, features):
    sound, image = layers.hidden_of_sound(features[0]), layers.hidden_of_image(features[1])
    both = layers.hidden_of_both(sound, image)
    total = np.asarray(sound.before) + np.asarray(image.before)
    np.testing.assert_allclose(both.before, total / 2, rtol=1e-5)
    np.testing.assert_allclose(both.after, np.maximum(total, 0) / 2, rtol=1e-5)


def test_shapes_are_the_paper_s(layers, features):
    hidden = layers.hidden_of_sound(features[0])
    assert hidden.before.shape == hidden.after.shape == (4, 4096)
    assert layers.labels(hidden).shape == (4, 3)


def test_the_condition_is_standardised_once_adapted(layers, features):
    layers = MultimodalLayers(3)
    layers.build()
    layers.adapt(features[0], features[1])
    layers.adapt_condition(features[0])
    condition = np.asarray(layers.condition_of_sound(features[0]))
    np.testing.assert_allclose(condition.mean(axis=0), 0, atol=1e-4)
