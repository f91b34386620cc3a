"""Scores of anybody's pictures of sounds: the same metrics, without a model of ours.

What is scored are pairs (`scored_pairs`); without any class all of them are of one. Embeddings of
sounds and pictures (`embeddings`) add the similarities that the field publishes.
"""

import dataclasses
import logging
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from s2i_tf import features
from s2i_tf.data import class_folder
from s2i_tf.errors import UserError
from s2i_tf.evaluation import embeddings, evaluate, provenance
from s2i_tf.evaluation.inputs import Items, Predictions
from s2i_tf.evaluation.judge import Judge
from s2i_tf.evaluation.metrics import SCORES
from s2i_tf.evaluation.on_disk import Scratch
from s2i_tf.evaluation.scored_pairs import Pair, distinct, identified, values_of
from s2i_tf.features.base import Classifier
from s2i_tf.media import image

logger = logging.getLogger(__name__)

SCORES_VERSION = 1
SCORES_FILE = "scores.json"
ONLY_CLASS = "all"

_MAX_SIDE = 512
# Of the usual side, below which a picture is taken for a thumbnail among them.
_MIN_SIDE_SHARE = 0.5


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
      pairs: the pairs, as of `scored_pairs.match` or `read_pairs`.
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
    class_of = class_folder.merged(pair.class_name or ONLY_CLASS for pair in pairs)
    class_names = tuple(sorted(set(class_of.values())))
    pairs = [
        dataclasses.replace(pair, class_name=class_of[pair.class_name or ONLY_CLASS])
        for pair in pairs
    ]
    told_apart = identified(pairs)
    made, sounds = _items(told_apart, ("picture", "sound", "class_name"), class_names)
    seen, images = _items(told_apart, ("photo", "class_name"), class_names)
    names = [pair.name for pair in made]
    vectors = embeddings.read(audio_embeddings, image_embeddings, names, class_names)
    scratch = Scratch(out)
    side = _side([pair.picture for pair in made])
    pictures = _load([pair.picture for pair in made], side, scratch)
    photos = _load([pair.photo for pair in seen], side, scratch)
    if image_net is not None:
        net = features.load_classifier(image_net)
        vectors["pictures"] = embeddings.of_net(net, pictures)
        vectors["photos"] = embeddings.of_net(net, photos)[images.of_pair[sounds.first_pair]]
        embeddings.check_sizes(vectors)
    predictions = Predictions(
        class_names=class_names,
        judge_labels=tuple(image_judge.classifier.labels),
        sounds=sounds,
        images=images,
        judged=image_judge.look(photos, "photos"),
        pictures={"generated": image_judge.look(pictures, "pictures")},
        seed=seed,
        no_training="the pictures have no classes",
        embeddings=vectors,
        photos_teach=len(class_names) > 1,
    )
    scores = evaluate.rounded(
        {
            "version": SCORES_VERSION,
            "command": command,
            "settings": provenance.settings(seed, side=side),
            "versions": provenance.versions(),
            "pairs": {
                "num_pictures": len(made),
                "num_sounds": len(values_of(made, "sound")),
                "num_photos": len(seen),
                "num_groups": len(values_of(made, "group")),
                # One picture of many sounds is no copy, but what is to be measured.
                "num_copies": {"pictures": len(pairs) - len(made)}
                | {
                    f"{kind}s": len(values_of(pairs, kind)) - len(values_of(told_apart, kind))
                    for kind in ("sound", "photo")
                },
                "class_names": list(class_names),
                "unmatched": list(unmatched),
            },
            "judge": provenance.describe_judge(image_judge.classifier),
            **evaluate.measure(predictions, SCORES),
        }
    )
    evaluate.write_json(out / SCORES_FILE, scores)
    return scores


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


def _items(
    pairs: Sequence[Pair], columns: Sequence[str], class_names: tuple[str, ...]
) -> tuple[list[Pair], Items]:
    """The items of pairs that some columns tell apart, and the first pair of each."""
    firsts, of_pair = distinct(pairs, columns)
    return firsts, Items(
        ids=np.array([pair.name for pair in firsts]),
        labels=np.array([class_names.index(pair.class_name) for pair in firsts]),
        groups=np.array([pair.group for pair in firsts]),
        sources=np.array([pair.source for pair in firsts]),
        of_pair=of_pair,
    )
