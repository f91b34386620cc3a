"""Scores of anybody's pictures of sounds: the same metrics, without a model of ours.

What is scored are pairs: a picture made from a sound, that sound, and a photo of what was heard.
They are matched by name or listed in a CSV. A net's embeddings of sounds and pictures, read from
`.npz` files or taken from a hub net, add the similarities that the field publishes.

Names: a pair is called as its picture, by the path within the folder without the ending, or of a
CSV with it, where nothing else tells two pictures apart. A class is the CSV's column or the folder
that the photo lies in; without any all pairs are of one.
"""

import dataclasses
import os
import pathlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf import features
from s2i_tf.data import csv_rows, walking
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate, provenance, stats
from s2i_tf.evaluation.inputs import Items, Predictions, Scratch
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.metrics import SCORES
from s2i_tf.features.base import Classifier
from s2i_tf.files import ARCHIVE_ERRORS
from s2i_tf.media import image

SCORES_VERSION = 1
SCORES_FILE = "scores.json"
ONE_CLASS = "all"

_COLUMNS = ("picture", "sound", "photo")
_MAX_SIDE = 512
_BATCH_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture with the sound that it was made from and a photo of what was heard.

    Attributes:
      name: the picture's path within its folder, as a rule without the ending.
      picture: the file of the picture.
      sound: the file of the sound.
      photo: the file of the photo.
      class_name: name of the class; empty if there are none.
      group: the recording, of which several sounds may be.
      source: the collection that it is from; empty where it is not known.
    """

    name: str
    picture: str
    sound: str
    photo: str
    class_name: str = ""
    group: str = ""
    source: str = ""


def match(
    pictures: str | os.PathLike, sounds: str | os.PathLike, photos: str | os.PathLike
) -> tuple[list[Pair], list[str]]:
    """Pairs of the files of three folders that have one name, and those that have no match.

    Names are paths without their ending; where the folders within differ, those of the files alone.

    Raises:
      UserError: if two files of a folder have one name, or no picture has a match.
    """
    for name_of in (lambda path: str(path.with_suffix("")), lambda path: path.stem):
        found = [_by_name(folder, name_of) for folder in (pictures, sounds, photos)]
        if common := set.intersection(*map(set, found)):
            break
    else:
        raise UserError(
            f"{pictures}: no picture has the name of a sound in {sounds} and of a photo in "
            f"{photos}; name them alike but for the ending, or list them with --pairs=FILE.csv"
        )
    root = pathlib.Path(photos)
    pairs = []
    for name in sorted(common):
        files = [str(by_name[name]) for by_name in found]
        within = pathlib.Path(files[2]).relative_to(root).parts
        pairs.append(Pair(name, *files, within[0] if len(within) > 1 else "", files[1]))
    unmatched = {str(path) for by_name in found for name, path in by_name.items()}
    unmatched -= {file for pair in pairs for file in (pair.picture, pair.sound, pair.photo)}
    return pairs, sorted(unmatched)


def read_pairs(path: str | os.PathLike) -> list[Pair]:
    """The pairs of a CSV: columns `picture`, `sound`, `photo`, and if known `class`, `group` and
    `source`; paths are relative to its folder. A sound is a name here, which is not opened.

    Raises:
      UserError: if it cannot be read, or a column or a path is missing.
    """
    path = pathlib.Path(path)
    try:
        rows = csv_rows.numbered(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    pairs: dict[str, Pair] = {}  # by the picture's file
    for number, row in rows:
        if missing := [name for name in _COLUMNS if not row.get(name)]:
            raise UserError(f"{path}: line {number} has no {missing[0]}; give each pair one")
        files = [_beside(path.parent, row[name]) for name in _COLUMNS]
        if files[0] in pairs:
            raise UserError(
                f"{path}: line {number} has {row['picture']} once more; list each pair once"
            )
        known = [row.get(key, "") for key in ("class", "group", "source")]
        name = str(pathlib.PurePath(row["picture"]))
        pairs[files[0]] = Pair(name, *files, known[0], known[1] or files[1], known[2])
    if not pairs:
        raise UserError(f"{path}: holds no pairs; list one a line")
    names = [os.path.splitext(pair.name)[0] for pair in pairs.values()]
    if len(set(names)) < len(names):
        return list(pairs.values())
    return [
        dataclasses.replace(pair, name=name)
        for pair, name in zip(pairs.values(), names, strict=True)
    ]


def _beside(folder: pathlib.Path, name: str) -> str:
    """A file that a table in that folder names, perhaps with the slashes of Windows."""
    path = folder / name
    return str(path if path.exists() else folder / name.replace("\\", "/"))


def score(
    pairs: Sequence[Pair],
    *,
    judge: str | Classifier = evaluate.DEFAULT_JUDGE,
    audio_embeddings: str | os.PathLike | None = None,
    image_embeddings: str | os.PathLike | None = None,
    image_net: str | None = None,
    out: str | os.PathLike,
    unmatched: Sequence[str] = (),
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Scores pictures and writes `scores.json`.

    Args:
      pairs: the pairs, as of `match` or `read_pairs`.
      judge: the classifier that looks at pictures and photos, or its name.
      audio_embeddings: an `.npz` with `ids`, the names of pairs, and `sounds`, their vectors.
      image_embeddings: an `.npz` with `ids`, `pictures`, their vectors, and, if there are some,
        `photos`; and `class_names` with `classes`, the vectors of the names of the classes.
      image_net: name of a hub net, `hub:…`, that embeds pictures and photos instead.
      out: folder for `scores.json`.
      unmatched: files that no pair has, for the record.
      seed: random seed of the intervals and folds.
      command: what repeats this, for the record.

    Returns:
      What `scores.json` holds, see `docs/metrics.md`.

    Raises:
      UserError: if a file is missing or damaged, an embedding is missing, or the judge is unknown.
    """
    out = pathlib.Path(out)
    image_judge = Judge(judge)
    class_names = tuple(sorted({pair.class_name or ONE_CLASS for pair in pairs}))
    bare = [pair.name for pair in pairs if not pair.class_name]
    if 0 < len(bare) < len(pairs):
        raise UserError(f"{bare[0]}: has no class, but other pairs do; give each pair one")
    embeddings = _embeddings(pairs, class_names, audio_embeddings, image_embeddings)
    scratch = Scratch(out)
    side = min(_MAX_SIDE, *(min(image.load_image(pair.picture).shape[:2]) for pair in pairs))
    photo_files, first, of_pair = np.unique(
        [pair.photo for pair in pairs], return_index=True, return_inverse=True
    )
    pictures, photos = (
        _load(files, side, scratch)
        for files in ([pair.picture for pair in pairs], photo_files.tolist())
    )
    if image_net is not None:
        net = features.load_classifier(image_net)
        embeddings["pictures"] = _embedded(net, pictures)
        embeddings["photos"] = _embedded(net, photos)[of_pair]
        _check_sizes(embeddings)
    predictions = Predictions(
        class_names=class_names,
        judge_labels=tuple(image_judge.classifier.labels),
        sounds=_items(pairs, range(len(pairs)), class_names, np.arange(len(pairs))),
        images=_items(pairs, first, class_names, of_pair),
        judged=image_judge.look(photos, "photos"),
        pictures={"generated": image_judge.look(pictures, "pictures")},
        seed=seed,
        no_training="the pictures have no classes",
        embeddings=embeddings,
        photos_teach=len(class_names) > 1,
    )
    parts, missing = evaluate.measure(predictions, SCORES)
    scores = evaluate.rounded(
        {
            "version": SCORES_VERSION,
            "command": command,
            "settings": {
                "seed": seed,
                "num_resamples": stats.NUM_RESAMPLES,
                "confidence": stats.CONFIDENCE,
                "side": side,
            },
            "versions": provenance.versions(),
            "pairs": {
                "num_pictures": len(pairs),
                "num_photos": len(photo_files),
                "num_groups": len({pair.group for pair in pairs}),
                "class_names": list(class_names),
                "unmatched": list(unmatched),
            },
            "judge": provenance.describe_judge(image_judge.classifier),
            **parts,
            "missing": missing,
            "warnings": evaluate.warnings(parts, SCORES),
        }
    )
    evaluate.write_json(out / SCORES_FILE, scores)
    return scores


