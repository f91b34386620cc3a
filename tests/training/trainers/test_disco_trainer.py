"""DiscoGAN: who is updated by what, and that what it promises comes down."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.config import LossConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.training.trainers.disco_trainer import DiscoGan, Way

SIZE, OTHER_SIZE = 4, 3


def network(given, made, name):
    """A small net of vectors with the interface of the package's architectures."""
    inputs = keras.Input((given,), name=name)
    x = keras.layers.Dense(16)(inputs)
    x = keras.layers.LeakyReLU(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(made)(x), name=name)


def critic(size, name):
    context, features = keras.Input((2,)), keras.Input((size,))
    x = keras.layers.LeakyReLU(0.2)(keras.layers.Dense(16)(features))
    x = keras.layers.Dense(1)(keras.layers.Concatenate()([x, context]))
    return keras.Model([context, features], x, name=name)


def disco(rates=(1e-2, 1e-2), optimizer=keras.optimizers.SGD, **weights):
    keras.utils.set_random_seed(0)
    trainer = DiscoGan(
        Way(network(SIZE, OTHER_SIZE, "forward"), critic(OTHER_SIZE, "there"), lambda x: x),
        Way(network(OTHER_SIZE, SIZE, "backward"), critic(SIZE, "here"), lambda x: x),
        prepare=lambda batch: (batch["here"], batch["there"]),
        adversarial=adversarial_loss("vanilla"),
        loss=LossConfig(**weights),
    )
    trainer.compile(*(optimizer(rate) for rate in rates))
    return trainer


@pytest.fixture
def batch(rng):
    """Unlike numbers of features: nothing can take them for pairs."""
    here = rng.normal(size=(8, SIZE)).astype(np.float32)
    there = rng.normal(size=(6, OTHER_SIZE)).astype(np.float32) + 1
    return {"here": tf.constant(here), "there": tf.constant(there)}


def values(models):
    return [variable.numpy() for model in models for variable in model.trainable_variables]


def moved(before, after):
    return [bool(np.any(one != other)) for one, other in zip(before, after, strict=True)]


def test_the_generators_update_moves_all_of_both_and_no_discriminator(batch):
    trainer = disco(rates=(1e-2, 0.0), feature_matching_weight=1.0)
    generators, discriminators = values(trainer.generators), values(trainer.discriminators)
    trainer.train_step(batch)
    assert all(moved(generators, values(trainer.generators)))
    assert not any(moved(discriminators, values(trainer.discriminators)))


def test_the_discriminators_update_moves_both_and_no_generator(batch):
    trainer = disco(rates=(0.0, 1e-2))
    generators, discriminators = values(trainer.generators), values(trainer.discriminators)
    trainer.train_step(batch)
    assert not any(moved(generators, values(trainer.generators)))
    after = values(trainer.discriminators)
    assert any(moved(discriminators, after)[:4]) and any(moved(discriminators, after)[4:])


def test_the_order_within_a_domain_does_not_matter(batch):
    """No loss compares a row of one domain with a row of the other."""
    shuffled = {**batch, "there": tf.gather(batch["there"], [3, 1, 5, 0, 2, 4])}
    one, other = (disco(feature_matching_weight=1.0).train_step(b) for b in (batch, shuffled))
    for name, value in one.items():
        np.testing.assert_allclose(value, other[name], rtol=1e-5)


def test_the_cycle_comes_down_and_the_generated_come_near_the_real(batch):
    trainer = disco(rates=(1e-2, 1e-2), optimizer=keras.optimizers.Adam, cycle_weight=10.0)
    step = tf.function(trainer.train_step)

    def distance():
        made = trainer.ways[0].translate(batch["here"])
        return float(tf.norm(tf.reduce_mean(made, 0) - tf.reduce_mean(batch["there"], 0)))

    first, far = step(batch), distance()
    for _ in range(200):
        last = step(batch)
    assert last["generator_cycle"] < 0.3 * first["generator_cycle"]
    assert distance() < 0.5 * far


def test_without_a_weight_the_cycle_changes_no_update(batch):
    plain, matched = disco(cycle_weight=0.0), disco(cycle_weight=1.0)
    for trainer in (plain, matched):
        trainer.train_step(batch)
    assert any(moved(values(plain.generators), values(matched.generators)))
    # The discriminators come first and do not know it.
    assert not any(moved(values(plain.discriminators), values(matched.discriminators)))


def test_the_total_is_the_weighted_sum_and_everything_is_finite(batch):
    logs = disco(adversarial_weight=2.0, cycle_weight=3.0, feature_matching_weight=5.0).train_step(
        batch
    )
    weights = {"adversarial": 2.0, "cycle": 3.0, "feature_matching": 5.0}
    expected = sum(weight * logs[f"generator_{name}"] for name, weight in weights.items())
    assert np.isclose(logs["generator_total"], expected, rtol=1e-5)
    assert all(np.isfinite(value) for value in logs.values())
