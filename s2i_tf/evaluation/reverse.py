"""From image to sound: is the training sound that a photo is given one of the photo's class?

Each photo's generated sound features stand for the nearest training sound. It has the class or not;
and a judge of sounds, which took no part in choosing it, names the same in it and in a real sound
of the photo's class, or not. Beside both stand the nearest training sound by multimodal vectors,
which generates nothing, and what the sounds of other photos reach.

What `measure` gives is one object of JSON, its rates as everywhere (`tables.rate`), by photo:

- `num_photos`; `num_sounds` of the index; `chance`, `micro` and `macro`.
- `class_found`: rows of `name`, `title`, `accuracy`, a rate, and `num_hit`, how many different
  sounds are the nearest of some photo; null where there are none.
- `label_match`: `judge`, `num_pairs`, `random` by k, and `rows` of `name`, `title`, `match` by k,
  rates; or null.
- `missing`: why, by the name of the part or row.
"""

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf.data import source_sounds
from s2i_tf.errors import UserError
from s2i_tf.evaluation import bootstrap, distances, label_match
from s2i_tf.evaluation.tables import Items, rate
from s2i_tf.features.base import Classifier
from s2i_tf.models.sound_to_image import SoundToImage

FOUND_ROWS = {
    "generated": "training sound nearest to the features made of the photo",
    "nearest_sound": "training sound nearest to the photo by multimodal features",
    "shuffled": "shuffled: the sound of any other photo",
}
MATCH_ROWS = {
    "generated": "sound found for the photo, and the sound of its pair",
    "nearest_sound": "nearest training sound by multimodal features, and the sound of its pair",
    "real_same_class": "another real sound of the class, and the sound of the pair",
    "shuffled": "shuffled: sound found for the photo, sound of any other pair",
}
NO_TRAINING = "what the model was trained on is not at hand"
NO_JUDGE = "no judge of sounds was given"

_JUDGE_BATCH = 8
_SAY_EVERY = 64

logger = logging.getLogger(__name__)


