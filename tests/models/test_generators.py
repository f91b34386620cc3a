import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.models import GENERATORS, OF_VECTORS, build_generator
from s2i_tf.models.layers import drawn_layers, drawn_masks
from s2i_tf.models.norms import NORMS
from s2i_tf.training.stages.gan_stage import dtype_policy

SIDE = 32
CONDITION, TARGET = (SIDE, SIDE, 1), (SIDE, SIDE, 3)
OF_MAPS = ("unet", "encoder_decoder", "resize_unet")


def build(name="unet", **settings):
    keras.utils.set_random_seed(0)
    return build_generator(name, CONDITION, TARGET, filters=4, seed=0, **settings)


def pictures(rng, channels, num=2):
    return rng.normal(size=(num, SIDE, SIDE, channels)).astype(np.float32)


def test_these_are_all_the_generators_of_maps():
    assert set(GENERATORS) - set(OF_VECTORS) == set(OF_MAPS)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", OF_MAPS)
def test_a_gradient_reaches_every_variable_of_a_generator(name, norm, rng):
    model = build(name, norm=norm)
    with tf.GradientTape() as tape:
        out = model(pictures(rng, 1), training=True)
        loss = tf.reduce_sum(out * pictures(rng, 3))
    assert out.shape == (2, SIDE, SIDE, 3)
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        assert gradient is not None, variable.path
        # A bias before a norm of activations has no effect.
        if not variable.path.endswith("bias"):
            assert np.abs(gradient).max() > 0, variable.path


def test_the_paper_s_generator_has_the_published_size():
    model = build_generator("unet", (128, 128, 1), (128, 128, 1))
    assert round(model.count_params() / 1e6, 1) == 41.8


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", OF_MAPS)
def test_inference_is_deterministic_independent_of_the_batch_and_survives_its_file(
    name, norm, rng, tmp_path
):
    model = build(name, norm=norm)
    x = pictures(rng, 1, num=3)
    model(x, training=True)  # so that norms have seen something
    together = model(x, training=False)
    np.testing.assert_array_equal(together, model(x, training=False))
    np.testing.assert_allclose(together[1:2], model(x[1:2], training=False), atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(together, loaded(x, training=False))


@pytest.mark.parametrize("name", OF_MAPS)
def test_pictures_are_float32_and_finite_in_half_precision(name, rng):
    with dtype_policy("mixed_bfloat16"):
        model = build(name, norm="spectral")
    out = model(pictures(rng, 1), training=True)
    assert out.dtype == tf.float32
    assert np.isfinite(out).all()


def test_only_the_unet_has_skips():
    skips = [layer.name for layer in build("encoder_decoder").layers if layer.name.endswith("skip")]
    assert skips == []
    assert build("unet").count_params() > build("encoder_decoder").count_params()


@pytest.mark.parametrize(("name", "even"), [("unet", False), ("resize_unet", True)])
def test_resizing_lays_no_checkerboard_over_a_constant_map(name, even):
    model = build(name, norm="none")
    last = keras.Model(model.get_layer("out_relu").output, model.get_layer("out_conv").output)
    out = last(np.ones((1, *last.input_shape[1:]), np.float32)).numpy()
    inside = out[0, 2:-2, 2:-2]
    assert bool(np.ptp(inside, axis=(0, 1)).max() < 1e-5) is even


def test_drawn_masks_vary_with_the_seed_alone(rng):
    model = build()
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
    assert drawn_layers(build(dropout=0.0)) == []


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: build("vnet"), "unknown generator 'vnet'; known: .*unet"),
        (lambda: build(norm="layer"), "known: batch, instance, none, spectral"),
        (lambda: build_generator("unet", (48, 48, 1), (48, 48, 3)), "power of two, got"),
        (lambda: build_generator("unet", (64, 64, 1), (32, 32, 3)), "maps of maps of one side"),
        (lambda: build_generator("unet", (4096,), (32, 32, 3)), r"got \(4096,\)"),
    ],
)
def test_what_cannot_be_built_is_named(make, message):
    with pytest.raises(UserError, match=message):
        make()
