"""The training loop with everything around a step, beside the bare step.

Makes a prepared data set of its own and trains a small image GAN (16 filters, batch 8) on it with
the loop: reading, decoding, logs. Between its segments of steps the same process takes as many bare
steps: the compiled `train_step` on one batch that stays in memory. The first steps of a segment,
which find batches ready that were read meanwhile, are not counted. The time of a saved state with
its samples is shared out over the default interval.
"""

import contextlib
import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.speed import made_up, tables
from benchmarks.speed.comparing import compare
from benchmarks.speed.workers import Took
from s2i_tf import spec
from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.errors import Stopped
from s2i_tf.media import image
from s2i_tf.training import loop, run
from s2i_tf.training.checkpoints import Checkpoints, State
from s2i_tf.training.stages import STAGES

_GOAL = 0.97
_NUM_CLASSES = 10
_NUM_RECORDS = {spec.TRAIN_SPLIT: (512,), spec.EVAL_SPLIT: (64,)}
_FILTERS = 16
_BATCH_SIZE = 8
_WARM_UP_STEPS = 10


def _picture(label: int, rng: np.random.Generator) -> bytes:
    """Squares of random colours with noise; decoding it is no less work than a photo."""
    num_squares = 8
    side = spec.IMAGE_SIDE // num_squares
    colours = rng.integers(0, 256, (num_squares, num_squares, spec.IMAGE_CHANNELS))
    squares = colours.repeat(side, axis=0).repeat(side, axis=1)
    noisy = squares + rng.normal(scale=16, size=squares.shape)
    return image.encode_jpeg(noisy.clip(0, 255).astype(np.uint8))


def build_config(data: str) -> Config:
    """The small GAN, with everything about the loop as it is by default."""
    config = Config(data=data)
    config.multimodal.hidden_units = 16
    config.multimodal.num_steps = 1
    gan = config.image_gan
    gan.generator.filters = gan.discriminator.filters = _FILTERS
    gan.batch_size = _BATCH_SIZE
    return config


class Interleaved:
    """Asked by the loop after every step; takes the bare steps and the times of each segment.

    The times are [clock, processor] in seconds per step.

    Args:
      bare_step: takes one step without the loop.
      num_pairs: segments of each kind.
      segment: steps in one.
    """

    def __init__(self, bare_step: Callable[[], None], num_pairs: int, segment: int):
        self._bare_step = bare_step
        self._num_pairs = num_pairs
        self._segment = segment
        self._steps = 0
        self._began = np.zeros(2)
        self.in_loop: list[np.ndarray] = []
        self.bare: list[np.ndarray] = []

    def __call__(self) -> bool:
        """Whether the loop has run for long enough."""
        self._steps += 1
        if self._steps == _WARM_UP_STEPS:
            self._began = _clocks()
        if self._steps < _WARM_UP_STEPS + self._segment:
            return False
        self.in_loop.append(self._passed())
        for _ in range(_WARM_UP_STEPS):
            self._bare_step()
        self._began = _clocks()
        for _ in range(self._segment):
            self._bare_step()
        self.bare.append(self._passed())
        self._steps = 0
        return len(self.in_loop) == self._num_pairs

    def _passed(self) -> np.ndarray:
        return (_clocks() - self._began) / self._segment


def _clocks() -> np.ndarray:
    """Seconds on the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def measure(*, num_pairs: int = 16, segment: int = 60) -> dict[str, Any]:
    """The row, and where the time of a step in the loop goes.

    Args:
      num_pairs: segments of each kind.
      segment: steps in one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        data, workdir = (pathlib.Path(temporary) / name for name in ("data", "run"))
        class_names = tuple(f"class{label}" for label in range(_NUM_CLASSES))
        made_up.write_dataset(data, _NUM_RECORDS, class_names, _picture)
        config = build_config(str(data))
        run.train(config, workdir, ["multimodal"])
        stage = STAGES["image_gan"](config, dataset_info.load(data), workdir)
        trainer = stage.build()
        stage.folder.mkdir()
        batch = next(iter(stage.dataset(0)))
        compiled = tf.function(trainer.train_step, autograph=False)

        interleaved = Interleaved(lambda: compiled(batch), num_pairs, segment)
        settings = run.loop_settings(stage)
        settings = dataclasses.replace(settings, checkpoint_every_steps=settings.num_steps)
        with contextlib.suppress(Stopped):
            loop.train(
                trainer,
                stage.dataset,
                stage.folder,
                settings,
                name=stage.name,
                should_stop=interleaved,
            )
        began = _clocks()
        Checkpoints(workdir / "state", State(trainer)).save(1)
        stage.draw_samples(trainer, 1)
        state = _clocks() - began
    return summarize(interleaved.bare, interleaved.in_loop, state / config.checkpoint_every_steps)


def summarize(
    bare: list[np.ndarray], in_loop: list[np.ndarray], state: np.ndarray
) -> dict[str, Any]:
    """The row and the parts.

    Args:
      bare: [clock, processor] seconds of a bare step, by segment.
      in_loop: the same in the loop.
      state: the share of a step in saving a state and drawing samples.
    """
    whole = [one + state for one in in_loop]
    row = compare(
        f"training loop, {_FILTERS} filters, batch {_BATCH_SIZE}",
        "the bare step on a batch in memory",
        (_as_took(whole), _as_took(bare)),
        goal=_GOAL,
    )
    parts = {}
    for kind, name in enumerate(("clock", "processor")):
        step = float(np.median([one[kind] for one in bare]))
        around = float(np.median([b[kind] - a[kind] for a, b in zip(bare, in_loop, strict=True)]))
        parts[name] = {
            "the step": step,
            "reading, decoding, logs": around,
            "saved states and samples": float(state[kind]),
        }
    return {"rows": [row], "parts": parts}


def _as_took(times: list[np.ndarray]) -> list[Took]:
    return [Took(float(clock), float(processor), 0) for clock, processor in times]


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """The table of shares."""
    clock, processor = (benchmark["parts"][name] for name in ("clock", "processor"))
    lines = [
        (name, *(_share(times[name], times) for times in (clock, processor))) for name in clock
    ]
    whole = [tables.seconds(sum(times.values())) for times in (clock, processor)]
    head = ("part of a step", "by the clock", "of the processor")
    return {"profile": tables.table(head, [*lines, ("whole", *whole)])}


def _share(value: float, times: Mapping[str, float]) -> str:
    shown = tables.seconds(value) if value > 0 else f"-{tables.seconds(-value)}"
    return f"{shown} ({value / sum(times.values()):.1%})"
