"""Training on Keras' JAX backend, beside TensorFlow and without it.

JAX runs in processes of its own: this environment's Python if it has JAX, or the one that
`S2I_TF_JAX_PYTHON` names, which need not have TensorFlow.
"""

import importlib.util
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from s2i_tf.errors import EXIT_STOPPED
from s2i_tf.models.sound_to_image import SoundToImage

ROOT = pathlib.Path(__file__).resolve().parents[2]
TWO_STEPS = pathlib.Path(__file__).with_name("two_steps.py")
CASES = ("unet", "wgan_gp", "began", "features", "projected", "alone", "multimodal")

# Float32 sums in another order: measured differences are below 6e-7 for weights that move by about
# 1e-3, 3e-5 for the moments of gradients and 5e-5 of the results.
WEIGHT_TOLERANCE = 5e-6
MOMENT_TOLERANCE = 3e-4
RESULT_TOLERANCE = 1e-3

# Neither TensorFlow nor PyAV can be imported, installed or not.
TRAIN = """
import sys

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "av"):
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Missing)
from s2i_tf.cli.main import main
main(["s2i", "train", "--backend=jax", *sys.argv[1:]])
"""
CONFIG = """
from s2i_tf.config import Config


def get_config():
    config = Config(data={data!r}, log_every_steps=2, checkpoint_every_steps=4, num_samples=2)
    config.multimodal.hidden_units = 16
    config.multimodal.num_steps, config.multimodal.batch_size = 300, 4
    config.multimodal.hidden_dropout = 0.2
    for gan in (config.feature_gan, config.image_gan):
        gan.num_steps, gan.batch_size = 4, 2
        gan.generator.filters = gan.discriminator.filters = 2
        gan.balanced = True
    config.feature_gan.generator.name = "feature_decoder"
    config.feature_gan.discriminator.name = "feature_critic"
    config.feature_gan.discriminator.norm = "spectral"
    config.feature_gan.generator.dropout = 0.0
    image_gan = config.image_gan
    image_gan.generator.dropout = 0.5
    image_gan.loss.augment = "color,translation,cutout"
    image_gan.optimizer.ema_decay = 0.9
    image_gan.generated_share = 0.5
    return config
"""

pytestmark = pytest.mark.jax


@pytest.fixture(scope="module")
def jax_python():
    """An interpreter with JAX; skips the test where there is none."""
    chosen = os.environ.get("S2I_TF_JAX_PYTHON")
    if not chosen and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed, and S2I_TF_JAX_PYTHON names no Python that has it")
    return chosen or sys.executable


def environment(backend):
    known = {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**os.environ, **known}


def take_two_steps(python, backend, *folders):
    finished = subprocess.run(
        [python, str(TWO_STEPS), *map(str, folders)],
        env=environment(backend),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]


@pytest.fixture(scope="module")
def two_steps(jax_python, tmp_path_factory):
    """Folders of what TensorFlow and JAX made of the same weights and batches."""
    folder = tmp_path_factory.mktemp("two_steps")
    take_two_steps(sys.executable, "tensorflow", folder / "tensorflow")
    take_two_steps(jax_python, "jax", folder / "jax", folder / "tensorflow")
    return folder


def read(path):
    with np.load(path) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("case", CASES)
def test_a_step_gives_the_same_losses_and_weights_on_both_backends(case, two_steps):
    start = read(two_steps / "tensorflow" / f"{case}_start.npz")
    expected = read(two_steps / "tensorflow" / f"{case}.npz")
    found = read(two_steps / "jax" / f"{case}.npz")
    assert set(found) == set(expected)
    moved = 0.0
    for name, values in expected.items():
        if name not in start:
            tolerance = {"rtol": RESULT_TOLERANCE, "atol": 1e-5}
        elif name.startswith("model"):
            tolerance = {"rtol": 0, "atol": WEIGHT_TOLERANCE}
            if values.dtype == np.float32:
                moved = max(moved, np.abs(values - start[name]).max())
        else:
            tolerance = {"rtol": 0, "atol": MOMENT_TOLERANCE}
        np.testing.assert_allclose(found[name], values, **tolerance, err_msg=name)
    assert moved > 100 * WEIGHT_TOLERANCE


def start(python, *argv):
    return subprocess.Popen(
        [python, "-c", TRAIN, *argv],
        env=environment("tensorflow"),  # the flag decides
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process, status=0):
    output, _ = process.communicate(timeout=1800)
    assert process.returncode == status, output[-3000:]
    return output


def metrics(workdir, stage):
    path = workdir / stage / "metrics.jsonl"
    return path.read_text() if path.exists() else ""


@pytest.fixture(scope="module")
def run(jax_python, tiny_dataset, tmp_path_factory):
    """A run of all stages on JAX, and its configuration."""
    folder = tmp_path_factory.mktemp("jax")
    config = folder / "config.py"
    config.write_text(CONFIG.format(data=str(tiny_dataset)))
    finish(start(jax_python, f"--config={config}", f"--workdir={folder / 'run'}"))
    return folder / "run", config


def test_tensorflow_takes_the_model_that_jax_trained_without_it(run, tiny_dataset, rng):
    workdir, _ = run
    model = SoundToImage.load(workdir)
    assert keras.backend.backend() == "tensorflow"
    sounds = rng.normal(size=(2, 4096)).astype(np.float32)
    pictures = model.generate(sounds)
    assert pictures.shape == (2, 128, 128, 3) and np.isfinite(pictures).all()
    assert np.abs(pictures - model.generate(sounds, sample=1)).max() > 0
    for stage in ("feature_gan", "image_gan"):
        lines = [json.loads(line) for line in metrics(workdir, stage).splitlines()]
        assert [line["step"] for line in lines] == [2, 4]
        assert all(np.isfinite(value) for line in lines for value in line.values())
        assert (workdir / stage / "samples" / "step_000004.png").exists()
    assert "jax" in json.loads((workdir / "run.json").read_text())["versions"]


def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(run, jax_python, tmp_path):
    whole, config = run
    process = start(jax_python, f"--config={config}", f"--workdir={tmp_path}", "--stage=multimodal")
    deadline = time.monotonic() + 900
    while metrics(tmp_path, "multimodal").count("\n") < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    assert "--resume" in finish(process, EXIT_STOPPED)
    output = finish(start(jax_python, "--resume", f"--workdir={tmp_path}", "--stage=multimodal"))
    assert "multimodal goes on from step" in output
    assert metrics(tmp_path, "multimodal") == metrics(whole, "multimodal")


def test_a_backend_that_is_not_there_is_a_mistake_of_one_line(tmp_path, tiny_dataset):
    config = tmp_path / "config.py"
    config.write_text(CONFIG.format(data=str(tiny_dataset)))
    code = TRAIN.replace("import sys", "import sys\nsys.modules['jax'] = None", 1)
    finished = subprocess.run(
        [sys.executable, "-c", code, f"--config={config}", f"--workdir={tmp_path / 'run'}"],
        env=environment("tensorflow"),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 2
    assert "--backend=jax: jax is not installed" in finished.stderr
