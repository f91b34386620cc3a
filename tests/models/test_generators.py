import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.models import (
    DISCRIMINATORS,
    GENERATORS,
    build_discriminator,
    build_generator,
    takes_vector,
)
from s2i_tf.models.layers import NORMS, drawn_layers, drawn_masks

SIDE = 32
MAP_GENERATORS = [name for name in GENERATORS if not takes_vector(name)]
MAP_DISCRIMINATORS = [name for name in DISCRIMINATORS if not takes_vector(name)]


def pictures(rng, channels, num=2):
    return rng.normal(size=(num, SIDE, SIDE, channels)).astype(np.float32)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", MAP_GENERATORS)
def test_a_gradient_reaches_every_variable_of_a_generator(name, norm, rng):
    model = build_generator(name, (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, norm=norm, seed=0)
    with tf.GradientTape() as tape:
        out = model(pictures(rng, 1), training=True)
        loss = tf.reduce_sum(out * pictures(rng, 3))
    assert out.shape == (2, SIDE, SIDE, 3)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        if "norm" not in variable.path and not variable.path.endswith("bias"):
            assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", MAP_DISCRIMINATORS)
def test_a_gradient_reaches_every_variable_of_a_discriminator(name, norm, rng):
    model = build_discriminator(name, (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, norm=norm)
    with tf.GradientTape() as tape:
        scores = model([pictures(rng, 1), pictures(rng, 3)], training=True)
        loss = tf.reduce_mean(scores**2)
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None for gradient in gradients)


def test_the_paper_s_networks_have_the_published_sizes():
    generator = build_generator("unet", (128, 128, 1), (128, 128, 1))
    discriminator = build_discriminator("patchgan", (128, 128, 1), (128, 128, 3))
    assert round(generator.count_params() / 1e6, 1) == 41.8
    assert round(discriminator.count_params() / 1e6, 2) == 2.77
    assert discriminator.output_shape == (None, 14, 14, 1)


def test_a_patch_sees_seventy_pixels():
    model = build_discriminator("patchgan", (128, 128, 1), (128, 128, 1), filters=2, norm="none")
    condition = tf.zeros((1, 128, 128, 1))
    target = tf.Variable(np.random.default_rng(1).normal(size=(1, 128, 128, 1)).astype(np.float32))
    with tf.GradientTape() as tape:
        score = model([condition, target])[0, 7, 7, 0]
    touched = np.argwhere(np.abs(tape.gradient(score, target)[0, :, :, 0]) > 0)
    assert list(touched.max(axis=0) - touched.min(axis=0) + 1) == [70, 70]


def test_inference_is_deterministic_and_independent_of_the_batch(rng):
    model = build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, seed=0)
    x = pictures(rng, 1, num=3)
    together = model(x, training=False)
    np.testing.assert_array_equal(together, model(x, training=False))
    np.testing.assert_allclose(together[1:2], model(x[1:2], training=False), atol=1e-6)


def test_drawn_masks_vary_with_the_seed_alone(rng):
    keras.utils.set_random_seed(0)
    model = build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, seed=0)
    for variable in model.trainable_variables:  # large weights, so that a mask shows
        variable.assign(variable * 20)
    x = pictures(rng, 1, num=3)
    plain = model(x, training=False).numpy()
    with drawn_masks([[0, 1]], model):
        one = model(x, training=False).numpy()
        alone = model(x[2:], training=False).numpy()
    with drawn_masks([[0, 2]], model):
        two = model(x, training=False).numpy()
    with drawn_masks([[0, 1], [0, 2], [0, 1]], model):
        mixed = model(x, training=False).numpy()
    np.testing.assert_allclose(one[2:], alone, atol=1e-5)
    np.testing.assert_allclose(mixed, [one[0], two[1], one[2]], atol=1e-5)
    assert np.abs(one - two).max() > 1e-3
    assert np.abs(one - plain).max() > 1e-3
    np.testing.assert_array_equal(model(x, training=False), plain)


def test_without_dropout_there_are_no_masks_to_draw():
    assert (
        drawn_layers(
            build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 3), filters=4, dropout=0.0)
        )
        == []
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: build_generator("vnet", (SIDE, SIDE, 1), (SIDE, SIDE, 3)),
            "unknown generator 'vnet'; known: ",
        ),
        (
            lambda: build_discriminator("pixel", (SIDE, SIDE, 1), (SIDE, SIDE, 3)),
            "unknown discriminator",
        ),
        (
            lambda: build_generator("unet", (SIDE, SIDE, 1), (SIDE, SIDE, 3), norm="layer"),
            "known: batch, instance, none",
        ),
        (lambda: build_generator("unet", (48, 48, 1), (48, 48, 3)), "power of two, got 48"),
    ],
)
def test_what_cannot_be_built_is_named(build, message):
    with pytest.raises(UserError, match=message):
        build()
