"""From pictures and what the judge saw in them to the parts of `metrics.json`, beyond label match.

What stands in each is told in `evaluate`'s docstring. Everything that needs training photos is None
where there are none.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf.evaluation import (
    baselines,
    bootstrap,
    diversity,
    fidelity,
    following,
    linear_probe,
    memorising,
    tables,
)
from s2i_tf.evaluation.drawn import Drawn
from s2i_tf.evaluation.judging import Looks
from s2i_tf.evaluation.linear_probe import LinearProbe
from s2i_tf.evaluation.tables import Items

# Of very large sets a part is compared, because all pairs are looked at.
MAX_COMPARED = 2000

SYSTEM_TITLES = {"generated": "picture of the sound", **baselines.TITLES}
CLASS_TITLES = {
    **SYSTEM_TITLES,
    "rebuilt": "picture of a photo's own features",
    "real": "real photo",
}


def class_seen(
    drawn: Mapping[str, Drawn],
    rebuilt: Looks,
    original: Looks,
    sounds: Items,
    images: Items,
    probe: LinearProbe,
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """How often the probe on the judge's features names a picture's class, and what it confuses.

    Args:
      drawn: the pictures of each sound, `generated` and the baselines.
      rebuilt: the judge's look at the pictures of the photos' own features.
      original: its look at the photos.
      sounds: the sounds of the eval split.
      images: its photos.
      probe: fitted on training photos.
      class_names: by label.
      seed: of the intervals.
    """
    named = {name: probe.predict(found.looks.features) for name, found in drawn.items()}
    photos_named = {
        "rebuilt": probe.predict(rebuilt.features),
        "real": probe.predict(original.features),
    }
    rates = _accuracies(named, sounds, seed) | _accuracies(photos_named, images, seed)
    return {
        "probe": _describe(probe),
        "chance": 1 / len(probe.classes),
        "rows": [
            {
                "name": name,
                "title": title,
                "num_items": len(images if name in photos_named else sounds),
                "accuracy": tables.rate(rates[name], class_names),
            }
            for name, title in CLASS_TITLES.items()
        ],
        "confusion": {
            "class_names": list(class_names),
            "generated": confusion(sounds.labels, named["generated"], len(class_names)),
            "real": confusion(images.labels, photos_named["real"], len(class_names)),
        },
    }


def class_heard(
    probe: LinearProbe,
    training: Items,
    sounds: Items,
    sources: Mapping[str, str],
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """How often a probe on the sound's own features names its class: what any generator can know.

    Args:
      probe: fitted on the training sounds.
      training: the training sounds.
      sounds: those of the eval split.
      sources: of sounds by id, where they are known: the collection that each is from.
      class_names: by label.
      seed: of the intervals.
    """
    named = probe.predict(sounds.features)
    rates = _accuracies({"all": named}, sounds, seed)
    return {
        "probe": _describe(probe),
        "accuracy": tables.rate(rates["all"], class_names),
        "confusion": confusion(sounds.labels, named, len(class_names)),
        "by_source": _by_source(probe, named, training, sounds, sources, seed),
    }


def confusion(labels: np.ndarray, named: np.ndarray, num_classes: int) -> list[list[int]]:
    """Counts [classes, classes]: a row for each true class, a column for each that was named."""
    places = labels.astype(np.int64) * num_classes + named
    return np.bincount(places, minlength=num_classes**2).reshape(num_classes, -1).tolist()


def fidelity_rows(
    drawn: Mapping[str, Drawn],
    training: tuple[Items, Looks] | None,
    original: Looks,
    sounds: Items,
    images: Items,
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Each set of pictures against the real photos of the eval split.

    Args:
      drawn: the pictures of each sound, `generated` and the baselines.
      training: the training photos and the judge's look at them, or None.
      original: the look at the photos of the eval split.
      sounds: the sounds of the eval split.
      images: its photos.
      class_names: by label.
      seed: of the intervals and draws.
    """
    sets = {
        name: (drawn[name].looks.features, sounds.labels, sounds.groups) if name in drawn else None
        for name in SYSTEM_TITLES
    }
    sets["real"] = None
    if training is not None:
        items, looks = training
        # As many as there are generated pictures, as a Fréchet distance depends on the number.
        part = _part(len(items), len(sounds), seed)
        sets["real"] = looks.features[part], items.labels[part], items.groups[part]
    part = _part(len(images), MAX_COMPARED, seed)
    real = original.features[part], images.labels[part], images.groups[part]
    titles = {**SYSTEM_TITLES, "real": "as many training photos"}
    return {
        "num_real": len(part),
        "num_neighbours": fidelity.NUM_NEIGHBOURS,
        "rows": [
            {"name": name, "title": titles[name], **_fidelity(found, real, class_names, seed)}
            for name, found in sets.items()
        ],
    }


