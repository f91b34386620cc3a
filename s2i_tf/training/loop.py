"""The one training loop, for every stage, any backend and any `tf.distribute` strategy.

Keras' `fit` fails with several workers, so the loop calls a model's `train_step` itself. It logs
averaged losses as JSON lines and for TensorBoard, saves the whole training state now and then, and
goes on from the newest state that it finds. `s2i_tf.training.watch` says what stops it.
"""

import dataclasses
import json
import logging
import pathlib
from collections.abc import Callable, Iterable, Iterator

import keras

from s2i_tf import files, logs
from s2i_tf.errors import Stopped, UserError
from s2i_tf.training import watch
from s2i_tf.training.backends import EventWriter
from s2i_tf.training.backends import steps as steps_lib
from s2i_tf.training.backends import strategy as strategy_lib
from s2i_tf.training.checkpoints import FOLDER as CHECKPOINTS_FOLDER
from s2i_tf.training.checkpoints import Checkpoints, NotFinite, State

logger = logging.getLogger(__name__)

METRICS_FILE = "metrics.jsonl"
TENSORBOARD_FOLDER = "tensorboard"


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """How long to train and how often to look up.

    Attributes:
      num_steps: batches in all, those of earlier processes counted in.
      batch_size: examples in a global batch, for the rate.
      log_every_steps: interval of the averaged losses.
      checkpoint_every_steps: interval of the saved states.
      steps_per_call: batches in one call of the compiled step; logs and saved states keep their
        intervals.
    """

    num_steps: int
    batch_size: int
    log_every_steps: int
    checkpoint_every_steps: int
    steps_per_call: int = 1

    def stops(self, start: int) -> Iterator[tuple[int, int]]:
        """The calls after `start`, each as its number of steps and the step it ends with."""
        while start < self.num_steps:
            ends = [start + self.steps_per_call, self.num_steps]
            for every in (self.log_every_steps, self.checkpoint_every_steps):
                ends.append((start // every + 1) * every)
            yield min(ends) - start, min(ends)
            start = min(ends)


def train(
    trainer: keras.Model,
    make_dataset: Callable[[int], Iterable],
    folder: pathlib.Path,
    settings: LoopSettings,
    *,
    name: str,
    items: str = "pairs",
    draw_samples: Callable[[int], pathlib.Path | None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Trains up to `settings.num_steps`, from the newest state in `folder` if there is one.

    Args:
      trainer: a built model with `train_step(batch)` that returns scalars by name; all its
        variables, those of its optimizers and the random generators are what is saved.
      make_dataset: from a step to the global batches from there on.
      folder: folder of the stage; gets `metrics.jsonl`, `tensorboard/` and `checkpoints/`.
      settings: lengths and intervals.
      name: name of the stage, for messages.
      items: what its examples are called.
      draw_samples: from the step of a saved state to a PNG or None; the chief alone calls it.
      should_stop: tells after every call whether training saves its state and raises.

    Raises:
      UserError: if the saved state is another model's, a number is no longer finite, or the disk
        is full.
      Stopped: if `should_stop` said so.
    """
    strategy_lib.check_batch_size(settings.batch_size)
    batches = strategy_lib.distribute(make_dataset(0))
    steps = steps_lib.Steps(trainer, batches)
    state = State(trainer)
    state.add_random_states(steps.variables)
    state.add("logs", [steps.sums])
    checkpoints = Checkpoints(folder / CHECKPOINTS_FOLDER, state)
    start = _restore(checkpoints)
    if start:
        logger.info("%s goes on from step %d", name, start)
        batches = strategy_lib.distribute(make_dataset(start))
    written = _Logs(folder, name, settings, start, items) if strategy_lib.is_chief() else None
    iterator = iter(batches)
    try:
        for num_steps, number in settings.stops(start):
            steps.take(iterator, num_steps)
            last = number == settings.num_steps
            stop = strategy_lib.any_worker(should_stop()) and not last
            log_now = last or number % settings.log_every_steps == 0
            save_now = last or stop or number % settings.checkpoint_every_steps == 0
            if log_now or save_now:
                means = steps.means()
                watch.check_finite(means, name, number, checkpoints.newest)
            if log_now:
                if written:
                    written.write(number, means)
                steps.reset()
            if save_now and written:
                checkpoints.save(number)
                if not stop:
                    with state.random_kept():
                        written.picture(number, draw_samples(number))
            if stop:
                raise Stopped(f"{name} was stopped after step {number}, which is saved")
    except NotFinite as error:
        raise UserError(
            f"{name}: {error} not finite after step {number}; "
            f"the last good state is {checkpoints.newest or 'none'}"
        ) from None
    except OSError as error:
        raise UserError(
            f"{error.filename or folder}: cannot be written ({error.strerror or error}); "
            f"the last good state is {checkpoints.newest or 'none'}"
        ) from None
    finally:
        if written:
            written.close()


class _Logs:
    """What the chief writes down."""

    def __init__(
        self, folder: pathlib.Path, name: str, settings: LoopSettings, start: int, items: str
    ):
        self._path = folder / METRICS_FILE
        self._watch = watch.DiscriminatorWatch(name)
        for entry in _keep_metrics(self._path, start):
            self._watch.look(entry["step"], entry, warn=False)
        self._events = EventWriter and EventWriter(folder / TENSORBOARD_FOLDER, start)
        self._progress = logs.Progress(f"{name} steps", settings.num_steps, start)
        self._batch_size, self._items = settings.batch_size, items

    def write(self, step: int, means: dict[str, float]) -> None:
        means = {key: value for key, value in means.items() if key not in watch.NOT_LOGGED}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **means}) + "\n")
        rate = self._progress.rate(step)
        if self._events:
            values = {**means, **watch.balance(means), "steps_per_second": rate}
            self._events.scalars(step, values)
        self._watch.look(step, means)
        losses = "".join(f", {key} {value:.4g}" for key, value in means.items())
        self._progress.update(step, f", {rate * self._batch_size:.3g} {self._items}/s{losses}")

    def picture(self, step: int, path: pathlib.Path | None) -> None:
        if self._events and path is not None:
            self._events.picture(step, "samples", path.read_bytes())

    def close(self) -> None:
        if self._events:
            self._events.close()


def _restore(checkpoints: Checkpoints) -> int:
    """Restores on every worker, the chief first, who may put damaged states aside."""
    start = checkpoints.restore() if strategy_lib.is_chief() else 0
    strategy_lib.wait_for_all()
    return start if strategy_lib.is_chief() else checkpoints.restore()


def _keep_metrics(path: pathlib.Path, step: int) -> list[dict]:
    """Takes away what was logged after the state that training goes on from; returns the rest."""
    if not path.exists():
        return []
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
            if entry["step"] <= step:
                kept.append(entry)
        except (ValueError, TypeError, KeyError):  # as the last one where a run was killed
            logger.warning("%s: left out a line that cannot be read: %.60s", path, line)
    files.write(path, "".join(json.dumps(entry) + "\n" for entry in kept))
    return kept
