"""Takes two training steps of each of some trainers, on the backend that it is run with.

python tests/training/two_steps.py OUT [START]

Writes every state after them to OUT/CASE.npz, with the averaged results, and the states before them
to OUT/CASE_start.npz. With START it begins with the states of another process's OUT. What is random
in a step is replaced by numbers that depend on its shape alone.
"""

import pathlib
import sys

import keras
import numpy as np
from keras import ops

from s2i_tf.config import LossConfig, MultimodalConfig
from s2i_tf.losses import adversarial_loss
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.models import build_discriminator, build_generator
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.training import backends
from s2i_tf.training.checkpoints import State
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.trainers.gan_trainer import GanTrainer
from s2i_tf.training.trainers.multimodal_trainer import MultimodalTrainer

SIDE = 32
SMALL_SIDE = 16
BATCH = 4
NUM_STEPS = 2
NUM_CLASSES = 3


def uniform(shape, minval=0.0, maxval=1.0, dtype=None, seed=None):
    shape = tuple(int(size) for size in shape)
    numbers = np.random.default_rng(shape).uniform(minval, maxval, shape)
    return ops.convert_to_tensor(numbers.astype(keras.backend.standardize_dtype(dtype)))


def dropout(inputs, rate, noise_shape=None, seed=None):
    kept = uniform(inputs.shape) >= rate
    return ops.where(kept, inputs / (1 - rate), ops.zeros_like(inputs))


def adam():
    # A large epsilon: Adam otherwise takes full steps along gradients that are mere rounding.
    return build_adam(
        learning_rate=1e-3,
        num_steps=3,
        constant_share=0.3,
        beta_1=0.5,
        epsilon=1e-3,
        clip_norm=1.0,
    )


def gan(generator, discriminator, loss, steps=1, ema=0.0, **settings):
    adversarial = None if discriminator is None else adversarial_loss(loss.adversarial)
    trainer = GanTrainer(
        generator,
        discriminator,
        objective=GanObjective(adversarial, loss, **settings),
        prepare=lambda batch: GanBatch(batch["condition"], batch["target"], batch["context"]),
        num_discriminator_updates=steps,
        ema_decay=ema,
        seed=0,
    )
    trainer.compile(adam(), adam())
    return trainer


def normal(rng, *shape):
    return rng.normal(size=(BATCH, *shape)).astype(np.float32)


def one_hot(rng):
    return np.eye(NUM_CLASSES, dtype=np.float32)[rng.integers(NUM_CLASSES, size=BATCH)]


def unet(rng):
    shape = (SIDE, SIDE, 1)
    condition = normal(rng, *shape)
    trainer = gan(
        build_generator("unet", shape, shape, filters=4, dropout=0.5, seed=0),
        build_discriminator("patchgan", shape, shape, filters=4),
        LossConfig(l1_weight=10.0, feature_matching_weight=1.0, augment="color,translation,cutout"),
        ema=0.9,
    )
    return trainer, {"condition": condition, "target": normal(rng, *shape), "context": condition}


def wgan_gp(rng):
    shape = (SMALL_SIDE, SMALL_SIDE, 1)
    condition = normal(rng, *shape)
    trainer = gan(
        build_generator("encoder_decoder", shape, shape, filters=4, norm="instance", seed=0),
        # Without a norm of activations: TensorFlow's moments have a wrong second derivative.
        build_discriminator("patchgan", shape, shape, filters=4, num_layers=2, norm="none"),
        LossConfig(adversarial="wgan_gp", l1_weight=1.0),
        steps=2,
    )
    return trainer, {"condition": condition, "target": normal(rng, *shape), "context": condition}


def began(rng):
    shape = (SMALL_SIDE, SMALL_SIDE, 1)
    condition = normal(rng, *shape)
    trainer = gan(
        build_generator("unet", shape, shape, filters=4, norm="instance", dropout=0.0, seed=0),
        build_discriminator("autoencoder", shape, shape, filters=4, norm="none"),
        LossConfig(adversarial="began"),
    )
    return trainer, {"condition": condition, "target": normal(rng, *shape), "context": condition}


