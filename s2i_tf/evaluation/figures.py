"""The figures made of pictures, as in the paper: 2, 3, 5, 6 and 7, and what to beware of.

Each is one sheet, uint8 [height, width, 3], of examples drawn by a seed: neither the best nor the
worst. A column has the real photo above and the picture below.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import distances, gallery, label_match, memorising
from s2i_tf.evaluation.tables import Items
from s2i_tf.media.sheet import contact_sheet

NUM_COLUMNS = 12
QUALITIES = ("good", "middling", "bad")

_PHOTOS_PER_CLASS = 4
_MAX_CLASSES = 60
_NUM_PER_QUALITY = 12
_NUM_PER_K = 6
_BLANK = 250

# What a hidden photo is filled with.
HIDDEN = 255
# They show nothing but photos, or are nothing without them.
OF_PHOTOS = ("dataset.png", "neighbours.png", "closest.png")

# What each file of `exhibits.sheets` shows, for captions.
TITLES = {
    "dataset.png": "The data: photos of each class (the paper's Figure 2)",
    "rebuilt.png": "Photos, and the pictures made of their own image features (Figure 3)",
    "neighbours.png": "Photos, and the photo of the sound whose multimodal vector is nearest "
    "(Figure 5)",
    "pictures.png": "Photos, and the pictures made from their sounds (Figure 6)",
    "top_k.png": "Photo and picture whose labels first meet at the k given (Figure 7)",
    "closest.png": "The generated pictures nearest to a training photo, and that photo below",
    "good.png": "Good: the labels meet within the first ten, and the class is seen",
    "middling.png": "Middling: one of the two",
    "bad.png": "Bad: neither",
}


def sheet(
    upper: Sequence[np.ndarray],
    lower: Sequence[np.ndarray],
    upper_captions: Sequence[str],
    lower_captions: Sequence[str],
) -> np.ndarray:
    """Columns of two pictures with a caption each, in as many double rows as it takes.

    Where the upper ones are hidden, all white, only the lower ones are shown.
    """
    num_columns = min(NUM_COLUMNS, len(upper))
    if all(np.min(picture) == HIDDEN for picture in upper):
        captions = [
            " ".join(pair).strip() for pair in zip(upper_captions, lower_captions, strict=True)
        ]
        return contact_sheet(list(lower), captions, num_columns=num_columns)
    blank = np.full_like(upper[0], _BLANK)
    pictures, captions = [], []
    for start in range(0, len(upper), num_columns):
        for row, texts in ((upper, upper_captions), (lower, lower_captions)):
            missing = num_columns - len(row[start : start + num_columns])
            pictures += [*row[start : start + num_columns], *[blank] * missing]
            captions += [*texts[start : start + num_columns], *[""] * missing]
    return contact_sheet(pictures, captions, num_columns=num_columns)


def data_set(images: Items, class_names: Sequence[str], seed: int) -> np.ndarray:
    """Some photos of each class."""
    pictures, captions = [], []
    for label in np.unique(images.labels)[:_MAX_CLASSES]:
        own = np.flatnonzero(images.labels == label)
        for position in own[_drawn(images.ids[own], _PHOTOS_PER_CLASS, seed)]:
            pictures.append(images.pictures[position])
            captions.append(class_names[label])
    return contact_sheet(pictures, captions, num_columns=NUM_COLUMNS)


def rebuilt(
    images: Items, pictures: np.ndarray, class_names: Sequence[str], num: int, seed: int
) -> np.ndarray:
    """Photos over the pictures of their own features."""
    shown = gallery.draw(images.ids, images.labels, num, seed)
    names = [class_names[images.labels[position]] for position in shown]
    return sheet(images.pictures[shown], pictures[shown], names, [""] * len(shown))


def neighbours(
    images: Items,
    image_vectors: np.ndarray,
    sounds: Items,
    sound_vectors: np.ndarray,
    photo_of_sound: np.ndarray,
    class_names: Sequence[str],
    num: int,
    seed: int,
) -> np.ndarray:
    """Photos over the photo that is paired with the nearest sound."""
    shown = np.array(gallery.draw(images.ids, images.labels, num, seed))
    found, _ = distances.nearest(image_vectors[shown], sound_vectors)
    return sheet(
        images.pictures[shown],
        images.pictures[photo_of_sound[found]],
        [class_names[label] for label in images.labels[shown]],
        [class_names[label] for label in sounds.labels[found]],
    )


def first_matches(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The smallest k at which two label sets meet, int [pictures]; 0 where none does."""
    found = np.zeros(len(one), np.int64)
    for k, meet in reversed(label_match.meets(one, other).items()):
        found[meet] = k
    return found


def top_k(
    ids: np.ndarray,
    originals: np.ndarray,
    generated: np.ndarray,
    matches: np.ndarray,
    names: Sequence[str],
    seed: int,
) -> np.ndarray | None:
    """Some pairs for each k at which they first match; None if none ever does."""
    shown = []
    for k in label_match.TOP_KS:
        own = np.flatnonzero(matches == k)
        shown += own[_drawn(ids[own], _NUM_PER_K, seed)].tolist()
    if not shown:
        return None
    return sheet(
        originals[shown],
        generated[shown],
        [names[position] for position in shown],
        [f"top {matches[position]}" for position in shown],
    )


def closest(
    generated: np.ndarray,
    nearest: memorising.Nearest,
    training: Items,
    names: Sequence[str],
    class_names: Sequence[str],
) -> np.ndarray:
    """The generated pictures that are nearest to a training photo, over it."""
    shown = memorising.closest(nearest.distances)
    photos = nearest.photos[shown]
    return sheet(
        generated[shown],
        training.pictures[photos],
        [names[position] for position in shown],
        [class_names[label] for label in training.labels[photos]],
    )


def qualities(matches: np.ndarray, class_seen: np.ndarray) -> dict[str, np.ndarray]:
    """Which pictures are good, middling and bad, bool [pictures] each.

    Args:
      matches: as of `first_matches`.
      class_seen: bool [pictures], whether the probe names the class.
    """
    num_right = (matches > 0).astype(int) + class_seen
    return {name: num_right == 2 - place for place, name in enumerate(QUALITIES)}


def by_quality(
    ids: np.ndarray,
    originals: np.ndarray,
    generated: np.ndarray,
    found: Mapping[str, np.ndarray],
    names: Sequence[str],
    seed: int,
) -> dict[str, np.ndarray]:
    """A sheet of each quality that occurs, of pictures drawn by the seed, by file name."""
    sheets = {}
    for quality, chosen in found.items():
        own = np.flatnonzero(chosen)
        shown = own[_drawn(ids[own], _NUM_PER_QUALITY, seed)]
        if len(shown):
            captions = [names[position] for position in shown]
            sheets[f"{quality}.png"] = sheet(
                originals[shown], generated[shown], captions, [""] * len(shown)
            )
    return sheets


def _drawn(ids: np.ndarray, num: int, seed: int) -> np.ndarray:
    """Positions of some of the ids, drawn by a stable hash."""
    place = {identity: position for position, identity in enumerate(ids)}
    order = splits.stable_order(ids.tolist(), f"figures {seed}")
    return np.array([place[identity] for identity in order[:num]], np.int64)
