"""From vectors and labels to the rows of retrieval and label match, ready for JSON.

A row is a plain dict; an estimate in it is `{"value", "low", "high"}` with `null` where nothing
could be measured, and a rate is `{"micro", "macro", "per_class"}` of such estimates, by class name.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf.evaluation import baselines, bootstrap, label_match, retrieval

LAYERS = ("before", "after")
DIRECTIONS = ("image_to_sound", "sound_to_image")
MATCH_ROWS = {
    "generated": "picture of the sound, and the photo of its pair",
    "rebuilt": "picture of the photo's own features, and the photo",
    "real_same_class": "another real photo of the class, and the photo",
    "generated_same_class": "picture of the sound, and another photo of the class",
    **baselines.TITLES,
    "shuffled": "shuffled: picture of the sound, photo of any other pair",
}


@dataclasses.dataclass(frozen=True)
class Items:
    """The sounds, or the photos, of one split: each once, however many pairs it forms.

    Attributes:
      ids: str [items].
      labels: int [items].
      groups: str [items], the recording of the item's first pair.
      features: float32 [items, 4096].
      pictures: uint8 [items, 128, 128, 3] of the first pair, or None.
      of_pair: int [pairs], the item of each pair.
    """

    ids: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    features: np.ndarray
    pictures: np.ndarray | None
    of_pair: np.ndarray

    @classmethod
    def of_split(cls, split: Mapping[str, np.ndarray], modality: str) -> "Items":
        """Takes the sounds or images out of a split's pairs.

        Args:
          split: arrays by key as of `pipeline.load_split`.
          modality: `sound` or `image`.
        """
        ids = split[f"{modality}_id"].astype(str)
        unique_ids, first, of_pair = np.unique(ids, return_index=True, return_inverse=True)
        return cls(
            ids=unique_ids,
            labels=split["label"][first],
            groups=split["group"][first].astype(str),
            features=split[f"{modality}_features"][first],
            pictures=split["image"][first] if "image" in split else None,
            of_pair=of_pair.reshape(-1),
        )

    def __len__(self) -> int:
        return len(self.ids)


def retrieval_rows(
    split_name: str,
    sounds: Items,
    images: Items,
    sound_vectors: Mapping[str, np.ndarray],
    image_vectors: Mapping[str, np.ndarray],
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The retrieval table's rows of one split: directions × layers × distances.

    Args:
      split_name: `train` or `eval`.
      sounds: the sounds of the split.
      images: its photos.
      sound_vectors: multimodal vectors [sounds, hidden], `before` and `after` the activation.
      image_vectors: the same of the photos.
      class_names: by label.
      seed: of the intervals.
    """
    rows = []
    for direction in DIRECTIONS:
        sides = [(images, image_vectors), (sounds, sound_vectors)]
        (queries, query_vectors), (targets, target_vectors) = (
            sides if direction == "image_to_sound" else sides[::-1]
        )
        rankings = {}
        for layer in LAYERS:
            by_distance = retrieval.rank(
                query_vectors[layer], queries.labels, target_vectors[layer], targets.labels
            )
            rankings |= {(layer, distance): found for distance, found in by_distance.items()}
        # One call for all of them: the draws are the same, and drawing is what takes the time.
        rates = bootstrap.rates(
            {
                (*key, name): values
                for key, ranking in rankings.items()
                for name, values in ranking.measures.items()
            },
            queries.labels,
            queries.groups,
            seed=seed,
        )
        chance = _chance(queries.labels, targets.labels)
        for (layer, distance), ranking in rankings.items():
            from_paper = direction == "image_to_sound" and distance == "euclidean"
            rows.append(
                {
                    "split": split_name,
                    "direction": direction,
                    "layer": layer,
                    "distance": distance,
                    "num_queries": len(queries),
                    "num_targets": len(targets),
                    "num_groups": len(np.unique(queries.groups)),
                    "measures": {
                        name: rate(rates[layer, distance, name], class_names)
                        for name in retrieval.MEASURES
                    },
                    "chance": chance,
                    "targets_hit": _targets_hit(ranking.nearest, len(targets)),
                    "paper_top_1": retrieval.PAPER_TOP_1[split_name, layer] if from_paper else None,
                }
            )
    return rows