def _by_name(
    folder: str | os.PathLike, name_of: Callable[[pathlib.Path], str]
) -> dict[str, pathlib.Path]:
    """The files of a folder by name; those that begin with a dot are passed over."""
    root, found = pathlib.Path(folder), {}
    if not root.is_dir():
        raise UserError(f"{folder}: not a folder")

    def refuse(path: str, reason: str, message: str) -> None:
        if reason != "loop":
            raise UserError(f"{path}: {message}")

    for path in map(pathlib.Path, sorted(walking.files_below(root, refuse))):
        if path.is_file():
            name = unicodedata.normalize("NFC", name_of(path.relative_to(root)))
            if name in found:
                raise UserError(f"{found[name]} and {path} have one name; rename one of them")
            found[name] = path
    return found


def _load(files: Sequence[str], side: int, scratch: Scratch) -> np.ndarray:
    """Pictures of files, uint8 [files, side, side, 3]."""
    pictures = scratch.array((len(files), side, side, 3), np.uint8)
    for row, file in enumerate(files):
        pictures[row] = image.square(image.load_image(file), side)
    return pictures


def _items(
    pairs: Sequence[Pair], rows: Sequence[int], class_names: tuple[str, ...], of_pair: np.ndarray
) -> Items:
    chosen = [pairs[row] for row in rows]
    return Items(
        ids=np.array([pair.name for pair in chosen]),
        labels=np.array([class_names.index(pair.class_name or ONE_CLASS) for pair in chosen]),
        groups=np.array([pair.group for pair in chosen]),
        sources=np.array([pair.source for pair in chosen]),
        of_pair=of_pair,
    )


