"""The image GAN of `configs/realpairs/longer.py`, on made-up photos and features."""

import pathlib
import tempfile
import types
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from benchmarks.speed import step_profile
from benchmarks.speed.workers import Step, serve
from configs.realpairs import longer
from s2i_tf import spec
from s2i_tf.losses.objective import GanBatch
from s2i_tf.training.stages import ImageGanStage

_NUM_CLASSES = 30
# The first that is found in an operation's full name "layer/operation:kind"; the order matters.
_PARTS = (
    ("depthwise", "backbone: depthwise convolutions"),
    ("backbone", "backbone: all else"),
    ("decoder", "generator"),
    ("projected", "discriminator"),
    ("ApplyAdam", "Adam, moving average, gradient norms"),
    ("L2Loss", "Adam, moving average, gradient norms"),
    ("Assign", "Adam, moving average, gradient norms"),
    ("", "augmentations, perceptual distance, all else"),
)


class _MadeUpStage(ImageGanStage):
    """The stage behind multimodal layers that are not needed."""

    def prepare(self, batch) -> GanBatch:
        num = batch["unpaired"].shape[0]
        return GanBatch(**batch, unpaired_context=batch["context"][:num])

    def trained(self, part: str) -> keras.Model:
        return keras.Sequential()


def build(precision: str, batch_size: int = 0, num_profiled: int = 0) -> tuple[Step, dict]:
    """A step on one batch; what one takes by part, in seconds, if some are profiled.

    Args:
      precision: as in the configuration.
      batch_size: of photos; 0 for the configuration's.
      num_profiled: steps to profile.
    """
    config = longer.get_config()
    settings = config.image_gan
    settings.precision = precision
    size = batch_size or settings.batch_size
    num_unpaired = round(settings.generated_share * size)
    settings.generated_share = 0.0  # they are made up here
    keras.utils.set_random_seed(0)
    info = types.SimpleNamespace(num_classes=_NUM_CLASSES, image_side=spec.IMAGE_SIDE)
    trainer = _MadeUpStage(config, info, pathlib.Path()).build()
    rng = np.random.default_rng(0)
    features = rng.normal(size=(size + num_unpaired, spec.FEATURE_SIZE))
    batch: dict[str, Any] = {
        "condition": features[:size],
        "target": rng.uniform(-1, 1, size=(size, spec.IMAGE_SIDE, spec.IMAGE_SIDE, 3)),
        "context": np.eye(_NUM_CLASSES)[rng.integers(_NUM_CLASSES, size=size)],
        "unpaired": features[size:],
    }
    batch = {name: tf.constant(value, tf.float32) for name, value in batch.items()}
    compiled = tf.function(trainer.train_step, autograph=False)

    def take() -> dict[str, float]:
        return {name: float(value) for name, value in compiled(batch).items()}

    take()
    parts = _profiled(take, num_profiled) if num_profiled else {}
    return take, {"parts": parts, "num_pictures": size + num_unpaired}


def _profiled(take: Step, num_steps: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(num_steps):
                take()
        seconds = step_profile.seconds_by_part(pathlib.Path(folder), _PARTS)
    return {name: value / num_steps for name, value in seconds.items()}


if __name__ == "__main__":
    serve(build)
