"""The whole state of a training in one file, from which it goes on as if it had never stopped.

`step_00001000.npz` holds every variable of the trainer, of its optimizers and of the random
generators in order, and the step, which is also the position in the data. The zip format keeps a
checksum of each variable, so damage is found when a state is read; NumPy alone reads it.
"""

import logging
import pathlib
import re
import zipfile
import zlib
from collections.abc import Iterable

import keras
import numpy as np

from s2i_tf import files
from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

FOLDER = "checkpoints"
_KEPT = 2
_NAME = re.compile(r"step_(\d+)\.npz")
_DAMAGED_ENDING = ".damaged"
_STEP = "step"
_RANDOM_STATE = "seed_generator_state"
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, EOFError, OSError)


class NotFinite(ValueError):
    """A state with a NaN or an infinity, which is never saved; says where."""


class State:
    """Every variable that a training step reads and changes, by a name that every process gives.

    Args:
      trainer: a built model, its optimizers attributes of it and built as well.
    """

    def __init__(self, trainer: keras.Model):
        self.variables: dict[str, keras.Variable] = {}
        self._known: set[int] = set()
        self._add("model", trainer.variables)
        for name, value in sorted(vars(trainer).items()):
            if isinstance(value, keras.optimizers.Optimizer):
                self._add(name, value.variables)

    def _add(self, group: str, variables: Iterable[keras.Variable]) -> None:
        for variable in variables:
            if id(variable.value) not in self._known:
                self._known.add(id(variable.value))
                self.variables[f"{group}/{len(self.variables):04}_{variable.name}"] = variable

    def add_random_states(self, used: Iterable) -> None:
        """Adds the random generators among the TensorFlow variables that a traced step uses.

        Those of layers are there; this finds Keras' global one and those of plain objects.
        """
        for variable in used:
            if _RANDOM_STATE in variable.name and id(variable) not in self._known:
                self._known.add(id(variable))
                self.variables[f"random/{len(self.variables):04}"] = variable

    def random_values(self) -> dict[str, np.ndarray]:
        """The random generators' values, for `assign`."""
        return {
            name: np.array(variable)
            for name, variable in self.variables.items()
            if _RANDOM_STATE in variable.name
        }

    def assign(self, values: dict[str, np.ndarray]) -> None:
        """Sets the variables that are named."""
        for name, value in values.items():
            self.variables[name].assign(value)


class Checkpoints:
    """The newest states of a training in a folder.

    Args:
      folder: where they are.
      state: what is saved and restored.
    """

    def __init__(self, folder: pathlib.Path, state: State):
        self.folder = folder
        self.state = state

    @property
    def newest(self) -> pathlib.Path | None:
        """The file of the newest state, or None."""
        return next(iter(self._newest_first()), None)

    def save(self, step: int) -> pathlib.Path:
        """Saves the state at a step, under its final name once it is whole, and drops old ones.

        Raises:
          NotFinite: if a variable holds a NaN or an infinity.
          OSError: if it cannot be written; what was saved before stays.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step_{step:08}.npz"
        temporary = files.temporary_name(path)
        try:
            with open(temporary, "wb") as file:
                self._write(file, step)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        for old in self._newest_first()[_KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def restore(self) -> int:
        """Restores the newest state that is whole and returns its step; 0 if there is none.

        A damaged state is put aside with a warning, and the one before it is taken.

        Raises:
          UserError: if a state is another model's, or all of them are damaged.
        """
        damaged = None
        for path in self._newest_first():
            try:
                step, values = self._read(path)
            except UserError:
                raise
            except _READ_ERRORS as error:
                logger.warning("%s: damaged (%s); the state before it is taken", path, error)
                damaged = path.rename(path.with_name(path.name + _DAMAGED_ENDING))
                continue
            self.state.assign(values)
            return step
        if damaged is not None:
            raise UserError(
                f"{self.folder}: every saved state is damaged; remove the folder to start again"
            )
        return 0

    def _newest_first(self) -> list[pathlib.Path]:
        found = [path for path in self.folder.glob("*.npz") if _NAME.fullmatch(path.name)]
        return sorted(found, reverse=True)

    def _write(self, file, step: int) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, variable in {_STEP: step, **self.state.variables}.items():
                value = np.array(variable)
                if not np.isfinite(value).all():
                    raise NotFinite(name)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, value, allow_pickle=False)

    def _read(self, path: pathlib.Path) -> tuple[int, dict[str, np.ndarray]]:
        with np.load(path, allow_pickle=False) as archive:
            values = {name: archive[name] for name in archive.files}
        step = int(values.pop(_STEP))
        if different := sorted(set(values) ^ set(self.state.variables)):
            raise _other_model(path, f"{different[0]} is only in one of the two")
        for name, value in values.items():
            wanted = tuple(self.state.variables[name].shape)
            if value.shape != wanted:
                raise _other_model(path, f"{name} has the shape {value.shape}, not {wanted}")
        return step, values


def _other_model(path: pathlib.Path, reason: str) -> UserError:
    return UserError(
        f"{path}: the saved state does not fit this configuration; "
        f"choose another --workdir or the configuration it was trained with ({reason})"
    )
