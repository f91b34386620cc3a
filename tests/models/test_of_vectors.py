"""The architectures that take features as they are: `decoder`, `projected` and their like."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from s2i_tf import models, spec
from s2i_tf.errors import UserError
from s2i_tf.kernels import fused
from s2i_tf.models import part_file
from s2i_tf.models.decoder import Modulation, TilesToGrid
from s2i_tf.models.layers import ConditioningNoise, Typical, drawn_masks, feature_extractor
from s2i_tf.training.stages.gan_stage import dtype_policy

VECTOR, FEATURES = (6,), (spec.FEATURE_SIZE,)
MAPS = [(16, 16, 5), (8, 8, 6), (4, 4, 7)]
# Of each: what it is given, what it makes or looks at, a norm.
GENERATORS = {
    "decoder": (FEATURES, (32, 32, 3), ("batch", "spectral")),
    "modulated_decoder": (FEATURES, (32, 32, 3), ("none",)),
    "feature_decoder": (VECTOR, FEATURES, ("batch", "none")),
}
DISCRIMINATORS = {
    "projected": (VECTOR, MAPS, ("spectral", "none")),
    "feature_critic": (VECTOR, FEATURES, ("spectral", "none")),
}
CASES = [
    (name, norm)
    for known in (GENERATORS, DISCRIMINATORS)
    for name, (_, _, norms) in known.items()
    for norm in norms
]


def build(name, norm):
    keras.utils.set_random_seed(0)
    if name in GENERATORS:
        return models.build_generator(
            name, *GENERATORS[name][:2], filters=4, norm=norm, dropout=0.0, seed=0
        )
    return models.build_discriminator(name, *DISCRIMINATORS[name][:2], filters=4, norm=norm)


def inputs(name, rng, num=3):
    given, seen, _ = {**GENERATORS, **DISCRIMINATORS}[name]
    shapes = [given]
    if name in DISCRIMINATORS:
        shapes += seen if isinstance(seen, list) else [seen]
    arrays = [rng.normal(size=(num, *shape)).astype(np.float32) for shape in shapes]
    if name in GENERATORS:
        return arrays[0]
    return arrays if len(arrays) == 2 else [arrays[0], arrays[1:]]


def first(x, num=1):
    return tf.nest.map_structure(lambda one: one[:num], x)


def test_these_are_all_the_architectures_of_vectors():
    assert set(models.OF_VECTORS) == {name for name, _ in CASES}


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_a_gradient_reaches_every_variable(name, norm, rng):
    model = build(name, norm)
    for variable in model.trainable_variables:  # some are zero at first, and stop gradients
        variable.assign_add(0.01 * rng.normal(size=variable.shape))
    with tf.GradientTape() as tape:
        out = model(inputs(name, rng), training=True)
        loss = tf.reduce_mean(out * rng.normal(size=out.shape))
    variables = model.trainable_variables
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, variable.path
        if norm != "batch" or not variable.path.endswith("bias"):
            assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize(("name", "norm"), CASES)
def test_inference_is_deterministic_independent_of_the_batch_and_survives_its_file(
    name, norm, rng, tmp_path
):
    model = build(name, norm)
    x = inputs(name, rng)
    model(x, training=True)  # so that norms have seen something
    out = model(x, training=False)
    np.testing.assert_array_equal(out, model(x, training=False))
    np.testing.assert_allclose(out[:1], model(first(x), training=False), rtol=1e-4, atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(out, loaded(x, training=False))


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_what_a_discriminator_is_told_changes_its_scores(name, rng):
    model = build(name, "spectral")
    told, seen = inputs(name, rng)
    one = model([told, seen])
    assert np.abs(one - model([told[::-1], seen]))[0].max() > 1e-4
    scores, *features = feature_extractor(model)([told, seen])
    np.testing.assert_allclose(scores, one, atol=1e-6)
    assert len(features) >= 3


def test_noise_varies_with_the_draw_and_is_fixed_without_one(rng):
    model = build("feature_decoder", "batch")
    x = inputs("feature_decoder", rng)
    plain = model(x, training=False).numpy()
    with drawn_masks([[0, 1]], model):
        one = model(x, training=False).numpy()
        alone = model(x[2:], training=False).numpy()
    with drawn_masks([[0, 2]], model):
        two = model(x, training=False).numpy()
    np.testing.assert_allclose(one[2:], alone, rtol=1e-4, atol=1e-4)
    assert np.abs(one - two).max() > 1e-2
    np.testing.assert_array_equal(plain, model(x, training=False))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_noise_in_half_precision(training, precision, rng):
    layer = ConditioningNoise(8, dtype=precision)
    condition = rng.normal(size=(3, 5)).astype(np.float32)
    model = keras.Sequential([keras.Input((5,)), layer])
    half = precision.removeprefix("mixed_")
    assert keras.backend.standardize_dtype(model(condition, training=training).dtype) == half
    with drawn_masks([[0, 1]], model):
        drawn = np.asarray(ops.cast(model(condition), "float32"))
    assert np.abs(drawn).max() <= 1.42
    np.testing.assert_array_equal(drawn[0], drawn[1])


@pytest.mark.parametrize("scale", [0.0, 0.5])
def test_noise_can_be_smaller_at_inference_than_in_training(scale, rng):
    model = models.build_generator("feature_decoder", VECTOR, FEATURES, noise_scale=scale)
    noise = model.get_layer("noise")
    x = rng.normal(size=(500, 6)).astype(np.float32)
    assert np.isclose(np.std(noise(x, training=True)), 1.0, atol=0.02)
    assert np.isclose(np.std(noise(x)), scale, atol=0.02)
    with drawn_masks(np.stack([np.arange(500), np.ones(500)], axis=1).astype(int), model):
        assert np.isclose(np.std(noise(x)), scale, atol=0.02)


def test_vectors_move_to_the_centre_that_they_are_near_to():
    layer = Typical(2, share=0.5)
    centres = np.array([[1, 0], [0, 1]], np.float32)
    layer.build((None, 2))
    layer.centres.assign(centres)
    given = np.array([[0.9, 0.1], [0.2, 0.7], [0.5, 0.5], [1, 0]], np.float32)
    expected = (given + [centres[0], centres[1], [0.5, 0.5], centres[0]]) / 2
    np.testing.assert_allclose(layer(given), expected, atol=5e-3)
    # By hand where it is not clear: squared distances 0.32 and 0.72, so means 0.2 apart.
    weight = 1 / (1 + np.exp(-0.2 / 0.1))
    moved = layer(np.array([[0.6, 0.4]], np.float32))[0]
    np.testing.assert_allclose(moved, [(0.6 + weight) / 2, (1.4 - weight) / 2], atol=1e-5)


def test_typical_features_survive_their_file_and_have_noise_of_their_own(rng, tmp_path):
    model = models.build_generator(
        "feature_decoder", VECTOR, FEATURES, typicality=1.0, num_classes=2, filters=4, seed=0
    )
    model.get_layer("typical").centres.assign(np.eye(2, 6) * 3)
    model.save(tmp_path / "model.keras")
    x = np.eye(2, 6, dtype=np.float32)[[0, 0]] * 3
    x[1, 5] = 0.1  # nearly the same sound
    typical = model.get_layer("typical")(x)
    np.testing.assert_allclose(typical[0], typical[1], atol=1e-4)
    out = keras.saving.load_model(tmp_path / "model.keras")(x)
    np.testing.assert_allclose(out, model(x), atol=1e-6)
    assert np.abs(out[0] - out[1]).max() > 0.01


def test_every_place_of_a_modulated_decoder_knows_the_whole(rng):
    features = rng.normal(size=(1, *FEATURES)).astype(np.float32)
    other = features.copy()
    other[0, -1] += 1  # of the last place alone
    changed = {}
    for name in ("decoder", "modulated_decoder"):
        model = build(name, "none")
        for layer in model.layers:
            if isinstance(layer, Modulation):
                layer.dense.kernel.assign(rng.normal(size=layer.dense.kernel.shape))
        changed[name] = np.abs(model(features) - model(other))[0, 0, 0].max()
    assert changed["decoder"] == 0 < changed["modulated_decoder"]


def test_modulation_scales_and_shifts_channels_by_the_vector():
    maps, vector = np.array([[[[1.0, 10.0]]]], np.float32), np.array([[2.0]], np.float32)
    layer = Modulation()
    np.testing.assert_array_equal(layer([maps, vector]), maps)
    layer.dense.set_weights([np.array([[0.5, 1, 0, 0]]), np.array([0, 0, 3, -1])])
    # Factors 1 + 0.5 · 2 and 1 + 1 · 2, shifts 3 and -1.
    np.testing.assert_allclose(layer([maps, vector])[0, 0, 0], [2 * 1 + 3, 3 * 10 - 1])


def test_a_decoder_is_the_start_of_a_modulated_one(rng):
    plain, modulated = build("decoder", "none"), build("modulated_decoder", "none")
    for variable in plain.trainable_variables:
        variable.assign_add(rng.normal(size=variable.shape))
    part_file.copy_weights(plain, modulated)
    features = rng.normal(size=(2, *FEATURES)).astype(np.float32)
    np.testing.assert_allclose(plain(features), modulated(features), atol=1e-6)
    with pytest.raises(UserError, match="modulated_decoder is no start of decoder: No such layer"):
        part_file.copy_weights(modulated, plain)


@pytest.mark.parametrize("name", ["modulated_decoder", "projected"])
def test_activations_stay_in_float32_on_a_processor(name):
    if not fused.on_processor():
        pytest.skip("there is an accelerator here")
    with dtype_policy("mixed_bfloat16"):
        model = build(name, "none")
    dtypes = {type(layer).__name__: layer.compute_dtype for layer in model.layers}
    assert (dtypes["Conv2D"], dtypes["LeakyReLU"]) == ("bfloat16", "float32")


def test_tiles_become_places(rng):
    square = rng.normal(size=(1, spec.FEATURE_SIDE, spec.FEATURE_SIDE)).astype(np.float32)
    features = square.reshape(1, -1)
    grid = TilesToGrid()(features)
    np.testing.assert_array_equal(grid[0, 2, 5], square[0, 16:24, 40:48].reshape(-1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: models.build_generator("decoder", (6,), (32, 32, 3)), r"got a shape of \(6,\)"),
        (
            lambda: models.build_generator("decoder", FEATURES, (24, 24, 3)),
            "side of a decoder is 8, 16, 32, …, got 24",
        ),
        (lambda: build("projected", "batch"), "got norm 'batch'; allowed: spectral, none"),
        (
            lambda: models.build_discriminator("feature_critic", VECTOR, VECTOR),
            r"got targets of \(6,\); allowed: \(4096,\)",
        ),
    ],
)
def test_what_cannot_be_built_is_named(make, message):
    with pytest.raises(UserError, match=message):
        make()
