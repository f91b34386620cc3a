"""The sides of `benchmarks.speed.multimodal`: a training step, and what it cannot do without."""

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.speed import flops
from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.config import Config
from s2i_tf.data import schema
from s2i_tf.training.stages import multimodal_stage
from s2i_tf.training.trainers.multimodal_trainer import MultimodalTrainer

# Of a weight, 4 bytes each: read by the product; its gradient written; gradient, weight and both of
# Adam's moments read, the last three written.
_BYTES_PER_WEIGHT = 4 * (1 + 1 + 4 + 3)
_BYTES_PER_ADDITION = 4 * 3  # two numbers read and one written
_NUM_PROFILED = 5


def build(
    side: str, batch_size: int, hidden_units: int, num_classes: int, matmul_side: int
) -> tuple[Step, dict[str, Any]]:
    """A step of one side, and what is known of it.

    Args:
      side: a key of `SIDES`.
      batch_size: pairs.
      hidden_units: size of the hidden layer.
      num_classes: size of the output layer.
      matmul_side: rows and columns of the plain large matrices.
    """
    return SIDES[side](batch_size, hidden_units, num_classes, matmul_side)


def _training(
    batch_size: int, hidden_units: int, num_classes: int, matmul_side: int
) -> tuple[Step, dict[str, Any]]:
    """The package's step on one batch that stays in memory, and the work in it."""
    trainer, batch = build_trainer(batch_size, hidden_units, num_classes)
    compiled = tf.function(trainer.train_step, autograph=False)
    num_weights = sum(int(np.prod(v.shape)) for v in trainer.multimodal.trainable_variables)
    info = {
        "flops": flops.count(compiled.get_concrete_function(batch).graph),
        "num_weights": num_weights,
        "update_bytes": num_weights * _BYTES_PER_WEIGHT,
    }
    return lambda: compiled(batch), info


def _profile(
    batch_size: int, hidden_units: int, num_classes: int, matmul_side: int
) -> tuple[Step, dict[str, Any]]:
    """Seconds of ever more of the step; their differences are its parts."""
    trainer, batch = build_trainer(batch_size, hidden_units, num_classes)
    variables = trainer.multimodal.trainable_variables

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            losses = trainer.losses_of(batch)
            total = sum(trainer.weights_by_loss[name] * loss for name, loss in losses.items())
        return tape.gradient(total, variables)

    def products() -> list[tf.Tensor]:
        """Forward and backward products of the two large maps, and nothing else."""
        inputs = batch[schema.KEY_SOUND_FEATURES], batch[schema.KEY_IMAGE_FEATURES]
        layers = trainer.multimodal.sound_layer, trainer.multimodal.image_layer
        hidden = [one @ layer.kernel for one, layer in zip(inputs, layers, strict=True)]
        return [tf.matmul(x, y, transpose_a=True) for x, y in zip(inputs, hidden, strict=True)]

    whole = [
        tf.function(function, autograph=False)
        for function in (products, gradients, lambda: trainer.train_step(batch))
    ]
    took: list[list[float]] = [[] for _ in whole]
    for number in range(_NUM_PROFILED + 1):
        for times, function in zip(took, whole, strict=True):
            began = time.perf_counter()
            function()
            if number:
                times.append(time.perf_counter() - began)
    only_products, with_losses, step = (statistics.median(times) for times in took)
    parts = {
        "products of the two maps of 4096, forward and backward": only_products,
        "scaling, losses, output layer and their gradients": with_losses - only_products,
        "gradient norm and Adam": step - with_losses,
    }
    return whole[-1], {"parts": parts}


def _matmul(
    batch_size: int, hidden_units: int, num_classes: int, matmul_side: int
) -> tuple[Step, dict[str, Any]]:
    """A plain large product."""
    one, other = (tf.random.normal([matmul_side, matmul_side]) for _ in range(2))
    multiply = tf.function(lambda: tf.matmul(one, other), autograph=False)
    return multiply, {"flops": flops.count(multiply.get_concrete_function().graph)}


def _memory(
    batch_size: int, hidden_units: int, num_classes: int, matmul_side: int
) -> tuple[Step, dict[str, Any]]:
    """Moves as many bytes as the update of the weights must, by plain additions."""
    num_weights = 2 * spec.FEATURE_SIZE * hidden_units
    one, other = (tf.Variable(tf.random.normal([num_weights])) for _ in range(2))
    num_times = _BYTES_PER_WEIGHT // _BYTES_PER_ADDITION

    @tf.function(autograph=False)
    def add() -> None:
        for _ in range(num_times):
            one.assign_add(other)

    return add, {"bytes": num_times * num_weights * _BYTES_PER_ADDITION}


SIDES: dict[str, Callable[[int, int, int, int], tuple[Step, dict[str, Any]]]] = {
    "training": _training,
    "profile": _profile,
    "matmul": _matmul,
    "memory": _memory,
}


def build_trainer(
    batch_size: int, hidden_units: int, num_classes: int
) -> tuple[MultimodalTrainer, dict[str, tf.Tensor]]:
    """The trainer as a run has it by default, and a batch of random features."""
    config = Config()
    config.multimodal.hidden_units = hidden_units
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2, batch_size, spec.FEATURE_SIZE), np.float32)
    trainer = multimodal_stage.build_trainer(config, num_classes, *features)
    return trainer, {
        schema.KEY_SOUND_FEATURES: tf.constant(features[0]),
        schema.KEY_IMAGE_FEATURES: tf.constant(features[1]),
        schema.KEY_LABEL: tf.constant(rng.integers(0, num_classes, batch_size)),
    }


if __name__ == "__main__":
    serve(build)
