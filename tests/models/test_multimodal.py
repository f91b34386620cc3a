import keras
import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.models.multimodal import MultimodalLayers


@pytest.fixture
def layers():
    model = MultimodalLayers(3, hidden_units=16, scaling="none")
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


def test_shapes_are_the_paper_s(features):
    layers = MultimodalLayers(3)
    layers.build()
    hidden = layers.hidden_of_sound(features[0])
    assert hidden.before.shape == hidden.after.shape == (4, 4096)
    assert layers.labels(hidden).shape == (4, 3)


def test_the_condition_is_standardised_once_adapted(layers, features):
    layers = MultimodalLayers(3, hidden_units=16)
    layers.build()
    layers.adapt(features[0], features[1])
    layers.adapt_condition(features[0])
    condition = np.asarray(layers.condition_of_sound(features[0]))
    np.testing.assert_allclose(condition.mean(axis=0), 0, atol=1e-4)


def test_a_smaller_hidden_layer_gives_vectors_and_conditions_of_its_size(features):
    layers = MultimodalLayers(3, hidden_units=6)
    layers.build()
    assert layers.hidden_units == 6
    assert layers.hidden_of_image(features[0]).after.shape == (4, 6)
    assert layers.condition_of_sound(features[0]).shape == (4, 6)


def lengths(vectors):
    return np.linalg.norm(np.asarray(vectors), axis=1)


def hidden_layers(layers, features):
    sound, image = layers.hidden_of_sound(features[0]), layers.hidden_of_image(features[1])
    return sound, image, layers.hidden_of_both(sound, image)


def test_normalised_vectors_have_one_length_for_each_input_and_for_both(features):
    layers = MultimodalLayers(3, hidden_units=16, normalize="both")
    layers.build()
    for hidden in hidden_layers(layers, features):
        np.testing.assert_allclose(lengths(hidden.before), 4.0, rtol=1e-5)
        np.testing.assert_allclose(lengths(hidden.after), 4.0, rtol=1e-5)


def test_normalised_after_the_activation_alone_leaves_the_vector_before_it(features):
    plain, normalised = (
        MultimodalLayers(3, hidden_units=16, normalize=name) for name in ("none", "after")
    )
    for layers in (plain, normalised):
        layers.build()
    normalised.set_weights(plain.get_weights())
    found = zip(hidden_layers(plain, features), hidden_layers(normalised, features), strict=True)
    for expected, hidden in found:
        np.testing.assert_allclose(hidden.before, expected.before, rtol=1e-5)
        np.testing.assert_allclose(lengths(hidden.after), 4.0, rtol=1e-5)


def test_what_gans_are_given_is_the_normalised_vector_before_the_activation(features):
    layers = MultimodalLayers(3, hidden_units=16, normalize="both")
    layers.build()
    before = np.asarray(layers.hidden_of_sound(features[0]).before)
    np.testing.assert_array_equal(layers.condition_of_sound(features[0]), before)


def test_dropout_acts_in_training_alone(layers, features):
    dropping = MultimodalLayers(
        3, hidden_units=16, scaling="none", input_dropout=0.5, hidden_dropout=0.5
    )
    dropping.build()
    dropping.set_weights(layers.get_weights())
    inputs = {"sound_features": features[0], "image_features": features[1]}
    np.testing.assert_array_equal(dropping(inputs), layers(inputs))
    sound = dropping.hidden_of_sound(features[0], training=True)
    assert not np.allclose(sound.before, layers.hidden_of_sound(features[0]).before)
    assert not np.allclose(dropping.labels(sound, training=True), dropping.labels(sound))


@pytest.mark.parametrize("activation", spec.ACTIVATIONS)
def test_every_activation_is_keras_own_by_that_name(activation, features):
    layers = MultimodalLayers(3, hidden_units=4, activation=activation)
    layers.build()
    hidden = layers.hidden_of_sound(features[0])
    expected = getattr(keras.activations, activation)(hidden.before)
    np.testing.assert_allclose(hidden.after, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [({"activation": "step"}, "known: elu, gelu"), ({"normalize": "l2"}, "known: after, both")],
)
def test_an_unknown_name_is_refused(setting, message):
    with pytest.raises(UserError, match=message):
        MultimodalLayers(3, **setting)


def test_layers_survive_keras_files(tmp_path, features):
    layers = MultimodalLayers(
        3, hidden_units=5, activation="gelu", normalize="both", input_dropout=0.5
    )
    layers.build()
    layers.adapt(features[0], features[1])
    layers.adapt_condition(features[0])
    layers.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert again.get_config() == layers.get_config()
    condition = layers.condition_of_sound(features[1])
    np.testing.assert_allclose(again.condition_of_sound(features[1]), condition, rtol=1e-6)


def test_conditions_of_scaled_features_are_those_of_the_features(rng):
    layers = MultimodalLayers(2, hidden_units=8, scaling="log_standardize", normalize="both")
    layers.build()
    sounds, images = rng.normal(3.0, 2.0, size=(2, 5, 4096)).astype(np.float32)
    layers.adapt(sounds, images)
    layers.adapt_condition(sounds)
    for modality, features in (("sound", sounds), ("image", images)):
        scaled = getattr(layers, f"{modality}_scaler")(features)
        plain = getattr(layers, f"condition_of_{modality}")(features)
        again = getattr(layers, f"condition_of_scaled_{modality}")(scaled)
        np.testing.assert_allclose(plain, again, atol=1e-5)
        hidden = getattr(layers, f"hidden_of_{modality}")(features).before
        np.testing.assert_allclose(plain, layers.condition_scaler(hidden), atol=1e-5)