def match_rows(
    sounds: Items,
    images: Items,
    drawn_labels: Mapping[str, np.ndarray],
    rebuilt_labels: np.ndarray,
    original_labels: np.ndarray,
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The label match table's rows (`MATCH_ROWS`). A sound with several photos has their mean.

    Args:
      sounds: the sounds of the split.
      images: its photos.
      drawn_labels: int [sounds, 10], the judge's labels of each sound's picture, `generated` and
        of each baseline; a baseline that is missing has a row of nulls.
      rebuilt_labels: int [photos, 10], of the picture rebuilt from each photo's own features.
      original_labels: int [photos, 10], of each photo.
      class_names: by label.
      seed: of the intervals.
    """
    generated = drawn_labels["generated"][sounds.of_pair]
    original = original_labels[images.of_pair]
    labels = sounds.labels[sounds.of_pair]
    _, recordings = np.unique(sounds.groups, return_inverse=True)
    same_source = np.stack([images.of_pair, recordings.reshape(-1)[sounds.of_pair]], axis=1)
    nothing = dict.fromkeys(label_match.TOP_KS, np.full(len(labels), np.nan))
    by_pair = {
        **dict.fromkeys(baselines.TITLES, nothing),
        **{
            name: label_match.meets(found[sounds.of_pair], original)
            for name, found in drawn_labels.items()
        },
        "rebuilt": label_match.meets(rebuilt_labels[images.of_pair], original),
        "real_same_class": label_match.mean_meeting(original, original, same_source, labels),
        "generated_same_class": label_match.mean_meeting(generated, original, same_source, labels),
        "shuffled": label_match.mean_meeting(generated, original, same_source),
    }
    rates = bootstrap.rates(
        {
            (name, k): _mean_by_item(values, sounds.of_pair, len(sounds))
            for name in MATCH_ROWS
            for k, values in by_pair[name].items()
        },
        sounds.labels,
        sounds.groups,
        seed=seed,
    )
    return [
        {
            "name": name,
            "title": title,
            "match": {str(k): rate(rates[name, k], class_names) for k in label_match.TOP_KS},
        }
        for name, title in MATCH_ROWS.items()
    ]


def _mean_by_item(values: np.ndarray, item_of_pair: np.ndarray, num_items: int) -> np.ndarray:
    values = values.astype(np.float64)
    defined = np.isfinite(values)
    sums = np.bincount(item_of_pair, np.where(defined, values, 0), num_items)
    with np.errstate(invalid="ignore"):
        return sums / np.bincount(item_of_pair, defined, num_items)


def _chance(query_labels: np.ndarray, target_labels: np.ndarray) -> dict[str, dict[str, float]]:
    classes = np.unique(query_labels)
    return {
        name: {
            "micro": float(values.mean()),
            "macro": float(np.mean([values[query_labels == label].mean() for label in classes])),
        }
        for name, values in retrieval.chance(query_labels, target_labels).items()
    }


def _targets_hit(nearest: np.ndarray, num_targets: int) -> dict[str, float]:
    num_hit = len(np.unique(nearest))
    expected = retrieval.expected_targets_hit(len(nearest), num_targets)
    return {"num": num_hit, "share": num_hit / num_targets, "share_if_even": expected / num_targets}


def rate(found: bootstrap.Rate, class_names: Sequence[str]) -> dict[str, Any]:
    """A rate as JSON."""
    return {
        "micro": estimate(found.micro),
        "macro": estimate(found.macro),
        "per_class": {
            class_names[label]: estimate(of_class) for label, of_class in found.per_class.items()
        },
    }


def estimate(found: bootstrap.Estimate) -> dict[str, float | None]:
    """An estimate as JSON; null for what could not be measured."""
    values = dataclasses.asdict(found).items()
    return {name: None if math.isnan(value) else value for name, value in values}
