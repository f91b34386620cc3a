"""A run that is killed and repeated ends with the bytes of one that was not."""

import contextlib
import hashlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from tfrecords_tools.engine import storage
from tfrecords_tools.job import prepare


class Killed(BaseException):
    """Stands for SIGKILL: nothing of ours catches it."""


def shards(out: str) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(pathlib.Path(out).glob("*.tfrecord-*"))
    }


def test_killed_at_any_write_and_repeated_it_ends_the_same(
    settings, class_folder, replaced, monkeypatch
):
    """What outlives a killed process are renamed files: each kill is one between two renames."""
    monkeypatch.setattr("tfrecords_tools.engine.parts.ROWS_PER_PART", 8)
    original = storage.writing
    writes: list[str] = []

    def counted(limit: int):
        @contextlib.contextmanager
        def writing(path):
            writes.append(path)
            if len(writes) > limit:
                name = path.rsplit("/", 1)[-1]
                half_written = pathlib.Path(path).with_name(f".tmp_0ff0dead_{name}")
                half_written.parent.mkdir(parents=True, exist_ok=True)
                half_written.write_bytes(b"half of it")
                raise Killed
            with original(path) as temporary:
                yield temporary

        return writing

    monkeypatch.setattr(storage, "writing", counted(10**6))
    prepare(settings)
    expected, num_writes = shards(settings.out), len(writes)
    assert num_writes > 50

    again = replaced(out=f"{settings.out}2")
    # Twelve kills, each a little further than the last, in one and the same folder.
    for limit in sorted(random.Random(0).sample(range(1, num_writes // 2), 12)):
        writes.clear()
        monkeypatch.setattr(storage, "writing", counted(limit))
        with contextlib.suppress(Killed, RuntimeError):
            prepare(again)
    monkeypatch.setattr(storage, "writing", original)
    prepare(again)

    assert shards(again.out) == expected
    assert not list(pathlib.Path(again.out).rglob(".tmp_*"))


@pytest.mark.slow
def test_sigkill_of_the_whole_process_group(tmp_path):
    def command(out: pathlib.Path) -> list[str]:
        flags = ["--data=foley", f"--out={out}", "--num_per_class=4", "--weights=random:0"]
        return [sys.executable, "-m", "s2i_tf.cli.main", "prepare", *flags]

    start = time.monotonic()
    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    seconds = time.monotonic() - start

    moments = random.Random(1)
    for _ in range(3):
        process = subprocess.Popen(
            command(tmp_path / "killed"), start_new_session=True, stderr=subprocess.DEVNULL
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(0.3, 0.9) * seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command(tmp_path / "killed"), check=True, capture_output=True)

    assert shards(str(tmp_path / "killed")) == shards(str(tmp_path / "whole"))
