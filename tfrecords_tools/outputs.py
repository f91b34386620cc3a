"""The output folder: whose it is, who may write to it, and what is rendered into it."""

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator

from s2i_tf.errors import UserError
from tfrecords_tools.engine import storage
from tfrecords_tools.settings import Settings

SETTINGS_FILE = "prepare.json"
WORK = "work"
ACCOUNTS = "accounts"
MEDIA = "media"
_LOCK = ".lock"
_FOLEY_FILE = "foley.json"


def check(out: str) -> None:
    """Refuses an output folder that holds something else.

    Raises:
      UserError: if it does.
    """
    if not storage.is_local(out) or not os.path.exists(out):
        return
    if not os.path.isdir(out):
        raise UserError(f"--out={out}: is a file; allowed: a folder")
    others = set(os.listdir(out)) - {WORK}  # a run that was killed at once leaves that alone
    if others and not os.path.exists(storage.join(out, SETTINGS_FILE)):
        raise UserError(
            f"--out={out}: holds other files; "
            "allowed: a new or empty folder, or one that s2i prepare wrote"
        )


def claim(settings: Settings) -> None:
    """Marks the output folder as one of ours, with the settings of this run."""
    text = json.dumps(dataclasses.asdict(settings), indent=2, sort_keys=True)
    storage.write(storage.join(settings.out, SETTINGS_FILE), f"{text}\n".encode())


@contextlib.contextmanager
def exclusive(out: str) -> Iterator[None]:
    """Keeps a second run out of the folder; a killed run's lock is gone with it.

    Raises:
      UserError: if another run is at work there.
    """
    if not storage.is_local(out):
        yield
        return
    os.makedirs(storage.join(out, WORK), exist_ok=True)
    with open(storage.join(out, WORK, _LOCK), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--out={out}: another run of s2i prepare is writing there") from None
        yield


def render_foley(settings: Settings) -> str:
    """Renders the embedded data set into the output folder, unless it is there already.

    Returns:
      The folder of the rendered sounds and pictures.
    """
    from s2i_tf.data import foley

    folder = storage.join(settings.out, MEDIA)
    wanted = {"num_per_class": settings.num_per_class, "seed": settings.seed}
    marker = storage.join(folder, _FOLEY_FILE)
    if not storage.exists(marker) or json.loads(storage.read(marker)) != wanted:
        foley.write_folder(folder, settings.num_per_class, settings.seed)
        storage.write(marker, json.dumps(wanted).encode())
    return folder
