"""Scores of anybody's pictures of sounds: the same metrics, without a model of ours.

What is scored are pairs: a picture made from a sound, that sound, and a photo of what was heard.
They are matched by name or listed in a CSV. A net's embeddings of sounds and pictures, read from
`.npz` files or taken from a hub net, add the similarities that the field publishes.

Names: a pair is called as its picture, by the path within the folder without the ending, or of a
CSV with it, where nothing else tells two pictures apart. A class is the CSV's column or the folder
that the photo lies in; without any all pairs are of one. Photos, sounds and pairs are told apart by
their contents: copies and links count once, and pictures of one sound are of one recording.
"""

import dataclasses
import logging
import os
import pathlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf import features
from s2i_tf.data import class_folder, csv_rows, walking
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate, provenance, stats
from s2i_tf.evaluation.inputs import Items, Predictions, Scratch
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.metrics import SCORES
from s2i_tf.features.base import Classifier
from s2i_tf.files import ARCHIVE_ERRORS, content_digest
from s2i_tf.media import image

logger = logging.getLogger(__name__)

SCORES_VERSION = 1
SCORES_FILE = "scores.json"
ONE_CLASS = "all"

_COLUMNS = ("picture", "sound", "photo")
# What words of other names may mean a column; the kind of a file last, as the name
# of another column may hold it (`photo_class`).
_MEANINGS = {
    "class": ("class", "label", "category", "tag"),
    "group": ("group", "recording"),
    "source": ("source",),
    "picture": ("picture",),
    "sound": ("sound", "audio"),
    "photo": ("photo",),
}
_MAX_SIDE = 512
# Of the usual side, below which a picture is taken for a thumbnail among them.
_MIN_SIDE_SHARE = 0.5
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
        unmatched: set[str] = set()
        found = [_by_name(folder, name_of, unmatched) for folder in (pictures, sounds, photos)]
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
    unmatched |= {str(path) for by_name in found for path in by_name.values()}
    unmatched -= {file for pair in pairs for file in (pair.picture, pair.sound, pair.photo)}
    return pairs, sorted(unmatched)


