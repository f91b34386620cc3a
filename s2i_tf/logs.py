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
