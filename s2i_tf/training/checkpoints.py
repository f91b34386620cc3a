"""The whole state of a training in one file, from which it goes on as if it had never stopped.

`step_00001000.npz` holds every variable of the trainer, of its optimizers and of the random
generators in order, and the step, which is also the position in the data. The zip format keeps a
checksum of each variable, so damage is found when a state is read; NumPy alone reads it.
"""

import contextlib
import errno
import logging
import pathlib
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from s2i_tf import files
from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

Variable = Any  # of Keras or of TensorFlow

FOLDER = "checkpoints"
_KEPT = 2
_NAME = re.compile(r"step_(\d+)\.npz")
_DAMAGED_ENDING = ".damaged"
_STEP = "step"
RANDOM_STATE = "seed_generator_state"


class NotFinite(ValueError):
    """A state with a NaN or an infinity, which is never saved; says where."""


class State:
    """Every variable that a training changes, by a name that is the same in every process.

    Args:
      trainer: a built model, its optimizers attributes of it and built as well.
    """

    def __init__(self, trainer: keras.Model):
        self.variables: dict[str, Variable] = {}
        self._known: set[int] = set()
        self.add("model", trainer.variables)
        for name, value in sorted(vars(trainer).items()):
            if isinstance(value, keras.optimizers.Optimizer):
                self.add(name, value.variables)

    def add(self, group: str, variables: Iterable[Variable]) -> None:
        """Adds those that are not known yet; their order is part of their names."""
        for variable in variables:
            held = variable.value if isinstance(variable, keras.Variable) else variable
            if id(held) not in self._known:
                self._known.add(id(held))
                self.variables[f"{group}/{len(self.variables):04}"] = variable

    def add_random_states(self, used: Iterable[Variable]) -> None:
        """Adds the random generators among the variables that a traced step uses.

        Those of layers are there; this finds Keras' global one and those of plain objects.
        """
        self.add("random", [variable for variable in used if RANDOM_STATE in variable.name])

    @contextlib.contextmanager
    def random_kept(self) -> Iterator[None]:
        """Within it random numbers may be drawn that the training does not notice."""
        before = {
            name: variable.numpy()
            for name, variable in self.variables.items()
            if RANDOM_STATE in variable.name
        }
        yield
        self.assign(before)

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
        with files.new_file(path) as temporary, open(temporary, "wb") as file:
            self._write(file, step)
        # Those under a temporary name were left by a process that was killed.
        unfinished = filter(files.is_temporary, self.folder.iterdir())
        for old in (*self._newest_first()[_KEPT:], *unfinished):
            old.unlink(missing_ok=True)
        return path

    def restore(self) -> int:
        """Restores the newest state that is whole and returns its step; 0 if there is none.

        A damaged state is put aside with a warning, and the one before it is taken.

        Raises:
          UserError: if a state is another model's or cannot be read, or all of them are damaged.
        """
        for path in self._newest_first():
            try:
                step, values = self._read(path)
            except UserError:
                raise
            except files.ARCHIVE_ERRORS as error:
                # A damaged archive may send the reader to places that no file has (EINVAL).
                if getattr(error, "errno", None) not in (None, errno.EINVAL):
                    raise UserError(
                        f"{path}: cannot be read now ({error.strerror}); it is kept: try again"
                    ) from None
                logger.warning("%s: damaged (%s); the state before it is taken", path, error)
                path.rename(path.with_name(path.name + _DAMAGED_ENDING))
                continue
            self.state.assign(values)
            return step
        if any(self.folder.glob(f"*{_DAMAGED_ENDING}")):
            raise UserError(
                f"{self.folder}: every saved state is damaged; remove the folder to start again"
            )
        return 0

    def _newest_first(self) -> list[pathlib.Path]:
        found = [path for path in self.folder.glob("*.npz") if _NAME.fullmatch(path.name)]
        return sorted(found, reverse=True)

    def _write(self, file, step: int) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            _write_array(archive, _STEP, np.array(step))
            for name, variable in self.state.variables.items():
                value = variable.numpy()
                if not np.isfinite(value).all():
                    raise NotFinite(f"{name} ({variable.name})")
                _write_array(archive, name, value)

    def _read(self, path: pathlib.Path) -> tuple[int, dict[str, np.ndarray]]:
        with np.load(path, allow_pickle=False) as archive:
            values = {name: archive[name] for name in archive.files}
        step = int(values.pop(_STEP))
        if different := sorted(set(values) ^ set(self.state.variables)):
            raise _other_model(
                path, f"{len(values)} variables, not {len(self.state.variables)}: {different[0]}"
            )
        for name, value in values.items():
            wanted = tuple(self.state.variables[name].shape)
            if value.shape != wanted:
                name = f"{name} ({self.state.variables[name].name})"
                raise _other_model(path, f"{name} has the shape {value.shape}, not {wanted}")
        return step, values


def _write_array(archive: zipfile.ZipFile, name: str, value: np.ndarray) -> None:
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, value, allow_pickle=False)


def _other_model(path: pathlib.Path, reason: str) -> UserError:
    return UserError(
        f"{path}: the saved state does not fit this configuration; "
        f"choose another --workdir or the configuration it was trained with ({reason})"
    )
