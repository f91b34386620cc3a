"""A whole training run: the stages in order, each skipped if done, and the stacked model.

Everything that the run depends on stands in its folder: `resolved_config.json`, and `run.json`
with seed, versions, devices, the fingerprints of data and nets, and the stages that were made
longer on the way.
"""

import contextlib
import logging
import os
import pathlib
import platform
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np

import s2i_tf
from s2i_tf import config as config_lib
from s2i_tf import config_files, features, files, model_folder, spec
from s2i_tf.config import Config
from s2i_tf.data import damage, dataset_info
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.training import fit_hearing, loop
from s2i_tf.training.backends import strategy as strategy_lib
from s2i_tf.training.stages import STAGES, Stage, wanted

logger = logging.getLogger(__name__)

RUN_FILE = "run.json"
_LOCK = ".lock"


def train(config: Config, workdir: str | os.PathLike, stages: Sequence[str] = ()) -> pathlib.Path:
    """Trains the named stages, or all, and stacks the model once the last is done.

    A SIGTERM to the process makes it save its state and raise.

    Args:
      config: configuration of the run.
      workdir: the run's folder: a new one, or one of the same configuration to go on with.
      stages: names out of `STAGES`; all in order where none is named.

    Returns:
      The run's folder.

    Raises:
      UserError: if the configuration or the data is unusable, or the folder is another run's.
      Stopped: after a SIGTERM.
    """
    workdir = pathlib.Path(workdir)
    config.validate()
    if config.deterministic:
        strategy_lib.make_deterministic()
    strategy = strategy_lib.build_strategy(config.strategy)
    with (
        strategy.scope(),
        _stop_on_sigterm() as should_stop,
        _own_folder(config, workdir, stages),
    ):
        strategy_lib.wait_for_all()
        for stage in plan_stages(config, workdir, stages):
            if stage.done:
                logger.info("%s is done: %s", stage.name, stage.result)
                continue
            for needed in stage.needs:
                if not STAGES[needed](config, stage.info, workdir).done:
                    raise UserError(f"stage {stage.name} needs the stage {needed} first")
            with damage.named(config.data, spec.TRAIN_SPLIT):
                _train_stage(stage, should_stop)
            strategy_lib.wait_for_all()
        if strategy_lib.is_chief():
            _describe_model(config, workdir)
    return workdir


def plan_stages(config: Config, workdir: pathlib.Path, stages: Sequence[str] = ()) -> list[Stage]:
    """The stages that a run would go through, after every check that costs nothing.

    Raises:
      UserError: as `train`.
    """
    config.validate()
    for name in stages:
        if name not in STAGES:
            raise unknown_name("stage", name, STAGES)
        if name not in wanted(config):
            raise UserError(f"stage {name} needs config.image_to_sound, which is off")
    if not features.has_classifier(config.judge, "image"):
        known = features.known(features.CLASSIFIERS, "image")
        raise unknown_name("config.judge", config.judge, known)
    if config.hearing and config.unknown_sounds:
        fit_hearing.files_of(config.unknown_sounds)
    info = dataset_info.load(config.data)
    _check_workdir(config, workdir, info)
    planned = [
        stage for stage in _all_stages(config, info, workdir) if not stages or stage.name in stages
    ]
    for stage in planned:
        stage.check()
    return planned


def _all_stages(config: Config, info: DatasetInfo, workdir: pathlib.Path) -> list[Stage]:
    return [STAGES[name](config, info, workdir) for name in wanted(config)]


def describe(stage: Stage) -> str:
    """One line on a stage: what it would train, on how much, for how long."""
    if stage.done:
        return f"{stage.name}: done"
    settings = stage.settings
    num_records = stage.info.num_records(spec.TRAIN_SPLIT)
    epochs = settings.num_steps * settings.batch_size / max(num_records, 1)
    return (
        f"{stage.name}: {settings.num_steps} steps of {settings.batch_size} pairs, "
        f"{epochs:.1f} times through {num_records} pairs"
    )


