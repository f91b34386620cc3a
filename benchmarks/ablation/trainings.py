"""Each training once: a stage's folder is named after all that it depends on.

That is the stage's part of the config, the seed, the data, and the trainings whose parts it reads.
Variants that agree in these share it, and a stage that a change does not touch is not trained
again. A training that was interrupted goes on from its last saved state.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import math
import pathlib
import shutil
import time
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from benchmarks.ablation.variants import (
    AROUND,
    FEATURE_GAN,
    MULTIMODAL,
    Variant,
    build_config,
    find,
)
from s2i_tf import files
from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.training import loop, run
from s2i_tf.training.stages import STAGES

_SECONDS_FILE = "seconds.json"

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Training:
    """A trained part.

    Attributes:
      part: the Keras file.
      key: digest of what it depends on.
      num_pairs: how many training pairs it saw.
      num_steps: how many steps it took.
      seconds: of the clock and of the processor that it took, all threads together; without what
        was lost by a kill.
      last: the last line of its log: losses, scores and gradient norms, means of a tenth of the
        steps.
    """

    part: pathlib.Path
    key: str
    num_pairs: int
    num_steps: int
    seconds: Mapping[str, float]
    last: Mapping[str, float]


class Trainings:
    """Trains variants, or finds them trained.

    Args:
      data: the prepared data set.
      out: folder of all trainings.
      budget_share: share of the pairs that each sees.
    """

    def __init__(self, data: str, out: pathlib.Path, budget_share: float = 1.0):
        self._data, self._out, self._budget_share = data, out, budget_share
        shards = dataset_info.load(data).splits["train"]
        self._data_key = [shard.sha256 for shard in shards]

    def key(self, variant: Variant, seed: int) -> str:
        """What names the training: all that it depends on, as 12 hexadecimal digits."""
        config = self._config(variant, seed)
        values = {
            "stage": variant.stage,
            "settings": dataclasses.asdict(getattr(config, variant.stage)),
            "precision": config.precision,
            "seed": seed,
            "data": self._data_key,
            "needs": {need.stage: self.key(need, 0) for need in _needs(variant)},
        }
        if variant.stage == FEATURE_GAN and config.feature_gan.method == "disco":
            values["other_way"] = dataclasses.asdict(config.reverse_gan)
        text = json.dumps(values, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def get(self, variant: Variant, seed: int = 0) -> Training:
        """The training of a variant with a seed; what it needs is trained with seed 0.

        Raises:
          UserError: if a number is no longer finite.
          Stopped: after a SIGTERM.
        """
        key = self.key(variant, seed)
        folder = self._out / f"{variant.stage}-{key}"
        config = self._config(variant, seed)
        stage = STAGES[variant.stage](config, dataset_info.load(self._data), folder)
        if not stage.done:
            needed = [self.get(need).part for need in _needs(variant)]
            logger.info("training %s: %s, seed %d", variant.stage, variant.name, seed)
            folder.mkdir(parents=True, exist_ok=True)
            config.save(folder)
            stage.model_folder.mkdir(exist_ok=True)
            for part in needed:
                shutil.copyfile(part, stage.model_folder / part.name)
            keras.backend.clear_session()
            with _timed(folder / _SECONDS_FILE):
                run.train(config, folder, [variant.stage])
            shutil.rmtree(stage.folder / loop.CHECKPOINTS_FOLDER)
        settings = stage.settings
        lines = (stage.folder / loop.METRICS_FILE).read_text().splitlines()
        return Training(
            stage.result,
            key,
            settings.num_steps * settings.batch_size,
            settings.num_steps,
            json.loads((folder / _SECONDS_FILE).read_text()),
            json.loads(lines[-1]),
        )

    def num_discriminator_weights(self, variant: Variant) -> int:
        """How many numbers the discriminator of a feature GAN learns."""
        stage = STAGES[FEATURE_GAN](
            self._config(variant, 0), dataset_info.load(self._data), self._out
        )
        multimodal, *_ = _needs(variant)
        stage.multimodal = keras.saving.load_model(self.get(multimodal).part, compile=False)
        discriminator = stage.build_discriminator()
        return sum(math.prod(weight.shape) for weight in discriminator.trainable_variables)

    def _config(self, variant: Variant, seed: int) -> Config:
        return build_config(variant, self._data, seed, self._budget_share)


def _needs(variant: Variant) -> tuple[Variant, ...]:
    """Whose parts the training reads, the multimodal layers first."""
    if variant.stage == MULTIMODAL:
        return ()
    stages = [MULTIMODAL]
    if variant.changes.get("generated_share"):
        stages.append(FEATURE_GAN)
    return tuple(find(stage, AROUND[stage]) for stage in stages)


@contextlib.contextmanager
def _timed(path: pathlib.Path) -> Iterator[None]:
    """Adds the seconds that pass within it to those in a file."""
    before: dict[str, Any] = {"clock": 0.0, "processor": 0.0}
    if path.exists():
        before = json.loads(path.read_text())
    began = time.perf_counter(), time.process_time()
    try:
        yield
    finally:
        passed = time.perf_counter() - began[0], time.process_time() - began[1]
        both = zip(before.items(), passed, strict=True)
        files.write_json(path, {name: value + more for (name, value), more in both})
