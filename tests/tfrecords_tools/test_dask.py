"""A second runner: Dask with two worker processes gives the bytes that the DirectRunner gives."""

import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("apache_beam")
distributed = pytest.importorskip("distributed")

ROOT = pathlib.Path(__file__).resolve().parents[2]
NUM_PER_CLASS = 7  # two parts of items
MINUTES = 60


def start(out: pathlib.Path, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "s2i_tf.cli.main", "prepare", "--data=foley", f"--out={out}"]
    command += [f"--num_per_class={NUM_PER_CLASS}", "--weights=random:0", *flags]
    # As Dask has it for its workers: how sums are rounded goes by the number of threads.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def finish(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=30 * MINUTES)
    assert process.returncode == 0, errors[-3000:]


def digests(out: pathlib.Path) -> dict[str, str]:
    """Of everything that was prepared, the name of the folder left out of its description."""
    found = {}
    for path in sorted(out.iterdir()):
        if path.is_file() and path.name != "prepare.json":
            contents = path.read_bytes().replace(str(out).encode(), b"OUT")
            found[path.name] = hashlib.sha256(contents).hexdigest()
    return found


@pytest.mark.slow
def test_two_workers_one_killed_in_the_middle_give_the_same_bytes(tmp_path):
    finish(start(tmp_path / "direct"))
    out = tmp_path / "out"
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        distributed.LocalCluster(  # each worker is a process that is replaced when it dies
            n_workers=2, threads_per_worker=1, dashboard_address=None, env=environment
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        options = f"--dask_client_address={cluster.scheduler_address}"
        process = start(out, "--runner=DaskRunner", f"--pipeline_options={options}")
        pids = client.run(os.getpid)
        deadline = time.monotonic() + 20 * MINUTES
        while not (out / "work" / "extract").exists() or not (busy := _busy(client)):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(pids[busy], signal.SIGKILL)
        finish(process)
        assert set(client.run(os.getpid).values()) != set(pids.values())
    assert digests(out) == digests(tmp_path / "direct")
    assert not list(out.rglob(".tmp_*"))


def _busy(client) -> str | None:
    """The address of a worker that is at work."""
    return next((address for address, tasks in client.processing().items() if tasks), None)


def test_without_dask_it_says_what_to_install(monkeypatch):
    from s2i_tf.errors import UserError
    from tfrecords_tools.engine import runner

    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(
        UserError, match=r"needs Dask; install it with: pip install 's2i_tf\[dask\]'"
    ):
        runner.check("DaskRunner", "")