def measure(
    model: SoundToImage,
    training: tuple[Items, np.ndarray] | None,
    sounds: Items,
    images: Items,
    image_vectors: np.ndarray,
    class_names: Sequence[str],
    *,
    source: str = "",
    window_seconds: float = source_sounds.WINDOW_SECONDS,
    judge: Classifier | None = None,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Measures a model's direction from image to sound.

    Args:
      model: with an index of sounds; without one there is nothing to measure.
      training: the training sounds and their multimodal vectors after the activation
        [sounds, hidden], for the baseline.
      sounds: of the eval split.
      images: its photos, whose features the model is given.
      image_vectors: the photos' multimodal vectors after the activation [photos, hidden].
      class_names: by label of the data.
      source: folder that the ids of sounds are relative to.
      window_seconds: length of the windows that the ids of sounds name.
      judge: a classifier of sounds, such as `yamnet`.
      seed: of the intervals.

    Returns:
      See the module's docstring; None for a model without the direction.

    Raises:
      UserError: if the judge is not one of sounds.
    """
    if model.sound_index is None:
        return None
    if judge is not None and judge.modality != "sound":
        raise UserError(f"judge {judge.name!r} judges an {judge.modality}; allowed: a sound")
    found = _find(model, training, images.features, image_vectors, class_names)
    missing = {} if training is not None else {"nearest_sound": NO_TRAINING}
    chance = _shares(found["generated"].all_labels, images.labels)
    matched = None
    if judge is None:
        missing["label_match"] = NO_JUDGE
    else:
        try:
            hear = functools.partial(source_sounds.load, source, window_seconds=window_seconds)
            matched = _label_match(found, sounds, images, class_names, hear, judge, seed)
        except UserError as error:
            missing["label_match"] = f"a sound is not at hand: {error}"
    return {
        "num_photos": len(images),
        "num_sounds": len(model.sound_index),
        "chance": {
            "micro": float(chance.mean()),
            "macro": float(
                np.mean([chance[images.labels == label][0] for label in np.unique(images.labels)])
            ),
        },
        "class_found": _class_found(found, images, class_names, seed),
        "label_match": matched,
        "missing": missing,
    }


class _Found:
    """The sound of each photo, out of some.

    Args:
      chosen: int [photos], which of the sounds.
      ids: str [sounds].
      labels: int [sounds], of the data's classes; -1 for a class that it does not have.
    """

    def __init__(self, chosen: np.ndarray, ids: np.ndarray, labels: np.ndarray):
        self.ids = np.asarray(ids)[chosen]
        self.labels = np.asarray(labels)[chosen]
        self.all_labels = np.asarray(labels)


def _find(
    model: SoundToImage,
    training: tuple[Items, np.ndarray] | None,
    image_features: np.ndarray,
    image_vectors: np.ndarray,
    class_names: Sequence[str],
) -> dict[str, _Found]:
    index = model.sound_index
    label_of = {name: label for label, name in enumerate(class_names)}
    labels = np.array([label_of.get(name, -1) for name in model.class_names])[index.labels]
    nearest, _ = model.nearest_sounds(image_features)
    found = {"generated": _Found(nearest[:, 0], index.ids, labels)}
    if training is not None:
        items, vectors = training
        chosen, _ = distances.nearest(image_vectors, vectors)
        found["nearest_sound"] = _Found(chosen, items.ids, items.labels)
    return found


def _class_found(
    found: Mapping[str, _Found], images: Items, class_names: Sequence[str], seed: int
) -> list[dict[str, Any]]:
    """The rows `FOUND_ROWS`."""
    own = {name: one.labels == images.labels for name, one in found.items()}
    generated = found["generated"].labels
    # Of the sounds of all photos but itself.
    hits = _shares(generated, images.labels) * len(images) - own["generated"]
    own["shuffled"] = hits / max(len(images) - 1, 1)
    rates = bootstrap.rates(own, images.labels, images.ids, seed=seed)
    return [
        {
            "name": name,
            "title": title,
            "accuracy": rate(rates[name], class_names) if name in rates else None,
            "num_hit": len(np.unique(found[name].ids)) if name in found else None,
        }
        for name, title in FOUND_ROWS.items()
    ]


def _label_match(
    found: Mapping[str, _Found],
    sounds: Items,
    images: Items,
    class_names: Sequence[str],
    hear: Callable[[str], np.ndarray],
    judge: Classifier,
    seed: int,
) -> dict[str, Any]:
    """The rows `MATCH_ROWS`. A photo with several sounds has their mean."""
    wanted = np.unique(np.concatenate([sounds.ids, *(one.ids for one in found.values())]))
    heard = _listen(judge, hear, wanted)
    original = heard[np.searchsorted(wanted, sounds.ids)][sounds.of_pair]
    of_pair = {
        name: heard[np.searchsorted(wanted, one.ids)][images.of_pair] for name, one in found.items()
    }
    labels = images.labels[images.of_pair]
    recordings = np.unique(sounds.groups, return_inverse=True)[1].reshape(-1)[sounds.of_pair]
    same_source = np.stack([images.of_pair, recordings], axis=1)
    by_pair = {name: label_match.meets(one, original) for name, one in of_pair.items()}
    by_pair["real_same_class"] = label_match.mean_meeting(
        original, original, recordings[:, None], labels
    )
    by_pair["shuffled"] = label_match.mean_meeting(of_pair["generated"], original, same_source)
    rates = bootstrap.rates(
        {
            (name, k): _mean_by_photo(values, images)
            for name, by_k in by_pair.items()
            for k, values in by_k.items()
        },
        images.labels,
        images.ids,
        seed=seed,
    )
    random = label_match.random_match(len(judge.labels))
    return {
        "judge": judge.name,
        "num_pairs": len(labels),
        "random": {str(k): share for k, share in random.items()},
        "rows": [
            {
                "name": name,
                "title": title,
                "match": {
                    str(k): rate(rates[name, k], class_names) if name in by_pair else None
                    for k in label_match.TOP_KS
                },
            }
            for name, title in MATCH_ROWS.items()
        ],
    }


def _listen(judge: Classifier, hear: Callable[[str], np.ndarray], ids: np.ndarray) -> np.ndarray:
    """The judge's likeliest labels of sounds, int [sounds, 10].

    Raises:
      UserError: if one of them is not at hand.
    """
    labels = []
    for start in range(0, len(ids), _JUDGE_BATCH):
        if start % _SAY_EVERY == 0:
            logger.info("%s hears sounds: %d of %d", judge.name, start, len(ids))
        some = ids[start : start + _JUDGE_BATCH]
        batch = [judge.prepare(hear(sound_id)) for sound_id in some]
        labels.append(label_match.top_labels(judge(np.stack(batch))))
    return np.concatenate(labels)


def _shares(labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """The share of the labels that equal each wanted one, float [wanted]."""
    return np.array([np.mean(labels == label) for label in wanted])


def _mean_by_photo(values: np.ndarray, images: Items) -> np.ndarray:
    """The mean over the pairs of each photo, of those for which it is defined."""
    values = np.asarray(values, np.float64)
    defined = np.isfinite(values)
    sums = np.bincount(images.of_pair, np.where(defined, values, 0), len(images))
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(images.of_pair, defined, len(images))
