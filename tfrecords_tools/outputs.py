"""The output folder: whose it is, who may write to it, and what is rendered into it."""

import contextlib
import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator

from s2i_tf import files
from s2i_tf.errors import UserError
from tfrecords_tools.engine import storage
from tfrecords_tools.settings import Settings

SETTINGS_FILE = "prepare.json"
WORK = "work"
ACCOUNTS = "accounts"
MEDIA = "media"
_LOCK = ".lock"
_FOLEY_FILE = "foley.json"


def check(out: str, data: str) -> None:
    """Refuses an output folder that holds something else, or lies in the data.

    Raises:
      UserError: if it does.
    """
    if not storage.is_local(out):
        return
    if os.path.exists(out) and not os.path.isdir(out):
        raise UserError(f"--out={out}: is a file; allowed: a folder")
    if storage.is_local(data) and os.path.isdir(data):
        path, folder = os.path.realpath(out), os.path.realpath(data)
        if os.path.commonpath([path, folder]) == folder:
            raise UserError(
                f"--out={out}: lies in --data={data}, so that what is written would be listed as "
                "data; choose a folder beside it"
            )
    if not os.path.exists(out):
        return
    others = set(os.listdir(out)) - {WORK}  # a run that was killed at once leaves that alone
    if others and not os.path.exists(storage.join(out, SETTINGS_FILE)):
        raise UserError(
            f"--out={out}: holds other files; "
            "allowed: a new or empty folder, or one that s2i prepare wrote"
        )


def claim(settings: Settings) -> None:
    """Marks the output folder as one of ours, unless an earlier run has."""
    if not storage.exists(storage.join(settings.out, SETTINGS_FILE)):
        save_settings(settings)


def save_settings(settings: Settings) -> None:
    """Leaves the settings that the data set beside them was made with."""
    values = dict(sorted(dataclasses.asdict(settings).items()))
    storage.write_json(storage.join(settings.out, SETTINGS_FILE), values)


def tidy(out: str) -> None:
    """Removes what killed runs were writing outside of the stages' parts, which see to theirs."""
    for folder in (out, storage.join(out, WORK, ACCOUNTS)):
        names = storage.names(folder)
        storage.remove(folder, [name for name in names if files.is_temporary(pathlib.Path(name))])


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
    refusal = f"--out={out}: another run of s2i prepare is writing there"
    with files.locked(storage.join(out, WORK, _LOCK), refusal):
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
        storage.write_json(marker, wanted)
    return folder