def diversity_rows(
    drawn: Mapping[str, Drawn],
    original: Looks,
    samples: np.ndarray | None,
    sounds: Items,
    images: Items,
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """Distances within a class over those of real photos, and between samples of one sound.

    Args:
      drawn: the pictures of each sound, `generated` and the baselines.
      original: the judge's look at the photos.
      samples: its features of several samples of each sound [samples, sounds, size], or None for a
        model that gives one picture.
      sounds: the sounds of the eval split.
      images: its photos.
      class_names: by label.
      seed: of the intervals.
    """
    real = original.features, images.labels, images.groups
    real_means = diversity.within_classes(*real)
    rows = []
    for name, title in SYSTEM_TITLES.items():
        row: dict[str, Any] = {"name": name, "title": title, "ratio": None, "per_class": {}}
        if name in drawn:
            pictures = drawn[name].looks.features, sounds.labels, sounds.groups
            means = diversity.within_classes(*pictures)
            row["ratio"] = tables.estimate(diversity.ratio(pictures, real, seed=seed))
            row["per_class"] = {
                class_names[label]: mean / real_means[label]
                for label, mean in means.items()
                if real_means.get(label)
            }
        rows.append(row)
    return {
        "real_distance": float(np.mean(list(real_means.values()))) if real_means else None,
        "rows": rows,
        "samples": None if samples is None else _samples(samples, real, sounds, seed),
    }


def memorising_part(
    generated: Drawn,
    originals: tuple[np.ndarray, Looks],
    training: tuple[Items, Looks],
    sounds: Items,
    images: Items,
    *,
    seed: int = 0,
) -> tuple[dict[str, Any], memorising.Nearest]:
    """Distances to the nearest training photo, of pictures and of photos never seen.

    Args:
      generated: the pictures of the sounds.
      originals: the photos of the eval split and the judge's look at them.
      training: the training photos and the look at them.
      sounds: the sounds of the eval split.
      images: its photos.
      seed: of the intervals.

    Returns:
      The part of the metrics, and each generated picture's nearest photo in features.
    """
    items, looks = training
    pictures, original = originals
    found = {
        "features": (
            memorising.in_features(generated.looks.features, looks.features),
            memorising.in_features(original.features, looks.features),
        ),
        "pixels": (
            memorising.in_pixels(generated.pictures, items.pictures),
            memorising.in_pixels(pictures, items.pictures),
        ),
    }
    part: dict[str, Any] = {"num_training_photos": len(items)}
    for name, (of_generated, of_real) in found.items():
        sides = (of_generated.distances, sounds.groups), (of_real.distances, images.groups)
        part[name] = {
            "generated": tables.estimate(memorising.median(*sides[0], seed=seed)),
            "held_out": tables.estimate(memorising.median(*sides[1], seed=seed)),
            "ratio": tables.estimate(memorising.median_ratio(*sides, seed=seed)),
        }
    nearest = found["features"][0]
    part["closest"] = [
        {
            "sound_id": str(sounds.ids[position]),
            "image_id": str(items.ids[nearest.photos[position]]),
            "feature_distance": float(nearest.distances[position]),
            "pixel_distance": float(found["pixels"][0].distances[position]),
        }
        for position in memorising.closest(nearest.distances)
    ]
    return part, nearest


def following_part(
    generated: np.ndarray,
    photo_of_sound: np.ndarray,
    index: Mapping[str, Mapping[str, str]],
    sounds: Items,
    class_names: Sequence[str],
    *,
    seed: int = 0,
) -> dict[str, Any] | None:
    """How the pictures follow the causes of the sounds; None for data without known causes.

    Args:
      generated: uint8 [sounds, 128, 128, 3], the pictures of the sounds.
      photo_of_sound: the same of the picture that belongs to each sound.
      index: the rows of the data's `index.csv` by path.
      sounds: the sounds.
      class_names: by label.
      seed: of the intervals.
    """
    rows = [index.get(str(sound_id), {}) for sound_id in sounds.ids]
    causes = following.causes_of(rows, [class_names[label] for label in sounds.labels])
    if not causes:
        return None
    measured = {
        "generated": following.measured_in_pictures(causes, generated),
        "real": following.measured_in_pictures(causes, photo_of_sound),
    }
    return {
        "num_sounds": len(set(np.concatenate([cause.items for cause in causes]))),
        "pooled": {
            name: tables.estimate(following.pooled(causes, values, sounds.groups, seed=seed))
            for name, values in measured.items()
        },
        "rows": [
            {
                "class_name": cause.class_name,
                "cause": cause.name,
                "num_sounds": len(cause.items),
                **{
                    name: _number(following.rank_correlation(cause.values, values[place]))
                    for name, values in measured.items()
                },
            }
            for place, cause in enumerate(causes)
        ],
    }


def _accuracies(
    named: Mapping[str, np.ndarray], items: Items, seed: int
) -> dict[str, bootstrap.Rate]:
    """The rate of each; all baselines have one, of NaN where they are missing."""
    right = {name: found == items.labels for name, found in named.items()}
    if "generated" in named:
        nothing = np.full(len(items), np.nan)
        right = {**dict.fromkeys(SYSTEM_TITLES, nothing), **right}
    return bootstrap.rates(right, items.labels, items.groups, seed=seed)


def _describe(probe: LinearProbe) -> dict[str, Any]:
    return {
        "num_classes": len(probe.classes),
        "penalty": probe.penalty,
        "validated": probe.validated,
    }


def _by_source(
    probe: LinearProbe,
    named: np.ndarray,
    training: Items,
    sounds: Items,
    sources: Mapping[str, str],
    seed: int,
) -> list[dict[str, Any]]:
    """The accuracy on each source's sounds, and when the probe heard nothing of that source."""
    of_training, of_sounds = (
        np.array([sources.get(str(sound_id), "") for sound_id in items.ids])
        for items in (training, sounds)
    )
    found = []
    for source in sorted(set(of_sounds) - {""}):
        own = of_sounds == source
        others = of_training != source
        apart = np.full(len(sounds), np.nan)
        if others.any() and not others.all():
            known = own & np.isin(sounds.labels, training.labels[others])
            if known.any():
                without = linear_probe.fit(
                    training.features[others],
                    training.labels[others],
                    training.groups[others],
                    penalty=probe.penalty,
                )
                right = without.predict(sounds.features[known]) == sounds.labels[known]
                apart[known] = right
        measures = {"accuracy": (named == sounds.labels)[own], "left_out": apart[own]}
        rates = bootstrap.rates(measures, sounds.labels[own], sounds.groups[own], seed=seed)
        found.append(
            {
                "source": source,
                "num_sounds": int(own.sum()),
                "num_left_out": int(np.isfinite(apart).sum()),
                **{name: tables.estimate(rate.micro) for name, rate in rates.items()},
            }
        )
    return found


def _fidelity(
    pictures: tuple[np.ndarray, np.ndarray, np.ndarray] | None,
    real: tuple[np.ndarray, np.ndarray, np.ndarray],
    class_names: Sequence[str],
    seed: int,
) -> dict[str, Any]:
    nothing = {"num_pictures": 0, "kid": None, "fid": None, "precision": None, "recall": None}
    if pictures is None:
        return nothing
    pictures = tuple(column[_part(len(pictures[0]), MAX_COMPARED, seed)] for column in pictures)
    nothing["num_pictures"] = len(pictures[0])
    if min(len(pictures[0]), len(real[0])) < 2:
        return nothing
    kid = fidelity.kernel_distance(real[0], pictures[0], real[2], pictures[2], seed=seed)
    within, covered = fidelity.precision_and_recall(real[0], pictures[0])
    precision = bootstrap.rates({"": within}, *pictures[1:], seed=seed)[""]
    recall = bootstrap.rates({"": covered}, *real[1:], seed=seed)[""]
    return {
        "num_pictures": len(pictures[0]),
        "kid": {
            **tables.estimate(kid.estimate),
            "subset_mean": kid.subset_mean,
            "subset_std": kid.subset_std,
            "subset_size": kid.subset_size,
        },
        "fid": fidelity.frechet_distance(real[0], pictures[0]),
        "precision": tables.rate(precision, class_names),
        "recall": tables.rate(recall, class_names),
    }


def _samples(
    samples: np.ndarray,
    real: tuple[np.ndarray, np.ndarray, np.ndarray],
    sounds: Items,
    seed: int,
) -> dict[str, Any]:
    """The mean distance between samples of one sound, over the real distance within a class."""
    apart = diversity.between_samples(samples)
    means = list(diversity.within_classes(*real).values())
    scale = float(np.mean(means)) if means else float("nan")

    def value(weights: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return (weights @ apart) / weights.sum(axis=1) / scale

    return {
        "num_samples": len(samples),
        "ratio": tables.estimate(bootstrap.statistic(value, [sounds.groups], seed=seed)),
    }


def _part(num_items: int, num_wanted: int, seed: int) -> np.ndarray:
    """Positions of all items, or of as many as are wanted, drawn by the seed."""
    if num_items <= num_wanted:
        return np.arange(num_items)
    return np.sort(np.random.default_rng(seed).choice(num_items, num_wanted, replace=False))


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