def features(rng):
    trainer = gan(
        build_generator("feature_decoder", (24,), (4096,), filters=4, seed=0),
        build_discriminator("feature_critic", (NUM_CLASSES,), (4096,), filters=4),
        LossConfig(adversarial="hinge"),
        discriminator_weight=0.001,
    )
    context = one_hot(rng)
    return trainer, {
        "condition": normal(rng, 24),
        "target": normal(rng, 4096),
        "context": context,
    }


def projected(rng):
    keras.utils.set_random_seed(1)
    picture = keras.Input((SIDE, SIDE, 3))
    options = {"activation": "relu6", "bias_initializer": "random_normal"}
    fine = keras.layers.Conv2D(6, 3, 2, "same", **options)(picture)
    coarse = keras.layers.DepthwiseConv2D(5, 2, "same", **options)(fine)
    backbone = keras.Model(picture, [fine, coarse])
    backbone.trainable = False
    shapes = [tuple(maps.shape[1:]) for maps in backbone.outputs]
    trainer = gan(
        build_generator("decoder", (4096,), (SIDE, SIDE, 3), filters=4, seed=0),
        build_discriminator("projected", (NUM_CLASSES,), shapes, filters=4, norm="spectral"),
        LossConfig(
            adversarial="hinge", l1_weight=1.0, perceptual_weight=10.0, augment="color,translation"
        ),
        backbone=backbone,
        through_backbone=True,
    )
    trainer.backbone = backbone  # so that its weights are part of the state
    return trainer, {
        "condition": normal(rng, 4096),
        "target": np.tanh(normal(rng, SIDE, SIDE, 3)),
        "context": one_hot(rng),
    }


def alone(rng):
    """A generator without a discriminator."""
    trainer = gan(
        build_generator("feature_decoder", (16,), (4096,), filters=4, seed=0),
        None,
        LossConfig(l1_weight=0.0, energy_weight=1.0),
    )
    return trainer, {
        "condition": normal(rng, 16),
        "target": normal(rng, 4096),
        "context": one_hot(rng),
    }


def multimodal(rng):
    trainer = MultimodalTrainer(
        MultimodalLayers(NUM_CLASSES, hidden_units=16, normalize="both"),
        MultimodalConfig(class_contrastive_weight=1.0, pair_contrastive_weight=1.0),
    )
    trainer.compile(optimizer=adam())
    trainer.optimizer.build(trainer.multimodal.trainable_variables)
    return trainer, {
        "sound_features": normal(rng, 4096),
        "image_features": normal(rng, 4096),
        "label": rng.integers(NUM_CLASSES, size=BATCH).astype(np.int32),
    }


CASES = (unet, wgan_gp, began, features, projected, alone, multimodal)


def move_biases(trainer, rng):
    """Away from zero, where the slope of a `LeakyReLU` is 1 on JAX and 0.2 on TensorFlow."""
    for variable in trainer.trainable_variables:
        if len(variable.shape) == 1:
            variable.assign_add(0.1 * rng.normal(size=variable.shape).astype(np.float32))


def batches_of(batch):
    if keras.backend.backend() == "jax":
        return [batch] * NUM_STEPS
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(batch).repeat()


def numbers(state):
    return {name: variable.numpy() for name, variable in state.variables.items()}


def main(out, start=None):
    keras.random.uniform, keras.random.dropout = uniform, dropout
    out = pathlib.Path(out)
    out.mkdir(exist_ok=True)
    for case in CASES:
        keras.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        trainer, batch = case(rng)
        move_biases(trainer, rng)
        state = State(trainer)
        if start:
            with np.load(pathlib.Path(start) / f"{case.__name__}_start.npz") as values:
                state.assign(dict(values))
        np.savez(out / f"{case.__name__}_start.npz", **numbers(state))
        batches = batches_of(batch)
        steps = backends.steps.Steps(trainer, batches)
        steps.take(iter(batches), NUM_STEPS)
        means = steps.means()
        np.savez(out / f"{case.__name__}.npz", **numbers(state), **means)
        print(case.__name__, means["num_steps"], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