def read_pairs(path: str | os.PathLike) -> list[Pair]:
    """The pairs of a CSV: columns `picture`, `sound`, `photo`, and if known `class`, `group` and
    `source`; paths are relative to its folder. A sound is a name here, which is not opened.

    Raises:
      UserError: if it cannot be read, a column or a path is missing, or something would be lost.
    """
    path = pathlib.Path(path)
    try:
        rows = csv_rows.numbered(path.read_bytes(), str(path))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    if rows:
        columns = list(rows[0][1])
        csv_rows.check_unread(columns, _MEANINGS, _MEANINGS, str(path), whole_words=True)
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
      UserError: if a file is missing or damaged, a picture far smaller than the others, an
        embedding missing or not finite, or the judge unknown.
    """
    out = pathlib.Path(out)
    image_judge = Judge(judge)
    bare = [pair.name for pair in pairs if not pair.class_name]
    if 0 < len(bare) < len(pairs):
        raise UserError(f"{bare[0]}: has no class, but other pairs do; give each pair one")
    class_of = class_folder.merged(pair.class_name or ONE_CLASS for pair in pairs)
    class_names = tuple(sorted(set(class_of.values())))
    pairs = [
        dataclasses.replace(pair, class_name=class_of[pair.class_name or ONE_CLASS])
        for pair in pairs
    ]
    found, num_copies = _identified(pairs)
    made, of_pair = _distinct(found, ("picture", "sound", "class_name"))
    sounds = _items(made, class_names, of_pair)
    seen, of_pair = _distinct(found, ("photo", "class_name"))
    images = _items(seen, class_names, of_pair)
    embeddings = _embeddings(made, class_names, audio_embeddings, image_embeddings)
    scratch = Scratch(out)
    side = _side([pair.picture for pair in made])
    pictures = _load([pair.picture for pair in made], side, scratch)
    photos = _load([pair.photo for pair in seen], side, scratch)
    if image_net is not None:
        net = features.load_classifier(image_net)
        embeddings["pictures"] = _embedded(net, pictures)
        embeddings["photos"] = _embedded(net, photos)[images.of_pair[sounds.first_pair]]
        _check_sizes(embeddings)
    predictions = Predictions(
        class_names=class_names,
        judge_labels=tuple(image_judge.classifier.labels),
        sounds=sounds,
        images=images,
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
                "num_pictures": len(made),
                "num_sounds": len({pair.sound for pair in made}),
                "num_photos": len(seen),
                "num_groups": len({pair.group for pair in made}),
                "num_copies": {"pictures": len(pairs) - len(made), **num_copies},
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
    folder: str | os.PathLike, name_of: Callable[[pathlib.Path], str], odd: set[str]
) -> dict[str, pathlib.Path]:
    """The files of a folder by name; those that begin with a dot are passed over.

    Names that lead to no file, such as broken links, join the odd ones.
    """
    root, found = pathlib.Path(folder), {}
    if not root.is_dir():
        raise UserError(f"{folder}: not a folder")

    def refuse(path: str, reason: str, message: str) -> None:
        if reason != "loop":
            raise UserError(f"{path}: {message}")

    for path in map(pathlib.Path, sorted(walking.files_below(root, refuse))):
        if not path.is_file():
            odd.add(str(path))
            continue
        name = _composed(name_of(path.relative_to(root)))
        if name in found:
            raise UserError(f"{found[name]} and {path} have one name; rename one of them")
        found[name] = path
    return found


def _identified(pairs: Sequence[Pair]) -> tuple[list[Pair], dict[str, int]]:
    """Pairs of which copies and links have one name, and so has what is of one recording.

    What is not there, as a sound may be, is told apart by its name alone.

    Returns:
      The pairs, those that are wholly the same once; and how many names of `sounds` and `photos`
      hold what another holds.
    """
    same: dict[str, list[str]] = {}
    num_copies = {}
    for column in _COLUMNS:
        paths = [getattr(pair, column) for pair in pairs]
        first_of: dict[str, str] = {}  # by the contents
        name_of = {}
        for path in sorted(set(paths)):
            name_of[path] = first_of.setdefault(_content(path), path)
        same[column] = [name_of[path] for path in paths]
        num_copies[f"{column}s"] = len(name_of) - len(first_of)
    if absent := [pair.sound for pair in pairs if not os.path.isfile(pair.sound)]:
        logger.warning(
            "%d pairs have sounds that are not there, such as %r; copies among them go unseen",
            *(len(absent), absent[0]),
        )
    del num_copies["pictures"]  # one picture of many sounds is no copy, but what is to be measured
    same["group"] = _recordings(pairs, same["sound"])
    found = [
        dataclasses.replace(pair, **dict(zip(same, names, strict=True)))
        for pair, *names in zip(pairs, *same.values(), strict=True)
    ]
    return _distinct(found, (*_COLUMNS, "class_name"))[0], num_copies


def _content(path: str) -> str:
    """What copies of a file have in common; of what is no file its name.

    Raises:
      UserError: if it cannot be read.
    """
    try:
        return content_digest(path) if os.path.isfile(path) else path
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None


def _distinct(pairs: Sequence[Pair], columns: Sequence[str]) -> tuple[list[Pair], np.ndarray]:
    """The first pair of each item that these columns tell apart, and the item of each pair."""
    first_of: dict[tuple, Pair] = {}
    keys = [tuple(getattr(pair, column) for column in columns) for pair in pairs]
    for key, pair in zip(keys, pairs, strict=True):
        first_of.setdefault(key, pair)
    place = {key: number for number, key in enumerate(first_of)}
    return list(first_of.values()), np.array([place[key] for key in keys])


def _recordings(pairs: Sequence[Pair], sounds: Sequence[str]) -> list[str]:
    """The recording of each pair: those of one group or of one sound are of one.

    It is called as its first pair, so that nothing depends on where the files lie.

    Args:
      pairs: the pairs.
      sounds: the sound of each pair.
    """
    names, found = np.unique([pair.name for pair in pairs], return_inverse=True)
    parts = [
        np.unique(column, return_inverse=True)[1]
        for column in (sounds, [pair.group for pair in pairs])
    ]
    before = None
    while before is None or (found != before).any():  # groups may be joined by way of others
        before = found
        for part_of in parts:
            least = np.full(len(pairs), len(pairs))
            np.minimum.at(least, part_of, found)
            found = least[part_of]
    return names[found].tolist()


def _side(pictures: Sequence[str]) -> int:
    """The side at which all pictures are seen, in pixels: that of the smallest, but 512 at most.

    Raises:
      UserError: if it is far smaller than the others, of which little would be seen.
    """
    sides = [min(_MAX_SIDE, *image.load_image(path).shape[:2]) for path in pictures]
    side, usual, largest = min(sides), int(np.median(sides)), max(sides)
    smallest = pictures[sides.index(side)]
    if side < usual * _MIN_SIDE_SHARE:
        raise UserError(
            f"{smallest}: a side of {side} pixels, at which all pictures would be seen; half of "
            f"them have {usual} or more. Leave it out, or give pictures of one size"
        )
    if side < largest:
        logger.warning(
            "pictures of %d to %d pixels: all are seen at %d, the side of %r",
            *(side, largest, side, smallest),
        )
    return side


def _load(files: Sequence[str], side: int, scratch: Scratch) -> np.ndarray:
    """Pictures of files, uint8 [files, side, side, 3]."""
    pictures = scratch.array((len(files), side, side, 3), np.uint8)
    for row, file in enumerate(files):
        pictures[row] = image.square(image.load_image(file), side)
    return pictures


def _items(firsts: Sequence[Pair], class_names: tuple[str, ...], of_pair: np.ndarray) -> Items:
    """The items whose first pairs are these."""
    return Items(
        ids=np.array([pair.name for pair in firsts]),
        labels=np.array([class_names.index(pair.class_name) for pair in firsts]),
        groups=np.array([pair.group for pair in firsts]),
        sources=np.array([pair.source for pair in firsts]),
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
    if vectors.ndim != 2 or len(vectors) != len(listed):
        raise UserError(
            f"{path}: {side!r} is {vectors.shape} for {len(listed)} {key!r}; it needs a row for "
            "each of them"
        )
    finite = np.isfinite(vectors).all(axis=1)
    if not finite.all():
        raise UserError(
            f"{path}: {side!r} of {listed[np.argmin(finite)]!r} is not finite, one of "
            f"{np.sum(~finite)} such rows; it needs finite numbers for each of {key!r}"
        )
    form = class_folder.class_key if key == "class_names" else _composed
    row_of = {form(name): row for row, name in enumerate(listed)}
    if len(row_of) < len(listed):
        twice = next(name for row, name in enumerate(listed) if row_of[form(name)] != row)
        raise UserError(f"{path}: {key!r} has {twice!r} twice; list each once")
    if missing := [name for name in names if form(name) not in row_of]:
        raise UserError(f"{path}: no {side} of {missing[0]!r} in {key!r}; add it")
    return vectors[[row_of[form(name)] for name in names]]


def _composed(name: str) -> str:
    """A name with its letters in one form, however systems write them."""
    return unicodedata.normalize("NFC", name)


def _embedded(net: Classifier, pictures: np.ndarray) -> np.ndarray:
    batches = np.split(pictures, range(_BATCH_SIZE, len(pictures), _BATCH_SIZE))
    return np.concatenate(
        [net(np.stack([net.prepare(picture) for picture in batch])) for batch in batches]
    )
