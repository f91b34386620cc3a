"""A second runner: Dask with two worker processes gives the bytes that the DirectRunner gives."""

import hashlib
import os
import pathlib
import shutil
import signal
import sys
import time
from concurrent import futures

import pytest

pytest.importorskip("apache_beam")

from tfrecords_tools import outputs
from tfrecords_tools.job import prepare
from tfrecords_tools.settings import Settings

distributed = pytest.importorskip("distributed")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MINUTES = 60


def digests(out: pathlib.Path) -> dict[str, str]:
    """Of everything that was prepared, the name of the folder left out of its description."""
    found = {}
    for path in sorted(out.iterdir()):
        if path.is_file() and path.name != "prepare.json":
            contents = path.read_bytes().replace(str(out).encode(), b"OUT")
            found[path.name] = hashlib.sha256(contents).hexdigest()
    return found


@pytest.mark.slow
def test_two_workers_one_killed_in_the_middle_give_the_same_bytes(tmp_path, foley_prepared):
    direct, finished = foley_prepared
    assert finished.returncode == 0, finished.stderr[-3000:]
    out = tmp_path / "out"
    shutil.copytree(direct / outputs.MEDIA, out / outputs.MEDIA)  # rendered already
    shutil.copy(direct / outputs.SETTINGS_FILE, out)
    environment = {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (
        distributed.LocalCluster(  # each worker is a process that is replaced when it dies
            n_workers=2, threads_per_worker=1, dashboard_address=None, env=environment
        ) as cluster,
        distributed.Client(cluster) as client,
        futures.ThreadPoolExecutor(1) as driver,
    ):
        settings = Settings(
            data="foley",
            out=str(out),
            num_per_class=7,
            weights="random:0",
            runner="DaskRunner",
            pipeline_options=f"--dask_client_address={cluster.scheduler_address}",
        )
        run = driver.submit(prepare, settings)
        pids = client.run(os.getpid)
        deadline = time.monotonic() + 20 * MINUTES
        while not (out / "work" / "extract").exists() or not (busy := _busy(client)):
            assert not run.done() and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        os.kill(pids[busy], signal.SIGKILL)
        run.result(30 * MINUTES)
        assert set(client.run(os.getpid).values()) != set(pids.values())
    assert digests(out) == digests(direct)
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
