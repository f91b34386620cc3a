"""Run the whole chain on the embedded data set and end with a report to open.

s2i demo --out=FOLDER

Prints every command as it runs it, so that each can be repeated alone: fetch the pretrained nets,
prepare, generate with the model that the package carries, train another, evaluate, generate with
it, export. Data and training that are done are not done again; SIGTERM ends it with exit code 143
once the command that it runs has ended, a training with its state saved.
"""

import pathlib
import shlex
import subprocess
import sys
import time

from absl import flags

from s2i_tf import config_files
from s2i_tf.errors import UserError

CONFIG = "demo"
NETS = ("soundnet", "efficientnet_lite0", "efficientnet_lite2")
# 36 sounds of each class train. The 24 others are so many that their causes can be put in order;
# among four, a rank correlation would come out too low.
_DATA = ("--data=foley", "--num_per_class=60", "--train_share=0.6")
_SOUNDS_SHOWN = 20


def define_flags() -> None:
    """Defines --out and --config."""
    flags.DEFINE_string("out", "demo_out", "Folder for data, run, pictures and export.")
    flags.DEFINE_string("config", CONFIG, "Configuration of the training, as `train` takes it.")


def run() -> None:
    """Runs the verbs one after the other."""
    config = flags.FLAGS.config
    config_files.read_file(config)  # so that a mistake is told before the data are prepared
    out = pathlib.Path(flags.FLAGS.out)
    data, workdir = out / "data", out / "run"
    began = time.monotonic()
    _s2i("weights", "fetch", *NETS)
    _s2i("prepare", *_DATA, f"--out={data}")
    sounds = _eval_sounds(data)
    _s2i("generate", *sounds, f"--out={out / 'pictures_at_once'}")
    _s2i("train", f"--config={config}", f"--workdir={workdir}", f"--config.data={data}")
    _s2i("evaluate", f"--workdir={workdir}")
    _s2i("generate", *sounds, f"--model={workdir}", f"--out={out / 'pictures'}")
    _s2i("export", f"--workdir={workdir}", f"--out={out / 'saved'}")
    minutes = (time.monotonic() - began) / 60
    report = (workdir / "evaluation" / "report.html").resolve()
    print(f"\nThe demo took {minutes:.1f} minutes. Open the report in a browser:\n{report}")


def _s2i(*arguments: str) -> None:
    print(f"\n$ {shlex.join(['s2i', *arguments])}", flush=True)
    exit_code = _run([sys.executable, "-m", "s2i_tf.cli.main", *arguments])
    if exit_code:
        raise UserError(f"s2i {arguments[0]} ended with exit code {exit_code}; see above")


def _run(command: list[str]) -> int:
    """The exit code of a command, which is not left running where the demo is stopped."""
    child = subprocess.Popen(command)
    try:
        return child.wait()
    except (KeyboardInterrupt, SystemExit):
        child.terminate()
        child.wait()
        raise


def _eval_sounds(data: pathlib.Path) -> list[str]:
    """The first eval sounds, spread over the classes."""
    from s2i_tf import spec
    from s2i_tf.data import dataset_info, pipeline

    source = pathlib.Path(dataset_info.load(data).source)
    sound_ids = sorted(
        set(pipeline.load_split(data, spec.EVAL_SPLIT, with_image=False)["sound_id"])
    )
    every = max(len(sound_ids) // _SOUNDS_SHOWN, 1)
    return [str(source / sound_id) for sound_id in sound_ids[::every]]
