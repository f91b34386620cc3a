"""Every member of the family of networks and losses in a training step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.config import LossConfig
from s2i_tf.losses import ADVERSARIAL_LOSSES, adversarial_loss
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.models import (
    DISCRIMINATORS,
    GENERATORS,
    OF_VECTORS,
    build_discriminator,
    build_generator,
)
from s2i_tf.training.trainers.gan_trainer import GanTrainer

SIDE = 32
SHAPE = (SIDE, SIDE, 1)


def pix2pix(
    generator="unet", discriminator="patchgan", loss="vanilla", norm="instance", rate=1e-3, **terms
):
    keras.utils.set_random_seed(0)
    trainer = GanTrainer(
        build_generator(generator, SHAPE, SHAPE, filters=4, norm=norm, dropout=0.0),
        build_discriminator(discriminator, SHAPE, SHAPE, filters=4, num_layers=2, norm=norm),
        objective=GanObjective(adversarial_loss(loss), LossConfig(l1_weight=1.0, **terms)),
        prepare=lambda batch: GanBatch(batch["condition"], batch["target"], batch["condition"]),
        seed=0,
    )
    trainer.compile(keras.optimizers.SGD(rate), keras.optimizers.SGD(rate))
    return trainer


@pytest.fixture
def maps(rng):
    condition, target = rng.normal(size=(2, 3, *SHAPE)).astype(np.float32)
    return {"condition": tf.constant(condition), "target": tf.constant(target)}


def values(model):
    return [variable.numpy() for variable in model.trainable_variables]


def moved(before, after):
    return any(np.any(one != other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "choice",
    [
        *({"generator": name} for name in GENERATORS if name not in OF_VECTORS),
        *({"discriminator": name} for name in DISCRIMINATORS if name not in OF_VECTORS),
        *({"loss": name} for name in ADVERSARIAL_LOSSES),
        {"loss": "began", "discriminator": "autoencoder"},
        {"loss": "wgan_gp", "discriminator": "multiscale"},
        {"norm": "spectral", "loss": "hinge"},
        {"feature_matching_weight": 1.0},
    ],
    ids=str,
)
def test_a_step_moves_both_players(choice, maps):
    trainer = pix2pix(**choice)
    before = values(trainer.generator), values(trainer.discriminator)
    logs = trainer.train_step(maps)
    assert all(np.isfinite(value) for value in logs.values()), logs
    assert moved(before[0], values(trainer.generator))
    assert moved(before[1], values(trainer.discriminator))


def test_a_spectral_norm_leaves_the_discriminator_to_its_own_update(maps):
    trainer = pix2pix(norm="spectral", rate=0.0)
    before = values(trainer.discriminator)
    trainer.train_step(maps)
    assert not moved(before, values(trainer.discriminator))


def test_the_penalty_is_of_the_critic_s_gradient_and_part_of_its_loss(maps):
    trainer = pix2pix(loss="wgan_gp", rate=0.0)
    logs = trainer.train_step(maps)
    # The critic of new weights hardly reacts to its input.
    assert 0.5 < logs["discriminator_gradient_penalty"] < 1.0
    wasserstein = logs["discriminator_fake_score"] - logs["discriminator_real_score"]
    expected = wasserstein + 10 * logs["discriminator_gradient_penalty"]
    assert np.isclose(logs["discriminator"], expected, rtol=1e-5)


def test_training_brings_the_critic_s_gradients_to_length_one(maps):
    trainer = pix2pix(loss="wgan_gp", rate=0.0)
    trainer.discriminator_optimizer.learning_rate = 1e-1
    step = tf.function(trainer.train_step)
    penalties = [float(step(maps)["discriminator_gradient_penalty"]) for _ in range(30)]
    assert np.mean(penalties[-5:]) < penalties[0] / 2


def test_the_balance_moves_towards_the_equilibrium_and_stays_with_the_trainer(maps):
    trainer = pix2pix(loss="began", discriminator="autoencoder")
    assert float(trainer.balance.value) == 0.0
    logs = trainer.train_step(maps)
    real, fake = (-logs[f"discriminator_{kind}_score"] for kind in ("real", "fake"))
    assert np.isclose(trainer.balance.value, max(0.0, 0.001 * (0.5 * real - fake)), atol=1e-7)
    assert np.isclose(logs["discriminator_convergence"], real + abs(0.5 * real - fake), rtol=1e-5)
    assert any(variable is trainer.balance for variable in trainer.variables)


def test_feature_matching_is_zero_for_the_target_itself(maps):
    trainer = pix2pix(feature_matching_weight=1.0)
    objective, judge = trainer.objective, trainer._judged_by
    seed = keras.random.SeedGenerator(0)
    real = objective.look(maps["condition"], maps["target"], seed)
    fake = objective.look(maps["condition"], maps["condition"], seed)
    _, same = objective.generator_loss(judge, maps["target"], maps["target"], real, real)
    _, other = objective.generator_loss(judge, maps["target"], maps["condition"], real, fake)
    assert same["generator_feature_matching"] == 0
    assert other["generator_feature_matching"] > 1e-4
