import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.models import build_generator
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_index import SoundIndex
from s2i_tf.models.sound_to_image import SoundToImage, find_model


def toy_model(dropout=0.5):
    keras.utils.set_random_seed(0)
    layers = MultimodalLayers(3)
    layers.build()
    generators = [
        build_generator(
            "unet",
            (128, 128, 1),
            (128, 128, channels),
            filters=2,
            dropout=dropout,
            output_activation=activation,
            seed=0,
        )
        for channels, activation in ((1, "linear"), (3, "tanh"))
    ]
    for generator in generators:
        for variable in generator.trainable_variables:
            variable.assign(variable * 10)
    return SoundToImage(
        layers,
        *generators,
        class_names=("a", "b", "c"),
        fingerprints={"sound_fingerprint": "s", "image_fingerprint": "i"},
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
        recipe={"image_gan": {"l1_weight": 4.0}},
    )


@pytest.fixture(scope="module")
def model():
    return toy_model()


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture(scope="module")
def compact(model, tmp_path_factory):
    return model.save(tmp_path_factory.mktemp("compact") / "model", compact=True)


@pytest.fixture
def features(rng):
    return rng.normal(size=(3, 4096)).astype(np.float32)


def test_pictures_are_in_range_and_deterministic(model, features):
    pictures = model.generate(features)
    assert pictures.shape == (3, 128, 128, 3)
    assert pictures.dtype == np.float32
    assert pictures.min() >= 0 and pictures.max() <= 1
    np.testing.assert_array_equal(pictures, model.generate(features))


def test_further_samples_differ_but_repeat(model, features):
    assert model.stochastic
    first, second = (model.generate(features, sample=sample) for sample in (0, 1))
    assert np.abs(first - second).mean() > 1e-4
    np.testing.assert_array_equal(second, model.generate(features, sample=1))
    assert np.abs(second - model.generate(features, sample=1, seed=7)).mean() > 1e-4


def test_a_model_without_dropout_refuses_a_second_sample(features):
    model = toy_model(dropout=0.0)
    assert not model.stochastic
    with pytest.raises(UserError, match="one picture a sound"):
        model.generate(features, sample=1)


def test_a_saved_model_gives_the_same_numbers(model, saved, features):
    again = SoundToImage.load(saved)
    np.testing.assert_allclose(again.generate(features), model.generate(features), atol=1e-6)
    np.testing.assert_allclose(
        again.embed_image(features).after, model.embed_image(features).after, atol=1e-5
    )
    assert again.class_names == model.class_names
    assert again.fingerprints == model.fingerprints


def test_a_saved_model_keeps_its_recipe(model, compact):
    assert SoundToImage.load(compact).recipe == model.recipe == {"image_gan": {"l1_weight": 4.0}}


def test_a_run_s_folder_stands_for_its_model(saved):
    assert find_model(saved) == find_model(saved.parent) == saved


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(UserError, match="no trained model here"):
        SoundToImage.load(tmp_path)


def test_a_model_of_another_version_is_refused(saved, tmp_path):
    description = json.loads((saved / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(description | {"version": 99}))
    with pytest.raises(UserError, match="version 99; allowed: 1"):
        SoundToImage.load(tmp_path)


def test_a_damaged_part_is_refused_by_name(saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "model")
    part = folder / "image_generator.keras"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"image_generator\.keras: cannot be read"):
        SoundToImage.load(folder)


def test_a_model_of_both_directions_keeps_the_second_in_its_file(model, features, tmp_path, rng):
    reverse = build_generator("feature_decoder", (4096,), (4096,), filters=2)
    sounds = rng.normal(size=(4, 4096)).astype(np.float32)
    ids = [f"sounds/{number}.wav" for number in range(4)]
    both = dataclasses.replace(
        model,
        reverse_generator=reverse,
        sound_index=SoundIndex.of(sounds, ids, ids, np.zeros(4)),
    )
    again = SoundToImage.load(both.save(tmp_path / "model"))
    for one, other in zip(
        both.nearest_sounds(features, 2), again.nearest_sounds(features, 2), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    made = again.sound_of_image_features(features)
    assert made.shape == (3, 4096)
    expected = again.sound_index.nearest(np.asarray(made), 2)[0]
    np.testing.assert_array_equal(again.nearest_sounds(features, 2)[0], expected)


def test_a_model_of_one_direction_says_so(saved, features):
    model = SoundToImage.load(saved)
    assert not (saved / "sound_index.npz").exists() and model.reverse_generator is None
    with pytest.raises(UserError, match="from sound to image only"):
        model.nearest_sounds(features)


def test_a_compact_model_is_small_and_nearly_the_same(model, saved, compact, features):
    sizes = [sum(path.stat().st_size for path in folder.iterdir()) for folder in (saved, compact)]
    assert sizes[1] < 0.6 * sizes[0]
    again = SoundToImage.load(compact)
    np.testing.assert_allclose(
        again.embed_sound(features).after, model.embed_sound(features).after, atol=0.02
    )
    # The toy's large weights drive single pixels from one end to the other.
    for sample in (0, 1):
        one, other = (each.generate(features, sample=sample) for each in (model, again))
        assert np.abs(one - other).mean() < 0.01


def test_a_damaged_compact_part_is_refused_by_name(compact, tmp_path):
    folder = shutil.copytree(compact, tmp_path / "model")
    part = folder / "multimodal.npz"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"multimodal\.npz: cannot be read"):
        SoundToImage.load(folder)


def test_a_weight_that_float16_cannot_hold_is_refused(tmp_path):
    model = toy_model()
    bias = model.multimodal.sound_layer.bias
    bias.assign(np.full(bias.shape, 1e6, np.float32))
    with pytest.raises(UserError, match="multimodal: .* too large for float16"):
        model.save(tmp_path / "model", compact=True)
    assert not (tmp_path / "model").exists()