def _embeddings(
    pairs: Sequence[Pair],
    class_names: tuple[str, ...],
    audio: str | os.PathLike | None,
    pictures: str | os.PathLike | None,
) -> dict[str, np.ndarray]:
    """The vectors of the files in the order of the pairs, and those of the classes."""
    found: dict[str, np.ndarray] = {}
    names = [pair.name for pair in pairs]
    for path, sides in ((audio, ("sounds",)), (pictures, ("pictures", "photos"))):
        if path is None:
            continue
        arrays = _read_arrays(path)
        if sides[0] not in arrays:
            raise UserError(f"{path}: holds no array {sides[0]!r}; it needs 'ids' and {sides[0]!r}")
        for side in sides:
            if side in arrays:
                found[side] = _chosen(arrays, "ids", side, names, path)
        if "classes" in arrays:
            found["classes"] = _chosen(arrays, "class_names", "classes", class_names, path)
    _check_sizes(found)
    return found


def _check_sizes(embeddings: Mapping[str, np.ndarray]) -> None:
    if len({vectors.shape[1] for vectors in embeddings.values()}) > 1:
        sizes = ", ".join(f"{side} {vectors.shape[1]}" for side, vectors in embeddings.items())
        raise UserError(f"the embeddings differ in size ({sizes}); take those of one net")


def _read_arrays(path: str | os.PathLike) -> Mapping[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (*ARCHIVE_ERRORS, AttributeError, TypeError) as error:
        raise UserError(f"{path}: cannot be read as an .npz file: {error}") from None


def _chosen(
    arrays: Mapping[str, np.ndarray], key: str, side: str, names: Sequence[str], path: Any
) -> np.ndarray:
    """The vectors of some names, float64 [names, size].

    Raises:
      UserError: if one is missing, or not finite numbers.
    """
    if arrays[side].dtype.kind not in "iuf":
        raise UserError(f"{path}: {side!r} holds {arrays[side].dtype}; it needs numbers")
    vectors, listed = arrays[side].astype(np.float64), arrays.get(key, np.array([], str))
    if listed.ndim != 1 or listed.dtype.kind not in "Uiu":
        raise UserError(
            f"{path}: {key!r} is {listed.dtype} {listed.shape}; it needs a list of names"
        )
    listed = listed.astype(str).tolist()
    if vectors.ndim != 2 or len(vectors) != len(listed) or not np.isfinite(vectors).all():
        raise UserError(
            f"{path}: {side!r} is {vectors.shape} for {len(listed)} {key!r}; it needs a row of "
            "finite numbers for each of them"
        )
    row_of = {name: row for row, name in enumerate(listed)}
    if len(row_of) < len(listed):
        twice = next(name for row, name in enumerate(listed) if row_of[name] != row)
        raise UserError(f"{path}: {key!r} has {twice!r} twice; list each once")
    if missing := [name for name in names if name not in row_of]:
        raise UserError(f"{path}: no {side} of {missing[0]!r} in {key!r}; add it")
    return vectors[[row_of[name] for name in names]]


def _embedded(net: Classifier, pictures: np.ndarray) -> np.ndarray:
    batches = np.split(pictures, range(_BATCH_SIZE, len(pictures), _BATCH_SIZE))
    return np.concatenate(
        [net(np.stack([net.prepare(picture) for picture in batch])) for batch in batches]
    )
