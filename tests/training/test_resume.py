"""A run that is killed again and again gives, bit for bit, what one gives that never stopped."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from s2i_tf.errors import EXIT_STOPPED

STAGES = ("multimodal", "image_gan")
CONFIG = '''
"""A deterministic run of seconds; dropout in the generator, noise from several generators."""

from s2i_tf.config import Config


def get_config():
    config = Config(data={data!r}, seed=3, deterministic=True)
    config.log_every_steps, config.checkpoint_every_steps, config.num_samples = 3, 8, 2
    config.multimodal.hidden_units = 16
    config.multimodal.hidden_dropout = 0.2
    config.multimodal.num_steps, config.multimodal.batch_size = 300, 4
    gan = config.image_gan
    gan.generator.filters = gan.discriminator.filters = 2
    gan.generator.dropout = 0.5
    gan.discriminator.num_layers = 1
    gan.optimizer.ema_decay = 0.9
    gan.loss.augment = "color,translation,cutout"
    gan.num_steps, gan.batch_size = 20, 2
    return config
'''


def start(*argv):
    command = [sys.executable, "-m", "s2i_tf.cli.main", "train", *argv]
    return subprocess.Popen(
        [*command, f"--stage={','.join(STAGES)}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def finish(process, status=0):
    output, _ = process.communicate(timeout=600)
    assert process.returncode == status, output
    return output


def metrics(workdir, stage):
    path = workdir / stage / "metrics.jsonl"
    return path.read_text() if path.exists() else ""


def stop(process, signal_number, workdir, stage, num_lines):
    """Sends the signal once the stage has logged that often."""
    deadline = time.monotonic() + 300
    while metrics(workdir, stage).count("\n") < num_lines:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal_number)


@pytest.fixture(scope="module")
def config(make_dataset, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.py"
    data = make_dataset(path.with_name("data"), image_side=64)
    path.write_text(CONFIG.format(data=str(data)))
    return path


def interrupted(config, workdir):
    """A run that is killed, stopped and killed again on its way."""
    process = start(f"--config={config}", f"--workdir={workdir}")
    stop(process, signal.SIGKILL, workdir, "multimodal", 5)
    finish(process, -signal.SIGKILL)

    process = start("--resume", f"--workdir={workdir}")
    stop(process, signal.SIGTERM, workdir, "multimodal", 40)
    output = finish(process, EXIT_STOPPED)
    assert "multimodal goes on from step" in output
    assert "multimodal was stopped after step" in output
    assert f"s2i train --resume --workdir={workdir} goes on" in output

    process = start("--resume", f"--workdir={workdir}")
    stop(process, signal.SIGKILL, workdir, "image_gan", 3)
    finish(process, -signal.SIGKILL)
    output = finish(start("--resume", f"--workdir={workdir}"))
    assert "multimodal is done" in output and "image_gan goes on from step 8" in output
    return workdir


def assert_same_losses(one, other):
    """The weights are compared bit by bit, losses to a float32's last digit.

    Beside busy neighbours a mean over units has come out another by that digit, in one step of
    hundreds, without a trace in what followed; the cause is not known.
    """
    lines, others = ([json.loads(line) for line in text.splitlines()] for text in (one, other))
    assert [list(line) for line in lines] == [list(line) for line in others]
    values, expected = ([list(line.values()) for line in each] for each in (lines, others))
    np.testing.assert_allclose(values, expected, rtol=3e-7, atol=0)


def assert_no_trace(stopped, whole):
    for stage in STAGES:
        assert_same_losses(metrics(stopped, stage), metrics(whole, stage))
        name = sorted(path.name for path in (whole / stage / "checkpoints").iterdir())[-1]
        with (
            np.load(whole / stage / "checkpoints" / name) as one,
            np.load(stopped / stage / "checkpoints" / name) as other,
        ):
            assert sorted(one.files) == sorted(other.files)
            for key in one.files:
                np.testing.assert_array_equal(one[key], other[key], err_msg=key)
    assert not [path for path in stopped.rglob("*") if ".tmp" in path.name]


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole") / "run"
    finish(start(f"--config={config}", f"--workdir={workdir}"))
    return workdir


@pytest.mark.slow
def test_kills_and_stops_leave_no_trace(config, whole, tmp_path):
    assert_no_trace(interrupted(config, tmp_path / "stopped"), whole)


@pytest.mark.slow
@pytest.mark.skipif(
    "S2I_TF_SOAK" not in os.environ,
    reason="minutes of killed trainings: asked for by S2I_TF_SOAK=1",
)
def test_twenty_times_beside_four_busy_processes(config, whole, tmp_path):
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        for number in range(20):
            assert_no_trace(interrupted(config, tmp_path / f"stopped{number}"), whole)
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_resume_takes_its_configuration_from_the_run_alone(config, tmp_path):
    output = finish(start("--resume", f"--workdir={tmp_path}"), 2)
    assert "not a run folder" in output
    output = finish(start("--resume", f"--workdir={tmp_path}", f"--config={config}"), 2)
    assert "--resume takes the configuration from --workdir, not from --config" in output
