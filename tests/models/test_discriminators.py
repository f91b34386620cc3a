import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.models import DISCRIMINATORS, OF_VECTORS, build_discriminator
from s2i_tf.models.layers import feature_extractor
from s2i_tf.models.norms import NORMS
from s2i_tf.training.stages.gan_stage import dtype_policy

SIDE = 32
CONTEXT, TARGET = (SIDE, SIDE, 1), (SIDE, SIDE, 3)
OF_MAPS = ("patchgan", "multiscale", "autoencoder")


def build(name, norm="batch", num_layers=2, target=TARGET):
    keras.utils.set_random_seed(0)
    return build_discriminator(name, CONTEXT, target, filters=4, num_layers=num_layers, norm=norm)


@pytest.fixture
def pair(rng):
    return [rng.normal(size=(3, *shape)).astype(np.float32) for shape in (CONTEXT, TARGET)]


def test_these_are_all_the_discriminators_of_maps():
    assert set(DISCRIMINATORS) - set(OF_VECTORS) == set(OF_MAPS)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", OF_MAPS)
def test_a_gradient_reaches_every_variable_and_both_inputs(name, norm, pair):
    model = build(name, norm)
    pair = [tf.constant(maps) for maps in pair]
    with tf.GradientTape() as tape:
        tape.watch(pair)
        loss = tf.reduce_mean((model(pair, training=True) - 1) ** 2)
    watched = [*model.trainable_variables, *pair]
    for variable, gradient in zip(watched, tape.gradient(loss, watched), strict=True):
        name = getattr(variable, "path", "input")
        assert gradient is not None, name
        # A bias before a norm has no effect.
        if norm == "none" or not name.endswith("bias"):
            assert np.abs(gradient).max() > 0, name


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", OF_MAPS)
def test_inference_is_deterministic_independent_of_the_batch_and_survives_its_file(
    name, norm, pair, tmp_path
):
    model = build(name, norm)
    model(pair, training=True)  # so that norms have seen something
    scores = model(pair, training=False)
    np.testing.assert_array_equal(scores, model(pair, training=False))
    alone = model([maps[1:2] for maps in pair], training=False)
    np.testing.assert_allclose(scores[1:2], alone, atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(scores, loaded(pair, training=False))


@pytest.mark.parametrize("name", OF_MAPS)
def test_scores_are_float32_and_finite_in_half_precision(name, pair):
    with dtype_policy("mixed_bfloat16"):
        model = build(name, "spectral")
    scores = model(pair, training=True)
    assert scores.dtype == tf.float32
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("name", OF_MAPS)
def test_a_gradient_penalty_can_be_differentiated(name, pair):
    model = build(name, "instance")
    context, target = (tf.constant(maps) for maps in pair)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(target)
            scores = tf.reduce_sum(model([context, target], training=True))
        penalty = tf.reduce_mean(inner.gradient(scores, target) ** 2)
    gradients = outer.gradient(penalty, model.trainable_variables)
    assert any(gradient is not None and np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("name", OF_MAPS)
def test_features_come_with_the_same_scores_from_the_same_weights(name, pair):
    model = build(name)
    extractor = feature_extractor(model)
    assert {id(one) for one in extractor.variables} == {id(one) for one in model.variables}
    scores, *features = extractor(pair, training=False)
    np.testing.assert_allclose(scores, model(pair, training=False), atol=1e-6)
    assert len(features) >= 3
    assert all(len(feature) == len(pair[0]) for feature in features)


@pytest.mark.parametrize("num_layers", [1, 2, 3, 4, 5])
def test_layers_decide_what_a_patch_sees(num_layers):
    side = 128
    model = build_discriminator(
        "patchgan", (side, side, 1), (side, side, 1), filters=2, num_layers=num_layers, norm="none"
    )
    context = tf.zeros((1, side, side, 1))
    target = tf.Variable(np.random.default_rng(1).normal(size=(1, side, side, 1)), dtype="float32")
    with tf.GradientTape() as tape:
        scores = model([context, target])
        middle = scores.shape[1] // 2
        score = scores[0, middle, middle, 0]
    touched = np.argwhere(np.abs(tape.gradient(score, target)[0, :, :, 0]) > 0)
    seen = touched.max(axis=0) - touched.min(axis=0) + 1
    expected = {1: 16, 2: 34, 3: 70}.get(num_layers)
    if expected is None:  # 142 and 286 pixels, so the border cuts a patch
        assert seen.min() > 70
    else:
        assert list(seen) == [expected, expected]


def test_the_paper_s_discriminator_has_the_published_size():
    model = build_discriminator("patchgan", (128, 128, 1), (128, 128, 3))
    assert round(model.count_params() / 1e6, 2) == 2.77
    assert model.output_shape == (None, 14, 14, 1)


def test_both_scales_have_the_same_say_and_the_coarse_one_sees_more(pair):
    model = build_discriminator("multiscale", (128, 128, 1), (128, 128, 3), filters=2)
    assert model.output_shape == (None, 14, 14, 2)
    model = build("multiscale", "none", num_layers=1)
    context, target = (tf.constant(maps) for maps in pair)
    reach = []
    for scale in range(2):
        with tf.GradientTape() as tape:
            tape.watch(target)
            scores = model([context, target])
            score = scores[0, 7, 7, scale]
        reach.append(np.count_nonzero(np.any(tape.gradient(score, target)[0] != 0, axis=(0, 2))))
        assert len(np.unique(scores[0, :, :, scale])) > 1
    assert reach[1] > reach[0]


def test_an_autoencoder_scores_by_the_distance_to_its_reproduction(pair):
    model = build("autoencoder")
    reproduction = keras.Model(model.inputs, model.get_layer("reproduction").output)(pair)
    np.testing.assert_allclose(model(pair), -np.abs(pair[1] - reproduction), atol=1e-6)
    assert reproduction.shape == pair[1].shape


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build_discriminator("pixel", CONTEXT, TARGET), "unknown discriminator 'pixel'"),
        (lambda: build("patchgan", norm="layer"), "known: batch, instance, none, spectral"),
        (lambda: build("patchgan", num_layers=4), "leave nothing of maps of 32×32; .* at least 48"),
        (lambda: build("multiscale", num_layers=3), "leave nothing of maps of 16×16"),
        (lambda: build("autoencoder", num_layers=6), "cannot halve .* divisible by 64"),
        (lambda: build("patchgan", target=(4096,)), r"two maps of one side, got \(32, 32, 1\) and"),
    ],
)
def test_what_cannot_be_built_is_named(make, message):
    with pytest.raises(UserError, match=message):
        make()
