"""What a command shows of its progress."""

import logging
import os


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


def progress_line(what: str, done: float, total: float, seconds: float) -> str:
    """One line of progress: how much is done, how fast, and how long it will take still.

    Args:
      what: name of the work.
      done: items that are done.
      total: items of the whole work.
      seconds: how long it took so far.
    """
    rate = done / max(seconds, 1e-3)
    if done >= total:
        return f"{what}: {total:,} done in {duration(seconds)}, {rate:.1f} a second"
    left = duration((total - done) / rate)
    return f"{what}: {done:,} of {total:,} done, {rate:.1f} a second, {left} left"


def duration(seconds: float) -> str:
    """A time for people: `45 s`, `3 min 20 s`, `5 h 12 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
