"""Progress of a stage: rows done, rate and time left.

It counts the manifests that appear in the stage's folder, so it shows the same on any runner whose
workers write where the driver can look.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping

from s2i_tf import logs
from tfrecords_tools.engine import manifest, storage

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0


@contextlib.contextmanager
def watch(stage: str, num_rows: Mapping[str, int], folder: str) -> Iterator[None]:
    """Logs the progress while the block runs, and the rate at its end.

    Args:
      stage: name of the stage.
      num_rows: number of rows of each part that is to be done.
      folder: folder in which the parts' manifests appear; it has none of them yet.
    """
    total = sum(num_rows.values())
    start = time.monotonic()
    finished = threading.Event()

    def report() -> None:
        while not finished.wait(INTERVAL_SECONDS):
            names = set(storage.names(folder))
            done = sum(num_rows[part] for part in num_rows if part + manifest.SUFFIX in names)
            if 0 < done < total:
                logger.info(logs.progress_line(stage, done, total, time.monotonic() - start))

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
    logger.info(logs.progress_line(stage, total, total, time.monotonic() - start))
