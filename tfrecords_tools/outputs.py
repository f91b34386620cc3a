"""The output folder: whose it is, who may write to it, and what is rendered into it."""

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator

from s2i_tf.errors import UserError
from tfrecords_tools import files, sources
from tfrecords_tools.settings import FOLEY, Settings
from tfrecords_tools.sources import Listing

SETTINGS_FILE = "prepare.json"
WORK = "work"
MEDIA = "media"
_LOCK = ".lock"
_FOLEY_FILE = "foley.json"


def claim(settings: Settings) -> None:
    """Marks the output folder as one of ours, with the settings of this run.

    Raises:
      UserError: if it holds something else.
    """
    path = files.join(settings.out, SETTINGS_FILE)
    if files.is_local(settings.out) and os.path.exists(settings.out):
        if not os.path.isdir(settings.out):
            raise UserError(f"--out={settings.out}: is a file; allowed: a folder")
        if os.listdir(settings.out) and not os.path.exists(path):
            raise UserError(
                f"--out={settings.out}: holds other files; "
                "allowed: a new or empty folder, or one that s2i prepare wrote"
            )
    text = json.dumps(dataclasses.asdict(settings), indent=2, sort_keys=True)
    files.write(path, f"{text}\n".encode())


@contextlib.contextmanager
def exclusive(out: str) -> Iterator[None]:
    """Keeps a second run out of the folder; a killed run's lock is gone with it.

    Raises:
      UserError: if another run is at work there.
    """
    if not files.is_local(out):
        yield
        return
    os.makedirs(files.join(out, WORK), exist_ok=True)
    with open(files.join(out, WORK, _LOCK), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--out={out}: another run of s2i prepare is writing there") from None
        yield


def list_data(settings: Settings) -> Listing:
    """Lists the data; renders the embedded data set first if that is what is wanted."""
    data = settings.data
    if data == FOLEY:
        data = files.join(settings.out, MEDIA)
        _render_foley(data, settings)
    return sources.list_data(data, max_items=settings.max_items, seed=settings.seed)


def _render_foley(folder: str, settings: Settings) -> None:
    """Renders the scenes, unless they are there."""
    from s2i_tf.data import foley

    wanted = {"num_per_class": settings.num_per_class, "seed": settings.seed}
    marker = files.join(folder, _FOLEY_FILE)
    if not files.exists(marker) or json.loads(files.read(marker)) != wanted:
        foley.write_folder(folder, settings.num_per_class, settings.seed)
        files.write(marker, json.dumps(wanted).encode())
