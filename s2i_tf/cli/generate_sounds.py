"""The second direction of `s2i generate`: from photos to the training sounds that fit."""

import csv
import io
import logging
import pathlib

from s2i_tf import config as config_lib
from s2i_tf import files
from s2i_tf.cli.stems import unique_stems
from s2i_tf.data import dataset_info
from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

TABLE_FILE = "sounds.csv"
COLUMNS = ("photo", "rank", "file", "sound", "class", "recording", "distance")
_BATCH_SIZE = 16


def run(
    photos: list[pathlib.Path],
    model_folder: str,
    out: pathlib.Path,
    *,
    num_samples: int,
    sounds: str | None,
) -> None:
    """Reads all photos, then finds their sounds, then writes.

    Args:
      photos: the files.
      model_folder: of the model or its run.
      out: folder for the sounds and the table.
      num_samples: sounds for each photo.
      sounds: folder that the training sounds are in; None for the source of the run's data.

    Raises:
      UserError: if the model has no such direction or some photos cannot be used.
    """
    from s2i_tf.models.sound_to_image import SoundToImage

    if model_folder.endswith(".tflite"):
        raise UserError("a TFLite file goes from sound to image only; allowed: a model's folder")
    if sounds is not None and not pathlib.Path(sounds).is_dir():
        raise UserError(f"--sounds={sounds} is not a folder")
    model = SoundToImage.load(model_folder)
    model.require_reverse()
    features, readable = _features(photos, model)
    num_bad = len(photos) - len(readable)
    if not readable:
        raise UserError(f"none of the {num_bad} photos can be used")
    positions, distances = model.nearest_sounds(features, num_samples)
    index = model.sound_index
    rows = [
        {
            "photo": str(photo),
            "rank": rank,
            "file": f"{stem}_{rank}.wav" if rank else f"{stem}.wav",
            "sound": str(index.ids[position]),
            "class": model.class_names[index.labels[position]],
            "recording": str(index.groups[position]),
            "distance": f"{distance:.4f}",
        }
        for photo, stem, *found in zip(
            readable, unique_stems(readable), positions, distances, strict=True
        )
        for rank, (position, distance) in enumerate(zip(*found, strict=True))
    ]
    source, window_seconds = _source(model_folder)
    _write(out, rows, sounds or source, window_seconds, len(readable))
    if num_bad:
        raise UserError(f"{num_bad} of {len(photos)} photos could not be used; see above")


def _features(photos: list[pathlib.Path], model):
    """Features [num, 4096] of the photos that can be read, and these."""
    import numpy as np

    from s2i_tf import features
    from s2i_tf.errors import MediaError
    from s2i_tf.features.base import check_fingerprint
    from s2i_tf.media import image

    extractor = features.load_extractor(model.extractors["image"])
    check_fingerprint(extractor, model.fingerprints["image_fingerprint"])
    prepared, readable = [], []
    for photo in photos:
        try:
            prepared.append(extractor.prepare(image.load_image(photo)))
        except MediaError as error:
            if len(photos) == 1:
                raise
            logger.warning("left out: %s", error)
            continue
        readable.append(photo)
    rows = [
        extractor(np.stack(prepared[start : start + _BATCH_SIZE]))
        for start in range(0, len(prepared), _BATCH_SIZE)
    ]
    return np.concatenate(rows) if rows else None, readable


def _source(model_folder: str) -> tuple[str, float]:
    """Source folder, empty if it is not known, and window of the data that a run was trained on."""
    from s2i_tf.models.sound_to_image import find_model

    try:
        config = config_lib.load(find_model(model_folder).parent)
        info = dataset_info.load(config.data)
    except UserError:
        return "", dataset_info.WINDOW_SECONDS
    return info.source, info.window_seconds


def _write(
    out: pathlib.Path, rows: list[dict], source: str, window_seconds: float, num_photos: int
) -> None:
    """The sounds that are at hand, and then the table, which names no file that is not there."""
    out.mkdir(parents=True, exist_ok=True)
    num_written = 0
    for row in rows:
        contents = _wav(source, row["sound"], window_seconds) if source else None
        if contents is None:
            row["file"] = ""
            continue
        files.write(out / row["file"], contents)
        num_written += 1
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    files.write(out / TABLE_FILE, text.getvalue())
    print(f"{num_written} sounds for {num_photos} photos: {out / TABLE_FILE}")
    if num_missing := len(rows) - num_written:
        where = source or "the source folder of the data, which is not known here"
        print(
            f"{num_missing} sounds stand in the table alone: they are not in {where}; "
            "--sounds=FOLDER names another folder"
        )


def _wav(source: str, sound_id: str, window_seconds: float) -> bytes | None:
    """A training sound as a WAV file, or None if it is not at hand."""
    from s2i_tf.data import source_sounds
    from s2i_tf.media import audio

    try:
        waveform = source_sounds.load(source, sound_id, window_seconds)
        return audio.encode_audio(waveform, "wav")
    except (UserError, OSError) as error:
        logger.warning("no sound file: %s", error)
        return None
