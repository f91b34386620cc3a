"""The figures made of pictures, as in the paper: 2, 3, 5, 6 and 7, and what to beware of.

Each is one sheet, uint8 [height, width, 3], of examples drawn by a seed: neither the best nor the
worst. A column has the real photo above and the picture below.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from s2i_tf.evaluation import neighbors
from s2i_tf.evaluation.inputs import Items, Predictions
from s2i_tf.evaluation.metrics import qualities
from s2i_tf.evaluation.metrics.label_match import TOP_KS
from s2i_tf.media.sheet import contact_sheet

NUM_COLUMNS = 12

_PHOTOS_PER_CLASS = 4
_MAX_CLASSES = 60
_NUM_PER_QUALITY = 12
_NUM_PER_K = 6
_BLANK = 250

# What each file of `sheets` shows, for captions.
TITLES = {
    "dataset.png": "The data: photos of each class (the paper's Figure 2)",
    "rebuilt.png": "Photos, and the pictures made of their own image features (Figure 3)",
    "neighbours.png": "Photos, and the photo of the sound whose multimodal vector is nearest "
    "(Figure 5)",
    "pictures.png": "Photos, and the pictures made from their sounds (Figure 6)",
    "top_k.png": "Photo and picture whose labels first meet at the k given (Figure 7)",
    "closest.png": "The generated pictures nearest to a training photo, and that photo below",
    **{f"{name}.png": title for name, title in qualities.TITLES.items()},
}


def sheets(
    predictions: Predictions, metrics: Mapping[str, Any], num_shown: int, *, hide_photos: bool
) -> dict[str, np.ndarray]:
    """The sheets that there are, by file name.

    Args:
      predictions: what was measured.
      metrics: what `metrics.json` holds of it.
      num_shown: how many examples a sheet has at most.
      hide_photos: leave the data's photos out.
    """
    sounds, images = predictions.sounds, predictions.images
    training, salt = predictions.training, f"figures {predictions.seed}"
    generated = predictions.generated.pictures
    class_names = np.array(predictions.class_names)

    def photos_of(side: Items, positions: Sequence[int]) -> np.ndarray | None:
        return None if hide_photos else side.pictures[positions]

    def pairs(positions: Sequence[int], captions: Sequence[str] | None = None) -> np.ndarray | None:
        """Pictures of some sounds below the photos of their pairs; None of no sounds."""
        if not len(positions):
            return None
        photos = photos_of(images, predictions.photo_of_sound[positions])
        own = class_names[sounds.labels[positions]]
        return sheet(photos, generated[positions], own, captions or [""] * len(own))

    found = {"pictures.png": pairs(list(predictions.shown))}
    matches = qualities.first_matches(predictions)
    first = [
        position
        for k in TOP_KS
        for position in sounds.drawn(np.flatnonzero(matches == k), _NUM_PER_K, salt)
    ]
    found["top_k.png"] = pairs(first, [f"top {matches[position]}" for position in first])
    shown = images.of_each_class(num_shown, predictions.seed)
    of_shown = class_names[images.labels[shown]]
    rebuilt = predictions.rebuilt.pictures[shown]
    found["rebuilt.png"] = sheet(photos_of(images, shown), rebuilt, of_shown, [""] * len(shown))
    if training is not None:
        for name, chosen in qualities.qualities(predictions).items():
            drawn = sounds.drawn(np.flatnonzero(chosen), _NUM_PER_QUALITY, salt)
            found[f"{name}.png"] = pairs(drawn)
    if not hide_photos:
        found["dataset.png"] = _data_set(training.images if training else images, class_names, salt)
        nearest, _ = neighbors.nearest(
            predictions.image_vectors.after[shown], predictions.sound_vectors.after
        )
        found["neighbours.png"] = sheet(
            images.pictures[shown],
            images.pictures[predictions.photo_of_sound[nearest]],
            of_shown,
            class_names[sounds.labels[nearest]],
        )
        if metrics["memorization"] is not None:
            closest = metrics["memorization"]["closest"]
            own = np.searchsorted(sounds.ids, [row["sound_id"] for row in closest])
            photos = np.searchsorted(training.images.ids, [row["image_id"] for row in closest])
            found["closest.png"] = sheet(
                generated[own],
                training.images.pictures[photos],
                class_names[sounds.labels[own]],
                class_names[training.images.labels[photos]],
            )
    return {name: found[name] for name in TITLES if found.get(name) is not None}


def sheet(
    upper: Sequence[np.ndarray] | None,
    lower: Sequence[np.ndarray],
    upper_captions: Sequence[str],
    lower_captions: Sequence[str],
) -> np.ndarray:
    """Columns of two pictures with a caption each, in as many double rows as it takes.

    Without the upper ones only the lower ones are shown, with both captions.
    """
    num_columns = min(NUM_COLUMNS, len(lower))
    if upper is None:
        captions = [
            " ".join(pair).strip() for pair in zip(upper_captions, lower_captions, strict=True)
        ]
        return contact_sheet(list(lower), captions, num_columns=num_columns)
    blank = np.full_like(lower[0], _BLANK)
    pictures, captions = [], []
    for start in range(0, len(upper), num_columns):
        for row, texts in ((upper, upper_captions), (lower, lower_captions)):
            missing = num_columns - len(row[start : start + num_columns])
            pictures += [*row[start : start + num_columns], *[blank] * missing]
            captions += [*texts[start : start + num_columns], *[""] * missing]
    return contact_sheet(pictures, captions, num_columns=num_columns)


def _data_set(images: Items, class_names: np.ndarray, salt: str) -> np.ndarray:
    """Some photos of each class."""
    shown = [
        position
        for label in np.unique(images.labels)[:_MAX_CLASSES]
        for position in images.drawn(
            np.flatnonzero(images.labels == label), _PHOTOS_PER_CLASS, salt
        )
    ]
    captions = class_names[images.labels[shown]].tolist()
    return contact_sheet(list(images.pictures[shown]), captions, num_columns=NUM_COLUMNS)
