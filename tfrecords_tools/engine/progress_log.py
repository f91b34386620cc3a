"""Progress of a stage: rows done, rate and time left.

It counts the manifests that appear in the stage's folder, so it shows the same on any runner whose
workers write where the driver can look.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping

from tfrecords_tools.engine import manifest, storage

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0


@contextlib.contextmanager
def watch(
    stage: str, num_rows: Mapping[str, int], folder: str, interval_seconds: float = INTERVAL_SECONDS
) -> Iterator[None]:
    """Logs the progress while the block runs, and the rate at its end.

    Args:
      stage: its name.
      num_rows: rows of each part that is to be done.
      folder: where the parts' manifests appear.
      interval_seconds: between two lines.
    """
    total = sum(num_rows.values())
    start = time.monotonic()
    before = set(storage.names(folder))
    finished = threading.Event()

    def report() -> None:
        while not finished.wait(interval_seconds):
            # A part that is done again replaces a manifest that was there and no longer valid.
            new = set(storage.names(folder)) - before
            done = sum(num_rows[part] for part in num_rows if part + manifest.SUFFIX in new)
            if 0 < done < total:
                logger.info(line(stage, done, total, time.monotonic() - start))

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
    logger.info(line(stage, total, total, time.monotonic() - start))


def line(stage: str, done: int, total: int, seconds: float) -> str:
    """One line of progress."""
    rate = done / max(seconds, 1e-3)
    if done == total:
        return f"{stage}: {total:,} done in {duration(seconds)}, {rate:.1f} a second"
    left = duration((total - done) / rate)
    return f"{stage}: {done:,} of {total:,} done, {rate:.1f} a second, {left} left"


def duration(seconds: float) -> str:
    """A time for people: `45 s`, `3 min 20 s`, `5 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