@contextlib.contextmanager
def _own_folder(config: Config, workdir: pathlib.Path, stages: Sequence[str]) -> Iterator[None]:
    """Within it the folder, which says what the run is, is the chief's alone."""
    if not strategy_lib.is_chief():
        yield
        return
    for stage in plan_stages(config, workdir, stages):
        if not stage.begun:
            stage.check_closely()
    workdir.mkdir(parents=True, exist_ok=True)
    with files.locked(workdir / _LOCK, f"{workdir}: another s2i train is at work there"):
        info = dataset_info.load(config.data)
        lengthened = []
        if (workdir / config_lib.FILE_NAME).exists():
            lengthened = _lengthened(config_files.load(workdir), config)
        for change in lengthened:
            stage = STAGES[change["stage"]](config, info, workdir)
            if stage.result.exists():  # what is done now is not done any more
                stage.save_trained_steps(min(stage.trained_steps, change["from"]))
        config.save(workdir)
        _save_run(workdir, config, info, lengthened)
        _save_what_starts_knew(config, workdir)
        yield


def _train_stage(stage: Stage, should_stop: Callable[[], bool]) -> None:
    keras.utils.set_random_seed(stage.seed)
    trainer = stage.build()
    if strategy_lib.is_chief():
        stage.folder.mkdir(parents=True, exist_ok=True)
    strategy_lib.wait_for_all()
    loop.train(
        trainer,
        stage.dataset,
        stage.folder,
        loop_settings(stage),
        name=stage.name,
        items="images" if stage.with_image else "pairs",
        draw_samples=lambda step: stage.draw_samples(trainer, step),
        should_stop=should_stop,
    )
    if strategy_lib.is_chief():
        stage.save(trainer)


def loop_settings(stage: Stage) -> loop.LoopSettings:
    """What the configuration asks the loop for."""
    config = stage.config
    return loop.LoopSettings(
        num_steps=stage.settings.num_steps,
        batch_size=stage.settings.batch_size,
        log_every_steps=config.log_every_steps,
        checkpoint_every_steps=config.checkpoint_every_steps,
        steps_per_call=config.steps_per_call,
    )


def _save_what_starts_knew(config: Config, workdir: pathlib.Path) -> None:
    """Keeps what the models were trained on that this run starts with: its model knows it too."""
    path = workdir / model_folder.FOLDER_IN_RUN / model_folder.TRAINED_ON_FILE
    starts = {getattr(config, gan).generator.start for gan in config_lib.GANS} - {""}
    if not starts or path.exists():
        return
    known = TrainedOn()
    for start in sorted(starts):
        try:
            known |= TrainedOn.from_dict(model_folder.read_trained_on(start) or {}, start)
        except UserError:
            logger.warning(
                "%s does not say what it was trained on, so an evaluation of what starts with it "
                "cannot leave that out",
                start,
            )
    path.parent.mkdir(exist_ok=True)
    files.write_json(path, known.as_dict())


def _describe_model(config: Config, workdir: pathlib.Path) -> None:
    """Makes a model of the parts once all of them are there."""
    info = dataset_info.load(config.data)
    if all(stage.done for stage in _all_stages(config, info, workdir)):
        folder = workdir / model_folder.FOLDER_IN_RUN
        trained_on = TrainedOn.of_split(config.data)
        if (path := folder / model_folder.TRAINED_ON_FILE).exists():
            trained_on = TrainedOn.from_dict(files.read_json(path), str(path)) | trained_on
        model_folder.write_description(
            folder,
            class_names=info.class_names,
            image_side=info.image_side,
            fingerprints=info.fingerprints,
            extractors=info.extractors,
            nets=info.nets,
            trained_on=trained_on.as_dict(),
            recipe=config.recipe(),
        )


