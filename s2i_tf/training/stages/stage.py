"""What every stage of training is: a trainer, its batches and what it leaves in `RUN/model`.

A stage reads what the stages before it left there and is done when its own part is there.
"""

import abc
import pathlib
from collections.abc import Iterable

import keras

from s2i_tf import files, spec
from s2i_tf.config import MAX_STAGES, STAGES, Config
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError
from s2i_tf.model_folder import FOLDER_IN_RUN
from s2i_tf.models import part_file
from s2i_tf.training.backends import pipeline
from s2i_tf.training.checkpoints import FOLDER as CHECKPOINTS_FOLDER

TRAINED_FILE = "trained.json"


class Stage(abc.ABC):
    """One stage of a run.

    Args:
      config: configuration of the run.
      info: description of its data set.
      workdir: the run's folder.
    """

    name: str
    part: str  # the file in RUN/model, without its ending
    needs: tuple[str, ...] = ()  # the stages whose parts it reads
    with_image = False

    def __init__(self, config: Config, info: DatasetInfo, workdir: pathlib.Path):
        self.config = config
        self.info = info
        self.folder = workdir / self.name
        self.model_folder = workdir / FOLDER_IN_RUN
        # Each stage has random numbers of its own.
        self.seed = config.seed * MAX_STAGES + STAGES.index(self.name)

    @property
    def settings(self):
        """The part of the configuration that has the stage's name."""
        return getattr(self.config, self.name)

    @property
    def result(self) -> pathlib.Path:
        """Where the trained part goes."""
        return self.model_folder / f"{self.part}{part_file.KERAS_ENDING}"

    @property
    def trained_steps(self) -> int:
        """The steps that the part which is there was trained for."""
        path = self.folder / TRAINED_FILE
        if not path.exists():  # earlier versions wrote none, and no run could be made longer
            return self.settings.num_steps
        num_steps = files.read_json(path).get("num_steps")
        if not isinstance(num_steps, int):
            raise UserError(f"{path}: num_steps is {num_steps!r}; allowed: a whole number")
        return num_steps

    @property
    def begun(self) -> bool:
        """Whether there is a saved state, or the part already."""
        return self.result.exists() or self.has_checkpoint

    @property
    def has_checkpoint(self) -> bool:
        """Whether a state is saved."""
        return any((self.folder / CHECKPOINTS_FOLDER).glob("*"))

    @property
    def done(self) -> bool:
        """Whether the stage has left its part, trained for as many steps as are wanted."""
        return self.result.exists() and self.trained_steps >= self.settings.num_steps

    def dataset(self, step: int, *, add_to_seed: int = 0) -> Iterable:
        """The stage's batches from a step on, shuffled or balanced."""
        settings = self.settings
        seed = self.seed + add_to_seed
        common = {"seed": seed, "with_image": self.with_image, "skip_batches": step}
        where = (self.config.data, spec.TRAIN_SPLIT, settings.batch_size)
        if settings.balanced:
            return pipeline.build_balanced_dataset(
                *where, repair_pairs=settings.repair_pairs, **common
            )
        return pipeline.build_dataset(*where, **common)

    def check(self) -> None:
        """Refuses settings that do not fit the data or one another, before anything is built.

        Raises:
          UserError: saying what does not fit.
        """
        side = self.info.image_side
        if self.config.image_side not in (0, side):
            raise UserError(
                f"config.image_side is {self.config.image_side}, but the pictures of "
                f"{self.config.data} are {side} px wide; prepare the data with that "
                "--image_side, or leave config.image_side 0"
            )

    @abc.abstractmethod
    def check_closely(self) -> None:
        """Refuses what only the records or the networks tell, in seconds.

        Raises:
          UserError: saying what cannot be.
        """

    @abc.abstractmethod
    def build(self) -> keras.Model:
        """The trainer, its weights freshly drawn from the stage's seed."""

    @abc.abstractmethod
    def trained_part(self, trainer: keras.Model) -> keras.Model:
        """What of a trainer is kept."""

    def draw_samples(self, trainer: keras.Model, step: int) -> pathlib.Path | None:
        """Writes a picture of the training's state and says where; by default none."""
        return None

    def save(self, trainer: keras.Model) -> None:
        """Leaves the trained part, see `save_part`, and then for how many steps it was trained."""
        self.save_part(self.trained_part(trainer))
        self.save_trained_steps(self.settings.num_steps)

    def save_trained_steps(self, num_steps: int) -> None:
        """Leaves what `trained_steps` reads."""
        self.folder.mkdir(parents=True, exist_ok=True)
        files.write_json(self.folder / TRAINED_FILE, {"num_steps": num_steps})

    def save_part(self, part: keras.Model) -> None:
        """Leaves a trained part under its final name in one step."""
        self.model_folder.mkdir(parents=True, exist_ok=True)
        part_file.save(part, self.model_folder, self.part)
