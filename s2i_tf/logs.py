"""What a command shows of its progress."""

import logging
import os
import time

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 5.0


def show(*names: str) -> None:
    """Shows the messages of these packages, and keeps TensorFlow's start-up notes away."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(handler)


class Progress:
    """Logs now and then how far a long piece of work is, and its end.

    Args:
      what: name of the work.
      total: items of the whole work.
      start: items that were done before this process; they do not count in the rate.
    """

    def __init__(self, what: str, total: int, start: int = 0):
        self._what, self._total, self._start = what, total, start
        self._began = self._last = time.monotonic()

    def rate(self, done: int) -> float:
        """Items a second so far, once `done` are done."""
        return (done - self._start) / max(time.monotonic() - self._began, 1e-9)

    def update(self, done: int, note: str = "") -> None:
        """Tells it how much is done; a line that is logged ends with the note."""
        now = time.monotonic()
        if now - self._last < _EVERY_SECONDS and done < self._total:
            return
        self._last = now
        line = progress_line(self._what, done, self._total, now - self._began, self._start)
        logger.info("%s%s", line, note)


def progress_line(what: str, done: int, total: int, seconds: float, start: int = 0) -> str:
    """One line of progress: how much is done, how fast, and how long it will take still.

    Args:
      what: name of the work.
      done: items that are done.
      total: items of the whole work.
      seconds: how long it took so far.
      start: items of these that had been done before.
    """
    rate = (done - start) / max(seconds, 1e-3)
    if done >= total:
        return f"{what}: {total:,} done in {duration(seconds)}, {rate:.1f} a second"
    left = duration((total - done) / max(rate, 1e-9))
    return f"{what}: {done:,} of {total:,} done, {rate:.1f} a second, {left} left"


def duration(seconds: float) -> str:
    """A time for people: `45 s`, `3 min 20 s`, `5 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
