"""The one training loop, for every stage and for any `tf.distribute` strategy.

Keras' `fit` fails with several workers, so the loop calls a model's `train_step` itself through
`strategy.run`. It logs averaged losses as JSON lines, saves the whole training state now and
then, and goes on from the newest state that it finds.
"""

import dataclasses
import json
import logging
import math
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from s2i_tf import files
from s2i_tf.errors import UserError
from s2i_tf.training.progress import Progress

logger = logging.getLogger(__name__)

METRICS_FILE = "metrics.jsonl"
CHECKPOINTS_FOLDER = "checkpoints"
_KEPT_CHECKPOINTS = 2


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How long to train and how often to look up.

    Attributes:
      num_steps: updates in all, those of earlier processes counted in.
      batch_size: examples in a global batch, for the rate.
      log_every_steps: interval of the averaged losses.
      checkpoint_every_steps: interval of the saved states.
    """

    num_steps: int
    batch_size: int
    log_every_steps: int
    checkpoint_every_steps: int


def train(
    trainer: keras.Model,
    make_dataset: Callable[[int], tf.data.Dataset],
    folder: pathlib.Path,
    settings: LoopSettings,
    *,
    name: str,
    on_checkpoint: Callable[[int], None] = lambda step: None,
) -> None:
    """Trains up to `settings.num_steps`, from the newest state in `folder` if there is one.

    Args:
      trainer: a built model with `train_step(batch)` that returns scalars by name; its weights
        and optimizers are what is saved.
      make_dataset: gives the batches from a step on.
      folder: of the stage; gets `metrics.jsonl` and `checkpoints/`.
      settings: lengths and intervals.
      name: of the stage, for messages.
      on_checkpoint: called with the step after each saved state, for samples.

    Raises:
      UserError: if the saved state is another model's, or a loss is no longer finite.
    """
    strategy = tf.distribute.get_strategy()
    step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    checkpoint = tf.train.Checkpoint(trainer=trainer, step=step)
    manager = tf.train.CheckpointManager(
        checkpoint, str(folder / CHECKPOINTS_FOLDER), max_to_keep=_KEPT_CHECKPOINTS
    )
    restore(checkpoint, manager.latest_checkpoint)
    start = int(step.numpy())
    if start:
        logger.info("%s goes on from step %d", name, start)
    _drop_later_metrics(folder / METRICS_FILE, start)

    @tf.function
    def distributed_step(batch):
        results = strategy.run(trainer.train_step, args=(batch,))
        return {
            key: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for key, value in results.items()
        }

    batches = iter(strategy.experimental_distribute_dataset(make_dataset(start)))
    progress = Progress(
        name, settings.num_steps, start=start, items_per_step=settings.batch_size, items="pairs"
    )
    sums: dict[str, tf.Tensor] = {}
    last_logged = start
    for number in range(start + 1, settings.num_steps + 1):
        logs = distributed_step(next(batches))
        sums = {key: sums.get(key, 0.0) + value for key, value in logs.items()}
        last = number == settings.num_steps
        if number % settings.log_every_steps == 0 or last:
            means = {key: float(value) / (number - last_logged) for key, value in sums.items()}
            _check_finite(means, name, last_logged + 1, number, manager.latest_checkpoint)
            with open(folder / METRICS_FILE, "a", encoding="utf-8") as file:
                file.write(json.dumps({"step": number, **means}) + "\n")
            progress.update(number, means, force=last)
            sums, last_logged = {}, number
        if number % settings.checkpoint_every_steps == 0 or last:
            step.assign(number)
            manager.save()
            on_checkpoint(number)


def restore(checkpoint: tf.train.Checkpoint, path: str | None) -> None:
    """Restores a training state whole or not at all.

    Raises:
      UserError: if the state is that of another model.
    """
    if path is None:
        return
    try:
        checkpoint.restore(path).assert_existing_objects_matched()
    except (AssertionError, ValueError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"{path}: the saved state does not fit this configuration; "
            f"choose another --workdir or the configuration it was trained with ({reason})"
        ) from None


def _check_finite(
    means: dict[str, float], name: str, first: int, last: int, checkpoint: str | None
) -> None:
    bad = [key for key, value in means.items() if not math.isfinite(value)]
    if bad:
        raise UserError(
            f"{name}: {', '.join(bad)} not finite between steps {first} and {last}; "
            f"the last good state is {checkpoint or 'none'}"
        )


def _drop_later_metrics(path: pathlib.Path, step: int) -> None:
    """Takes away what was logged after the state that training goes on from."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    files.write(path, "".join(kept))
