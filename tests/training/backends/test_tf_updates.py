"""One update gives the same weights on one device and on two, whatever is switched on."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.training.backends.tf_updates import Forward, gradient_norm, minimize
from s2i_tf.training.optimizers import ConstantThenLinear, build_adam

CODE = """
import json, sys
import keras, numpy as np, tensorflow as tf
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.backends.tf_updates import Forward, minimize

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

def train(strategy, blow_up=False, **options):
    with strategy.scope():
        model = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")]
        )
        # A large epsilon, so that Adam does not cancel the size of the gradient.
        optimizer = build_adam(learning_rate=1.0, num_steps=8, epsilon=0.1, **options)
        optimizer.build(model.trainable_variables)

    def step(batch):
        losses = lambda: (tf.reduce_mean(tf.square(model(batch))), {})
        _, norm = minimize(optimizer, Forward(losses, model.trainable_variables))
        return norm

    @tf.function
    def run(batch):
        return strategy.reduce("MEAN", strategy.run(step, args=(batch,)), axis=None)

    rows = np.random.default_rng(0).normal(size=(16, 3)).astype(np.float32)
    if blow_up:
        rows[0] = 1e30  # in one replica's share of the first batch only
    data = tf.data.Dataset.from_tensor_slices(rows).batch(4)
    norms = [float(run(batch)) for batch in strategy.experimental_distribute_dataset(data)]
    return model.get_weights()[0].tolist(), norms

strategies = [tf.distribute.get_strategy()]
strategies += [tf.distribute.MirroredStrategy(d) for d in (["CPU:0"], ["CPU:0", "CPU:1"])]
cases = json.loads(sys.argv[1])
print(json.dumps([[train(one, **options) for one in strategies] for options in cases]))
"""
CASES = {
    "clipped": {"clip_norm": 0.1},
    "all_options": {
        "clip_norm": 0.1,
        "accumulation_steps": 2,
        "loss_scaling": True,
        "constant_share": 0.0,
    },
    "overflow": {"loss_scaling": True, "blow_up": True},
}


@pytest.fixture(scope="module")
def found():
    """By case, what a process with two devices found on one, by one replica and by two."""
    finished = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(list(CASES.values()))],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return dict(zip(CASES, json.loads(finished.stdout.splitlines()[-1]), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_two_replicas_update_as_one_device(case, found):
    (weights, norms), *others = found[case]
    assert np.abs(np.array(weights) - 1).max() > 1e-3
    assert (norms[0] == 0) == (case == "overflow")
    for other_weights, other_norms in others:
        np.testing.assert_allclose(other_weights, weights, rtol=1e-5)
        np.testing.assert_allclose(other_norms, norms, rtol=1e-5)


def update(optimizer, weights, loss):
    """Updates weights by the gradient of a loss of them; its norm."""
    return minimize(optimizer, Forward(lambda: (loss(weights), {}), [weights]))[1]


def final_weights(batches, **options):
    weights = keras.Variable([1.0, -2.0])
    optimizer = build_adam(learning_rate=1.0, num_steps=4, epsilon=0.1, **options)
    optimizer.build([weights])
    for batch in batches:
        update(optimizer, weights, lambda w, x=batch: tf.reduce_mean(tf.linalg.matvec(x, w) ** 2))
    return weights.numpy()


def test_accumulated_batches_update_as_one_large_batch(rng):
    rows = rng.normal(size=(8, 2)).astype(np.float32)
    small = final_weights(np.split(rows, 4), accumulation_steps=2, clip_norm=0.5)
    np.testing.assert_allclose(small, final_weights(np.split(rows, 2), clip_norm=0.5), rtol=1e-5)
    assert np.abs(small - final_weights(np.split(rows, 4), clip_norm=0.5)).max() > 1e-3


def test_overflow_that_does_not_end_shows_in_the_norm():
    weights = keras.Variable([1.0])
    optimizer = build_adam(learning_rate=0.1, num_steps=4, loss_scaling=True)
    optimizer.build([weights])
    norms = []
    for _ in range(20):
        norms.append(float(update(optimizer, weights, lambda w: tf.reduce_sum(w * float("inf")))))
    assert norms[0] == 0 and not np.isfinite(norms[-1])
    assert weights.numpy() == [1.0]


def test_the_norm_is_that_of_all_gradients_together():
    assert np.isclose(gradient_norm([tf.constant([3.0]), tf.constant([[0.0, 4.0]])]), 5.0)


def test_one_pass_over_the_weights_is_keras_adam(rng):
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 5), (5,))]
    settings = {"beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-8}
    ours = build_adam(learning_rate=0.01, num_steps=6, constant_share=0.5, **settings)
    keras_adam = keras.optimizers.Adam(ConstantThenLinear(0.01, 6, 0.5), **settings)
    weights = {
        optimizer: [keras.Variable(one) for one in start] for optimizer in (ours, keras_adam)
    }
    for optimizer in weights:
        optimizer.build(weights[optimizer])
    for _ in range(5):
        gradients = [tf.constant(rng.normal(size=one.shape).astype(np.float32)) for one in start]
        for optimizer in weights:
            optimizer.apply(gradients, weights[optimizer])
    for one, other in zip(
        weights[ours] + ours.variables, weights[keras_adam] + keras_adam.variables, strict=True
    ):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-7)
    assert np.abs(weights[ours][0].numpy() - start[0]).max() > 0.01


def test_one_operation_updates_a_variable_and_its_moments():
    weights = [keras.Variable([1.0]), keras.Variable([2.0])]
    optimizer = build_adam(learning_rate=0.1, num_steps=4)
    optimizer.build(weights)
    graph = (
        tf.function(lambda: optimizer.apply([tf.ones(1), tf.ones(1)], weights))
        .get_concrete_function()
        .graph
    )
    kinds = [operation.type for operation in graph.get_operations()]
    assert kinds.count("ResourceApplyAdam") == len(weights)
    assert not {"AssignSubVariableOp", "Sqrt", "Square"} & set(kinds)
