"""Train the stages: multimodal layers, feature GAN, image GAN, and the way back if it is wanted.

s2i train --config=realpairs/quick --workdir=RUN --config.data=DATA

s2i train --resume --workdir=RUN

Goes on where an interrupted run of the same configuration stopped; a stage that is done is
skipped. SIGTERM saves the state and ends it with exit code 143. --config takes the name of a
configuration that comes with the package, or a file of your own, which ends in .py. Single settings
are overridden as --config.image_gan.generator.filters=32; on --resume the last stage may be trained
longer, as --config.image_gan.num_steps=5000, and --config.data may say where the data lie now.

--backend=jax trains with JAX alone, on a machine that need not have TensorFlow; the trained model
is the same kind of folder.
"""

import importlib.util
import logging
import os
import pathlib

from absl import flags
from ml_collections import config_flags

from s2i_tf import config as config_lib
from s2i_tf import config_files
from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.errors import EXIT_STOPPED, Stopped, UserError

logger = logging.getLogger(__name__)

_ALL = "all"
_BACKENDS = ("tensorflow", "jax")


def define_flags() -> None:
    """Defines --config, --workdir, --resume, --stage, --backend and --dry_run."""
    config_flags.DEFINE_config_dataclass(
        "config",
        Config(),
        "Name of a packaged configuration, or a Python file with get_config(), FILE.py[:ARG].",
        parse_fn=config_files.read_file,
    )
    flags.DEFINE_string("workdir", None, "Folder of the run: a new one, or one to go on with.")
    flags.DEFINE_bool("resume", False, "Take the configuration from --workdir and go on.")
    flags.DEFINE_list("stage", [_ALL], "Stages to train, or `all` in order.")
    flags.DEFINE_enum("backend", _BACKENDS[0], _BACKENDS, "What Keras runs on.")
    flags.DEFINE_bool("dry_run", False, "Check everything and say what would be done.")


def run() -> None:
    """Trains, or says what it would do."""
    config = _config()
    config.validate()
    dataset_info.load(config.data)
    _choose_backend(flags.FLAGS.backend)

    from s2i_tf.training import run as run_lib

    workdir = pathlib.Path(flags.FLAGS.workdir)
    stages = [] if flags.FLAGS.stage == [_ALL] else flags.FLAGS.stage
    if flags.FLAGS.dry_run:
        for stage in run_lib.plan_stages(config, workdir, stages):
            print(run_lib.describe(stage))
        return
    try:
        run_lib.train(config, workdir, stages)
    except Stopped as stopped:
        backend = "" if flags.FLAGS.backend == _BACKENDS[0] else f" --backend={flags.FLAGS.backend}"
        print(f"{stopped}; s2i train --resume --workdir={workdir}{backend} goes on")
        raise SystemExit(EXIT_STOPPED) from None
    print(f"trained: {workdir}")


def _choose_backend(name: str) -> None:
    """Tells Keras, which must not be imported yet."""
    if importlib.util.find_spec(name) is None:
        others = " or ".join(f"--backend={other}" for other in _BACKENDS if other != name)
        raise UserError(f"--backend={name}: {name} is not installed; install it or take {others}")
    os.environ["KERAS_BACKEND"] = name


def _config() -> Config:
    """The configuration of the flags, or that of the run to go on with, with its overrides."""
    flag, workdir = flags.FLAGS["config"], flags.FLAGS.workdir
    from_file = isinstance(flag.config_filename, str)
    if flags.FLAGS.resume and from_file:
        raise UserError("--resume takes the configuration from --workdir, not from --config")
    if not flags.FLAGS.resume and not from_file:
        raise UserError("--config is missing; give a packaged configuration's name or a FILE.py")
    if not workdir:
        raise UserError("--workdir=FOLDER is missing")
    if not flags.FLAGS.resume:
        return flag.value
    config = config_files.load(workdir)
    for name, value in config_flags.get_override_values(flag).items():
        config_lib.set_field(config, name, value)
    return config
