"""Several devices of one process, and two processes on this machine."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.speed.two_workers import free_ports
from s2i_tf.errors import UserError
from s2i_tf.training.backends import tf_strategy as strategy_lib

# Trains the multimodal layers in folders of the one that it is given, with each of some strategies,
# and prints what they ended with. Batches are those of one device, so that losses can be compared.
CODE = """
import json, pathlib, sys
import keras, numpy as np, tensorflow as tf
from s2i_tf.config import Config
from s2i_tf.training import loop, run
from s2i_tf.training.backends import tf_strategy as strategy
from s2i_tf.training.stages import STAGES

data, folder, *names = sys.argv[1:]
if "mirrored2" in names:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
config = Config(data=data, log_every_steps=2, checkpoint_every_steps=4)
config.multimodal.hidden_units = 16
config.multimodal.num_steps = 6
config.multimodal.batch_size = 4
config.multimodal.class_contrastive_weight = config.multimodal.pair_contrastive_weight = 1.0
config.steps_per_call = 2
config.clip_norm = 1.0
config.accumulation_steps = 2
stage = STAGES["multimodal"]
built = []
build = stage.build
stage.build = lambda self: built.append(build(self)) or built[-1]
found = {}
for name in names:
    config.strategy = name.rstrip("12")
    if config.strategy == "mirrored":
        devices = ["CPU:0", "CPU:1"][: int(name[-1])]
        strategy.STRATEGIES["mirrored"] = lambda: tf.distribute.MirroredStrategy(devices)
    run.train(config, f"{folder}/{name}", ["multimodal"])
    weights = [variable.numpy() for variable in built[-1].multimodal.trainable_variables]
    found[name] = [[float(w.sum()), float(abs(w).sum())] for w in weights]
print(json.dumps(found))
"""


def start(data, folder, *names, **env):
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(data), str(folder), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **env},
    )


def result(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return json.loads(out.splitlines()[-1])


def losses(workdir: pathlib.Path) -> list[dict]:
    lines = (workdir / "multimodal" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def of_one_process(tiny_dataset, tmp_path_factory):
    """Weights and losses by strategy: without one, of one replica and of two."""
    folder = tmp_path_factory.mktemp("one_process")
    found = result(start(tiny_dataset, folder, "one_device", "mirrored1", "mirrored2"))
    return {name: (weights, losses(folder / name)) for name, weights in found.items()}


def assert_same(weights, logged, one_device):
    np.testing.assert_allclose(weights, one_device[0], rtol=1e-4)
    for one, other in zip(logged, one_device[1], strict=True):
        for name, value in one.items():
            assert value == pytest.approx(other[name], rel=1e-3), name


@pytest.mark.parametrize("num_devices", [1, 2])
def test_the_devices_of_a_machine_train_as_one(num_devices, of_one_process):
    assert_same(*of_one_process[f"mirrored{num_devices}"], of_one_process["one_device"])


def test_two_workers_reach_the_same_weights_and_one_of_them_writes(
    of_one_process, tiny_dataset, tmp_path
):
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    workers = [
        start(
            tiny_dataset,
            tmp_path,
            "multi_worker",
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}}),
        )
        for index in range(2)
    ]
    try:
        first, second = (result(worker) for worker in workers)
    finally:
        for worker in workers:
            worker.kill()
    assert first == second
    workdir = tmp_path / "multi_worker"
    assert_same(first["multi_worker"], losses(workdir), of_one_process["one_device"])
    assert (workdir / "model" / "multimodal.keras").exists()
    assert len(list((workdir / "multimodal" / "tensorboard").iterdir())) == 1


def test_a_batch_that_cannot_be_shared_equally_is_refused(monkeypatch):
    class TwoReplicas:
        num_replicas_in_sync = 2

    monkeypatch.setattr(strategy_lib, "current", TwoReplicas)
    with pytest.raises(UserError, match="batch_size is 3; allowed: a multiple of the 2 replicas"):
        strategy_lib.check_batch_size(3)


def test_one_process_is_its_own_chief():
    assert strategy_lib.is_chief() and strategy_lib.num_workers() == 1
    assert strategy_lib.any_worker(True) is True
