"""The second direction of `s2i generate`: from photos to the training sounds that fit."""

import csv
import io
import logging
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from s2i_tf import config_files, files
from s2i_tf.cli.stems import sample_name, unique_stems
from s2i_tf.data import dataset_info, source_sounds
from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

TABLE_FILE = "sounds.csv"
COLUMNS = ("photo", "rank", "file", "sound", "class", "recording", "distance")


def source_of(model_folder: str | os.PathLike) -> tuple[str, dict[str, Any]]:
    """Where the sounds are that a run was trained on, and how they are cut of their files.

    Returns:
      The folder, empty if it is not known, and arguments of `source_sounds.load`.
    """
    from s2i_tf.model_folder import find_model

    try:
        info = dataset_info.load(config_files.load(find_model(model_folder).parent).data)
    except UserError:
        return "", {}
    return info.source, {"window_seconds": info.window_seconds, "audio_track": info.audio_track}


def write(
    out: pathlib.Path,
    photos: list[pathlib.Path],
    found: Iterator[tuple],
    num_samples: int,
    source: str,
    cut: Mapping[str, Any],
) -> int:
    """Writes the sounds that are at hand, and then the table, which names no other file.

    Args:
      out: folder for the sounds and the table.
      photos: the files.
      found: the position of each photo that can be used, and its `s2i_tf.api.FoundSound`s.
      num_samples: how many sounds each photo gets.
      source: folder that the training sounds are in; empty if it is not known.
      cut: how they are cut of their files, as `source_of` tells.

    Returns:
      How many photos could be used.

    Raises:
      UserError: if a file of another origin has one of the names.
    """
    stems = unique_stems(photos, num_samples=num_samples)
    names = [sample_name(stem, rank) for stem in stems for rank in range(num_samples)]
    if source:
        files.refuse_taken(out / f"{name}.wav" for name in names)
    files.refuse_taken([out / TABLE_FILE], ",".join(COLUMNS))
    rows, used = [], set()
    for position, sounds in found:
        used.add(position)
        for rank, sound in enumerate(sounds):
            out.mkdir(parents=True, exist_ok=True)
            file = f"{sample_name(stems[position], rank)}.wav"
            contents = _wav(source, sound.sound, cut) if source else None
            if contents is not None:
                files.write(out / file, contents)
            rows.append(
                {
                    "photo": os.fsencode(photos[position]).decode(errors="backslashreplace"),
                    "rank": rank,
                    "file": "" if contents is None else file,
                    "sound": sound.sound,
                    "class": sound.label,
                    "recording": sound.recording,
                    "distance": f"{sound.distance:.4f}",
                }
            )
    if not used:
        return 0
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    files.write(out / TABLE_FILE, text.getvalue())
    num_missing = sum(not row["file"] for row in rows)
    print(f"{len(rows) - num_missing} sounds for {len(used)} photos: {out / TABLE_FILE}")
    if num_missing and source:
        print(
            f"{num_missing} sounds stand in the table alone: they are not in {source}; "
            "--sounds=FOLDER names another folder"
        )
    elif num_missing:
        print(
            f"{num_missing} sounds stand in the table alone: the model comes without its sounds; "
            "--sounds=FOLDER says where they are"
        )
    return len(used)


def _wav(source: str, sound_id: str, cut: Mapping[str, Any]) -> bytes | None:
    """A training sound as a WAV file, or None if it is not at hand."""
    from s2i_tf.media import audio

    try:
        return audio.encode_audio(source_sounds.load(source, sound_id, **cut), "wav", files.MADE_BY)
    except (UserError, OSError) as error:
        logger.warning("no sound file: %s", error)
        return None
