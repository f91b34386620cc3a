"""What two replicas do as one device would: compare a whole batch, and draw for every example."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.errors import UserError
from s2i_tf.training.stages import image_gan_stage

CODE = """
import json
import keras, numpy as np, tensorflow as tf
from s2i_tf.losses.energy import energy_distance
from s2i_tf.models.layers import ConditioningNoise
from s2i_tf.training.backends import tf_strategy
from s2i_tf.training.backends.tf_steps import Steps
from s2i_tf.training.backends.tf_updates import Forward, minimize, whole_batch
from s2i_tf.training.optimizers import build_adam

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

class Trainer(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3, kernel_initializer="ones")
        self.dense.build((None, 3))
        self.noise = ConditioningNoise(4, seed=1)
        self.noise.build((None, 4))
        self.dropout = keras.layers.Dropout(0.5, seed=2)
        self.drawn = keras.Variable(np.zeros((8, 12)), trainable=False, aggregation="sum")
        # A large epsilon, so that Adam does not cancel the size of the gradient.
        self.optimizer = build_adam(learning_rate=1.0, num_steps=8, epsilon=0.1)
        self.optimizer.build(self.trainable_variables)

    def train_step(self, batch):
        rows, targets, context = batch
        num = rows.shape[0]
        draw = lambda num: keras.random.uniform((num, 1), seed=of_a_stage)
        shared = tf_strategy.of_replica(draw, num)
        noise = self.noise(tf.zeros((num, 4)), training=True)
        mask = self.dropout(tf.ones((num, 3)), training=True)
        found = tf.concat([shared, noise, mask], axis=1)
        start = num * tf.distribute.get_replica_context().replica_id_in_sync_group
        padded = tf.scatter_nd(start + tf.range(num)[:, None], found, (8, found.shape[1]))
        self.drawn.assign(tf.pad(padded, [[0, 0], [0, 12 - found.shape[1]]]))
        def losses():
            made = self.dense(rows)
            distance = energy_distance(*whole_batch(targets, made, context))
            return distance, {"distance": distance}
        logs, norm = minimize(self.optimizer, Forward(losses, self.trainable_variables))
        return {**logs, "norm": norm}

rng = np.random.default_rng(0)
rows, targets = (rng.normal(size=(8, 3)).astype(np.float32) for _ in range(2))
context = np.eye(4, dtype=np.float32)[np.arange(8) % 4]  # each replica has one of each class
data = tf.data.Dataset.from_tensor_slices((rows, targets, context))
data = data.batch(8, drop_remainder=True).repeat()
found = []
for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
    with strategy.scope():
        trainer, of_a_stage = Trainer(), keras.random.SeedGenerator(3)
        batches = tf_strategy.distribute(data)
        steps = Steps(trainer, batches)
        iterator = iter(batches)
        steps.take(iterator, 1)
        states = [v for v in trainer.variables if "seed_generator" in v.name]
        copies = [tf_strategy.current().experimental_local_results(v.value) for v in states]
        found.append({
            "means": steps.means(),
            "weights": trainer.dense.get_weights()[0].tolist(),
            "drawn": trainer.drawn.numpy().tolist(),
            "states": [[copy.numpy().tolist() for copy in of] for of in copies],
        })
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    """Of one device and of two: losses, weights, what was drawn and the random states after it."""
    process = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


def test_a_distance_within_the_batch_is_that_of_the_whole_batch(found):
    one, two = found
    for name, value in one["means"].items():
        assert two["means"][name] == pytest.approx(value, rel=1e-4), name
    np.testing.assert_allclose(two["weights"], one["weights"], rtol=1e-4)


def test_no_two_examples_have_the_same_draws(found):
    for one in found:
        drawn = np.array(one["drawn"])
        assert len(np.unique(drawn[:, 1:5], axis=0)) == 8, "noise"
        assert len(np.unique(drawn[:, 0])) == 8
    first, second = np.array(found[1]["drawn"])[:, 5:8].reshape(2, 4, 3)
    assert (first != second).any(), "dropout"
    np.testing.assert_array_equal(*(np.array(one["drawn"])[:, 0] for one in found))


def test_random_states_are_the_same_on_all_replicas_after_a_step(found):
    one, two = found
    assert [of[0] for of in one["states"]] == [of[0] for of in two["states"]]
    assert all(first == second for first, second in two["states"])


def test_a_share_that_replicas_cannot_share_is_refused(monkeypatch):
    class TwoReplicas:
        num_replicas_in_sync = 2

    config = Config()
    settings = config.image_gan
    settings.heard_share, settings.batch_size = 0.25, 4
    stage = image_gan_stage.ImageGanStage(config, None, pathlib.Path())
    stage._check_shares()
    monkeypatch.setattr(image_gan_stage.strategy, "current", TwoReplicas)
    with pytest.raises(UserError, match=r"heard_share is 0.25: 1 of 4 pictures; .* 2 replicas"):
        stage._check_shares()
    settings.batch_size = 8
    stage._check_shares()
