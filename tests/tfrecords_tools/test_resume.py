"""A run that is killed and repeated ends with the bytes of one that was not."""

import contextlib
import hashlib
import os
import pathlib
import random
import signal
import subprocess
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
def test_sigkill_of_the_whole_process_group(tmp_path, foley_prepared, one_thread):
    """Killed while it renders, while it extracts, and among the shards."""
    whole, finished = foley_prepared
    out = tmp_path / "out"
    command = [word.replace(str(whole), str(out)) for word in finished.args]
    for sign in (".tmp_*_media/sounds/*/*", "work/extract/*/*", "*foley-*"):
        with subprocess.Popen(
            command, start_new_session=True, stderr=subprocess.DEVNULL, env=one_thread
        ) as process:
            while process.poll() is None and not any(out.glob(sign)):
                time.sleep(0.01)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL, sign
    subprocess.run(command, check=True, capture_output=True, env=one_thread)

    assert shards(str(out)) == shards(str(whole))
