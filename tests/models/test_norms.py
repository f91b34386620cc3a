import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.kernels import fused
from s2i_tf.models.norms import BatchNorm, SpectralNorm


def largest_singular_value(kernel):
    return np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]


def settled(layer, x, num_steps=200):
    for _ in range(num_steps):
        layer(x, training=True)
    return layer


def conv(kind=keras.layers.Conv2D, **settings):
    keras.utils.set_random_seed(0)
    return SpectralNorm(
        kind(6, 3, padding="same", bias_initializer="random_normal", **settings), name="norm"
    )


@pytest.fixture
def x(rng):
    return rng.normal(size=(2, 8, 8, 4)).astype(np.float32)


@pytest.mark.parametrize("kind", [keras.layers.Conv2D, keras.layers.Conv2DTranspose])
def test_the_kernel_is_used_over_its_largest_singular_value(kind, x):
    layer = settled(conv(kind), x)
    plain = layer.layer
    expected = plain(x) - plain.bias
    expected = expected / largest_singular_value(plain.kernel.numpy()) + plain.bias
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_a_dense_layer_stretches_nothing(rng):
    layer = SpectralNorm(keras.layers.Dense(5, use_bias=False, kernel_initializer="normal"))
    settled(layer, np.eye(7, dtype=np.float32))
    matrix = layer(np.eye(7, dtype=np.float32)).numpy()
    assert np.isclose(largest_singular_value(matrix), 1.0, rtol=1e-4)


def test_a_pass_leaves_the_kernel_alone_and_only_training_moves_the_vector(x):
    layer = conv()
    layer(x)
    kernel, vector = layer.layer.kernel.numpy(), layer.vector.numpy()
    layer(x, training=False)
    np.testing.assert_array_equal(vector, layer.vector)
    layer(x, training=True)
    assert np.abs(vector - layer.vector).max() > 0.01
    np.testing.assert_array_equal(kernel, layer.layer.kernel)


def test_training_and_inference_give_the_same_numbers(x):
    layer = settled(conv(), x, num_steps=3)
    inference = layer(x, training=False)
    np.testing.assert_array_equal(inference, layer(x, training=True))


def test_the_gradient_goes_through_the_norm(x):
    layer = settled(conv(), x)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x) ** 2)
    kernel = layer.layer.kernel
    gradient = tape.gradient(loss, kernel.value).numpy()
    # Scaling the kernel changes nothing, so the gradient is at right angles to it.
    along = np.sum(gradient * kernel.numpy())
    assert abs(along) < 1e-4 * np.linalg.norm(gradient) * np.linalg.norm(kernel.numpy())
    assert np.linalg.norm(gradient) > 0.1


def test_the_vector_stays_float32_in_half_precision(x):
    layer = conv(dtype="mixed_bfloat16")
    layer = SpectralNorm(layer.layer, dtype="mixed_bfloat16")
    settled(layer, x, num_steps=50)
    assert layer.vector.dtype == "float32"
    assert layer(x).dtype == tf.bfloat16
    plain = settled(conv(), x, num_steps=50)
    np.testing.assert_allclose(tf.cast(layer(x), "float32"), plain(x), rtol=0.05, atol=0.03)


def test_replicas_share_the_vector(x):
    devices = tf.config.list_logical_devices("CPU")
    strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    with strategy.scope():
        layer = conv()
        layer.build(x.shape)
    before = layer.vector.numpy()

    @tf.function
    def step():
        return strategy.run(lambda: layer(x, training=True))

    step()
    assert np.abs(before - layer.vector.numpy()).max() > 0.01


def batch_norms(dtype):
    """The package's layer and Keras', of the same weights."""
    pair = [
        kind(epsilon=1e-5, momentum=0.9, dtype=dtype)
        for kind in (BatchNorm, keras.layers.BatchNormalization)
    ]
    for layer in pair:
        layer.build((None, None, None, 4))
        layer.set_weights(np.float32([[0.5, 1, 1.5, 2], [0, 1, -1, 3], [0.1] * 4, [0.9] * 4]))
    return pair


def trained(layer, x, weights):
    """Outputs, gradients of inputs, gamma and beta, and second derivatives along the inputs."""
    x = tf.constant(x)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2 * weights)
        gradients = tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])
        penalty = tf.reduce_sum(gradients[0] ** 2)
    return [outputs, *gradients, outer.gradient(penalty, x)]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-5), ("mixed_bfloat16", 3e-2)])
def test_fused_batch_norm_gives_the_numbers_and_gradients_of_keras(x, rng, dtype, tolerance):
    assert fused.batch_norm
    weights = rng.normal(size=x.shape).astype(np.float32)
    ours, keras_own = batch_norms(dtype)
    for one, other in zip(trained(ours, x, weights), trained(keras_own, x, weights), strict=True):
        assert one.dtype == other.dtype
        one, other = (tf.cast(value, tf.float32).numpy() for value in (one, other))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * np.abs(other).max())
    for one, other in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-2 if tolerance > 1e-3 else 1e-5)
    keras_own.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(x), keras_own(x))


def test_a_frozen_batch_norm_keeps_its_statistics(x):
    ours, keras_own = batch_norms("float32")
    ours.trainable = keras_own.trainable = False
    np.testing.assert_array_equal(ours(x, training=True), keras_own(x, training=True))


def test_vectors_are_normalised_by_keras(rng):
    x = rng.normal(size=(5, 4)).astype(np.float32)
    pair = [kind(epsilon=1e-5) for kind in (BatchNorm, keras.layers.BatchNormalization)]
    ours, keras_own = (layer(x, training=True) for layer in pair)
    np.testing.assert_array_equal(ours, keras_own)


def test_without_a_fused_kernel_keras_does_it(x, monkeypatch):
    monkeypatch.setattr(fused, "batch_norm", None)
    ours, keras_own = batch_norms("float32")
    np.testing.assert_array_equal(ours(x, training=True), keras_own(x, training=True))
