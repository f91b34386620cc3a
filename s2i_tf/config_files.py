"""Configurations out of files: of `configs/`, of a user, and of runs, also of earlier versions.

A file under `configs/` has `get_config(arg=None)` that returns a `Config`. The command line takes
it as `--config=FILE.py[:ARG]`, and one that comes with the package as `--config=realpairs/best`.
"""

import dataclasses
import importlib.util
import os
import pathlib
import traceback
from collections.abc import Mapping
from typing import Any

from s2i_tf import files
from s2i_tf.config import FILE_NAME, GANS, Config, LossConfig, flatten, set_field
from s2i_tf.errors import UserError, nearest

_FILE_ENDING = ".py"

# The configurations that come along: within an installed package, beside it in a checkout.
PACKAGED = pathlib.Path(__file__).with_name("configs")
if not PACKAGED.is_dir():
    PACKAGED = pathlib.Path(__file__).parents[1] / "configs"


def read_file(name: str) -> Config:
    """What a configuration file's `get_config` returns.

    Args:
      name: `FILE.py[:ARG]`, or without that ending one that comes with the package, such as
        `realpairs/best`.

    Raises:
      UserError: if there is no such file, or what it does is refused, by its line.
    """
    name, *argument = name.split(":", 1)
    path = pathlib.Path(name)
    if path.suffix != _FILE_ENDING:
        path = (PACKAGED / name).with_suffix(_FILE_ENDING)
        if not path.is_file():
            known = sorted(packaged())
            raise UserError(
                f"no configuration {name!r} comes with the package{nearest(name, known)}; known: "
                f"{', '.join(known)}; a file of your own ends in {_FILE_ENDING}"
            )
    if not path.is_file():
        raise UserError(f"{path}: there is no such configuration file; check --config=FILE.py")
    source = importlib.util.spec_from_file_location("s2i_tf_config_file", path.absolute())
    module = importlib.util.module_from_spec(source)
    try:
        source.loader.exec_module(module)
        config = module.get_config(*argument)
    except (Exception, SystemExit) as error:  # whatever a file of the user's raises
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == source.origin]
        where = f", line {lines[-1]}" if lines else ""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        raise UserError(f"{path}{where}: {kind}{error}") from None
    if not isinstance(config, Config):
        raise UserError(f"{path}: get_config() returns {type(config).__name__}; allowed: a Config")
    return config


def packaged() -> list[str]:
    """The names of the configurations that come with the package."""
    paths = (path.relative_to(PACKAGED) for path in PACKAGED.rglob(f"*{_FILE_ENDING}"))
    return [path.with_suffix("").as_posix() for path in paths if path.stem != "__init__"]


def load(folder: str | os.PathLike) -> Config:
    """Reads the `resolved_config.json` of a run, also one of an earlier version.

    Raises:
      UserError: if there is none, or it is not a configuration of this version.
    """
    path = pathlib.Path(folder) / FILE_NAME
    if not path.exists():
        raise UserError(f"{folder}: not a run folder ({FILE_NAME} is missing)")
    return from_dict(files.read_json(path), str(path))


def from_dict(values: Mapping[str, Any], where: str) -> Config:
    """A configuration of nested mappings, as `dataclasses.asdict` gives them, of any version.

    Args:
      values: all fields or some of them; the others have their defaults.
      where: what the mapping was read from, for errors.

    Raises:
      UserError: if they are not a configuration's.
    """
    migrated = migrate(values)
    try:
        config = _from_dict(Config, migrated)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if migrated != values:
        # What the earlier version let pass without effect, among it the settings of discriminators
        # that only watched.
        usual = flatten(dataclasses.asdict(Config()))
        for name, _, _ in list(config.without_effect()):
            set_field(config, name, usual[name])
    return config


# Where the fields of a GAN went that stood side by side in version 0.1.
_MOVED = {
    "loss": "loss.adversarial",
    **{
        field.name: f"loss.{field.name}"
        for field in dataclasses.fields(LossConfig)
        if field.name != "adversarial"
    },
    "discriminator_weight": "discriminator.loss_weight",
    "num_discriminator_steps": "discriminator.updates_per_step",
    "discriminator_learning_rate": "discriminator.learning_rate",
    "adam_epsilon": "optimizer.epsilon",
    **{
        name: f"optimizer.{name}"
        for name in ("learning_rate", "beta_1", "beta_2", "constant_share", "ema_decay")
    },
}


def migrate(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same configuration in the fields of this version, of one in those of an earlier one."""
    if not isinstance(values, Mapping):
        return values
    migrated = dict(values)
    for stage in GANS:
        if isinstance(values.get(stage), Mapping):
            moved: dict[str, dict[str, Any]] = {}
            migrated[stage] = grouped = {}
            for name, value in values[stage].items():
                if name in _MOVED and not isinstance(value, Mapping):
                    group, field = _MOVED[name].split(".")
                    moved.setdefault(group, {})[field] = value
                    grouped.setdefault(group, {})
                else:
                    grouped[name] = value
            for group, fields in moved.items():
                if isinstance(grouped[group], Mapping):  # what is no group is refused by its name
                    grouped[group] = {**fields, **grouped[group]}
    return migrated


def _from_dict(cls: type, values: Any) -> Any:
    if not isinstance(values, Mapping):
        raise UserError(f"not a configuration: {cls.__name__} is {values!r}")
    built = cls()
    groups = {field.name: field.type for field in dataclasses.fields(cls)}
    for name, value in values.items():
        is_group = dataclasses.is_dataclass(groups.get(name))
        setattr(built, name, _from_dict(groups[name], value) if is_group else value)
    return built
