"""What the training loop costs on top of the bare step: input, logs, saved states, samples.

python -m benchmarks.training_loop [--out=FILE.json] [--pairs=10] [--segment=100]

Makes a prepared data set of its own and trains a small image GAN (16 filters, batch 8) on it with
the loop. Between its segments of steps the same process takes as many bare steps: the compiled
`train_step` on one batch that stays in memory. The first steps of a segment, which find batches
ready that were read meanwhile, are not counted. The time of a saved state with its samples is
shared out over the default interval. Processor time is measured as well, all threads together:
beside other work it says more than the clock. Prints one line and writes every number as JSON.
About 8 minutes on 2 cores.
"""

import argparse
import contextlib
import hashlib
import os
import pathlib
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from s2i_tf import files, spec
from s2i_tf.config import Config
from s2i_tf.data import dataset_info, schema
from s2i_tf.errors import Stopped
from s2i_tf.media import image
from s2i_tf.training import loop, run
from s2i_tf.training.checkpoints import Checkpoints, State
from s2i_tf.training.stages import STAGES

_NUM_CLASSES = 10
_NUM_RECORDS = {spec.TRAIN_SPLIT: 512, spec.EVAL_SPLIT: 64}
_FILTERS = 16
_BATCH_SIZE = 8
_WARM_UP_STEPS = 10


def make_dataset(folder: pathlib.Path) -> None:
    """Writes a prepared data set of random features and of pictures with shapes and noise."""
    rng = np.random.default_rng(0)
    fingerprints = {"sound_fingerprint": "made up", "image_fingerprint": "made up"}
    splits = {}
    for split, num_records in _NUM_RECORDS.items():
        path = folder / f"made_up-{split}.tfrecord-00000-of-00001"
        with tf.io.TFRecordWriter(str(path)) as writer:
            for index in range(num_records):
                record = schema.PairRecord(
                    id=f"{split}/{index}",
                    label=index % _NUM_CLASSES,
                    group=f"{split}{index}",
                    sound_features=rng.normal(size=spec.FEATURE_SIZE),
                    image_features=rng.normal(size=spec.FEATURE_SIZE),
                    image=image.encode_jpeg(_picture(rng)),
                    sound_id=f"{index}.wav",
                    image_id=f"{index}.jpg",
                    **fingerprints,
                )
                writer.write(schema.encode(record, "float16"))
        contents = path.read_bytes()
        digest = hashlib.sha256(contents).hexdigest()
        splits[split] = (dataset_info.Shard(path.name, num_records, len(contents), digest),)
    dataset_info.DatasetInfo(
        name="made_up",
        class_names=tuple(f"class{label}" for label in range(_NUM_CLASSES)),
        feature_dtype="float16",
        fingerprints=fingerprints,
        extractors={"sound": "made_up", "image": "made_up"},
        nets={},
        splits=splits,
        source=str(folder),
    ).save(folder)


def _picture(rng: np.random.Generator) -> np.ndarray:
    """Squares of random colours with noise; decoding it is no less work than a photo."""
    num_squares = 8
    side = spec.IMAGE_SIDE // num_squares
    colours = rng.integers(0, 256, (num_squares, num_squares, spec.IMAGE_CHANNELS))
    squares = colours.repeat(side, axis=0).repeat(side, axis=1)
    noisy = squares + rng.normal(scale=16, size=squares.shape)
    return noisy.clip(0, 255).astype(np.uint8)


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

    The times are [clock, processor] in ms per step.

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
        self.loop_ms: list[np.ndarray] = []
        self.bare_ms: list[np.ndarray] = []

    def __call__(self) -> bool:
        """Whether the loop has run for long enough."""
        self._steps += 1
        if self._steps == _WARM_UP_STEPS:
            self._began = _clocks()
        if self._steps < _WARM_UP_STEPS + self._segment:
            return False
        self.loop_ms.append(self._passed_ms())
        for _ in range(_WARM_UP_STEPS):
            self._bare_step()
        self._began = _clocks()
        for _ in range(self._segment):
            self._bare_step()
        self.bare_ms.append(self._passed_ms())
        self._steps = 0
        return len(self.loop_ms) == self._num_pairs

    def _passed_ms(self) -> np.ndarray:
        return 1e3 * (_clocks() - self._began) / self._segment


def _clocks() -> np.ndarray:
    """Seconds on the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def measure(num_pairs: int, segment: int) -> dict:
    """Runs both kinds of segments in turn; see the module."""
    with tempfile.TemporaryDirectory() as temporary:
        data, workdir = (pathlib.Path(temporary) / name for name in ("data", "run"))
        data.mkdir()
        make_dataset(data)
        config = build_config(str(data))
        run.train(config, workdir, ["multimodal"])
        stage = STAGES["image_gan"](config, dataset_info.load(data), workdir)
        trainer = stage.build()
        stage.folder.mkdir()
        batch = next(iter(stage.dataset(0)))
        compiled = tf.function(trainer.train_step, autograph=False)

        interleaved = Interleaved(lambda: compiled(batch), num_pairs, segment)
        settings = loop.LoopSettings(
            num_steps=config.image_gan.num_steps,
            batch_size=_BATCH_SIZE,
            log_every_steps=config.log_every_steps,
            checkpoint_every_steps=config.image_gan.num_steps,
        )
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
        state_ms = 1e3 * (_clocks() - began)
    return summarize(
        interleaved.bare_ms, interleaved.loop_ms, state_ms, config.checkpoint_every_steps
    )


def summarize(
    bare_ms: list[np.ndarray],
    loop_ms: list[np.ndarray],
    state_ms: np.ndarray,
    checkpoint_every_steps: int,
) -> dict:
    """Medians, and which share of the bare throughput the loop reaches, by kind of time."""
    found = {}
    for kind, name in enumerate(("clock", "processor")):
        bare, in_loop = (np.array(times)[:, kind] for times in (bare_ms, loop_ms))
        with_states = in_loop + state_ms[kind] / checkpoint_every_steps
        found[name] = {
            "bare_ms": float(np.median(bare)),
            "loop_ms": float(np.median(in_loop)),
            "state_ms": float(state_ms[kind]),
            "share_without_states": float(np.median(bare / in_loop)),
            "share": float(np.median(bare / with_states)),
            "all_bare_ms": bare.tolist(),
            "all_loop_ms": in_loop.tolist(),
        }
    return {**found, "num_cores": os.cpu_count(), "tensorflow": tf.__version__}


def main() -> None:
    """Measures, prints one line and writes the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", help="JSON file to write.")
    parser.add_argument("--pairs", type=int, default=10, help="Segments of each kind.")
    parser.add_argument("--segment", type=int, default=100, help="Steps in one.")
    args = parser.parse_args()
    found = measure(args.pairs, args.segment)
    if args.out:
        files.write_json(args.out, found)
    print("; ".join(_line(name, found[name]) for name in ("clock", "processor")))


def _line(name: str, found: dict) -> str:
    return (
        f"{name}: bare step {found['bare_ms']:.1f} ms, in the loop {found['loop_ms']:.1f} ms, "
        f"a saved state {found['state_ms']:.0f} ms, {found['share']:.1%} of the bare throughput"
    )


if __name__ == "__main__":
    main()