@contextlib.contextmanager
def _stop_on_sigterm() -> Iterator[Callable[[], bool]]:
    """Within it a first SIGTERM only sets what the yielded function tells."""
    received = []

    def receive(number, frame) -> None:
        received.append(number)
        signal.signal(signal.SIGTERM, before)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.signal(signal.SIGTERM, receive)
    try:
        yield lambda: bool(received)
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_workdir(config: Config, workdir: pathlib.Path, info: DatasetInfo) -> None:
    if workdir.exists() and not workdir.is_dir():
        raise UserError(f"{workdir}: not a folder")
    if not (workdir / config_lib.FILE_NAME).exists():
        if workdir.exists() and {path.name for path in workdir.iterdir()} - {_LOCK}:
            raise UserError(f"{workdir}: holds something else; choose an empty folder or a run")
        return
    before = config_files.load(workdir)
    before.data = config.data  # it may have moved; what it holds is compared by fingerprint
    if before.unknown_sounds and config.unknown_sounds:  # so may they
        before.unknown_sounds = config.unknown_sounds
    for one, other in ((getattr(before, gan), getattr(config, gan)) for gan in config_lib.GANS):
        if one.generator.start and other.generator.start:  # and what a training started with
            one.generator.start = other.generator.start
    if not before.image_to_sound:  # the other direction may be added later
        before.image_to_sound, before.reverse_gan = config.image_to_sound, config.reverse_gan
    for change in _lengthened(before, config):
        getattr(before, change["stage"]).num_steps = change["to"]
        _check_longer(change["stage"], config, info, workdir)
    if different := config_lib.differences(before, config):
        raise UserError(
            f"{workdir}: a run of another configuration ({'; '.join(different[:3])}); "
            "choose another --workdir or the same settings"
        )
    if not (workdir / RUN_FILE).exists():
        return
    recorded = files.read_json(workdir / RUN_FILE)
    if recorded.get("data") != _data_identity(info):
        raise UserError(
            f"{workdir}: a run on other data than {config.data}; choose another --workdir"
        )
    (backend,) = strategy_lib.versions()
    if backend not in recorded.get("versions", {backend: ""}):
        for stage in _all_stages(config, info, workdir):
            if stage.has_checkpoint and not stage.done:  # its batches come in another order here
                raise UserError(
                    f"{workdir}: {stage.name} was begun on another backend than {backend}; go on "
                    "there, or choose another --workdir"
                )


def _lengthened(before: Config, config: Config) -> list[dict]:
    """The stages that shall be trained for more steps than the run was to."""
    pairs = {name: (getattr(before, name), getattr(config, name)) for name in wanted(before)}
    return [
        {"stage": name, "from": one.num_steps, "to": other.num_steps}
        for name, (one, other) in pairs.items()
        if one.num_steps < other.num_steps
    ]


def _check_longer(name: str, config: Config, info: DatasetInfo, workdir: pathlib.Path) -> None:
    """Refuses to train a stage longer where that would leave others behind or begin anew."""
    stage = STAGES[name](config, info, workdir)
    field = f"config.{name}.num_steps is {stage.settings.num_steps}"
    for other in _all_stages(config, info, workdir):
        if name in other.needs and other.begun:
            raise UserError(
                f"{field}, but {other.name} was trained on what {name} had left; choose another "
                "--workdir"
            )
    if stage.result.exists() and not stage.has_checkpoint:
        raise UserError(f"{field}, but the saved state of {name} is gone; choose another --workdir")


def _data_identity(info: DatasetInfo) -> dict:
    return {
        "name": info.name,
        "class_names": list(info.class_names),
        "fingerprints": info.fingerprints,
        "shards": {
            split: [shard.sha256 for shard in shards] for split, shards in info.splits.items()
        },
    }


def _save_run(
    workdir: pathlib.Path, config: Config, info: DatasetInfo, lengthened: list[dict]
) -> None:
    values = {
        "seed": config.seed,
        "versions": {
            "s2i_tf": s2i_tf.__version__,
            **strategy_lib.versions(),
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "devices": {
            "strategy": config.strategy,
            "num_replicas": strategy_lib.current().num_replicas_in_sync,
            "kinds": strategy_lib.device_kinds(),
            "machine": platform.machine(),
        },
        "data": _data_identity(info),
        "extractors": info.extractors,
        "nets": info.nets,
    }
    path = workdir / RUN_FILE
    if path.exists():
        before = files.read_json(path)
        lengthened = before.get("lengthened", []) + lengthened
        versions = before.get("versions", {})
        for name, version in values["versions"].items():
            if versions.get(name, version) != version:
                logger.warning(
                    "%s: begun with %s %s, goes on with %s", path, name, versions.get(name), version
                )
    files.write_json(path, {**values, "lengthened": lengthened})
