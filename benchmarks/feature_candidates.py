"""Which 4096 numbers of EfficientNet-Lite2 keep both what a photo shows and where.

    python -m benchmarks.feature_candidates [FOLDER] [--max_per_class=N]

(with --sounds: which of a sound, see `benchmarks.sound_candidates`)

takes a folder `images/CLASS/*` (default ../shared/realpairs), splits its photos 70/30 by a stable
hash, and prints for each candidate, on the held-out photos:

  class    accuracy of a linear classifier on the standardised features, mean over the classes
  nearest  the same of the nearest training photo by cosine
  layout   R² of a linear regression to the photo at 8 x 8 pixels
  colour   R² of the same to the photo's mean colour alone

Fits are ridge regressions whose strength is chosen on a quarter of the training photos.
`s2i_tf.features.efficientnet_lite_map` holds the winner and quotes this table. It takes about three
minutes on two idle cores for 2,774 photos, and 3 GiB.
"""

import argparse
import pathlib
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from benchmarks import sound_candidates
from s2i_tf.data import splits
from s2i_tf.errors import UserError
from s2i_tf.features import efficientnet_lite, keras_net, projection
from s2i_tf.media import image

NET = "efficientnet_lite2"
BATCH_SIZE = 32
TRAIN_SHARE = 0.7
SALT = "candidates"
LAYOUT_SIDE = 8
RIDGE_STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)

# Ends of the stages: 33 x 33 x 48, 17 x 17 x 88, 17 x 17 x 120, 9 x 9 x 208, 9 x 9 x 352; and the
# head, 9 x 9 x 1280.
STAGE_3, STAGE_4, STAGE_5 = "block06_add", "block10_add", "block14_add"
STAGE_6, STAGE_7, HEAD = "block19_add", "block20_project", "head"
# How many places a side are kept of each, which every candidate's side divides.
KEPT_SIDES = {STAGE_3: 8, STAGE_4: 8, STAGE_5: 8, STAGE_6: 8, STAGE_7: 8, HEAD: 4}

Maps = dict[str, np.ndarray]
Candidate = Callable[[Maps], np.ndarray]
Score = Callable[[np.ndarray, np.ndarray], float]


def grid(layer: str, side: int, channels: int) -> Candidate:
    """The layer averaged over `side` x `side` places, projected to `channels` values each."""

    def features(maps: Maps) -> np.ndarray:
        x = maps[layer]
        pool = projection.area_pooling(x.shape[1], side)
        x = np.einsum("bhwc,ph,qw->bpqc", x, pool, pool, optimize=True)
        if channels < x.shape[-1]:
            x = x @ projection.orthogonal(x.shape[-1], channels)
        return x.reshape(len(x), -1)

    return features


def join(*parts: Candidate) -> Candidate:
    """Several parts, each divided by its spread over the photos."""

    def features(maps: Maps) -> np.ndarray:
        values = [part(maps) for part in parts]
        return np.concatenate([value / np.sqrt(value.var(0).mean()) for value in values], axis=1)

    return features


CANDIDATES = {
    "head's mean (1280)": grid(HEAD, 1, 1280),
    "stage 3, 8x8x48 (3072)": grid(STAGE_3, 8, 48),
    "stage 4, 8x8x64": grid(STAGE_4, 8, 64),
    "stage 5, 8x8x64": grid(STAGE_5, 8, 64),
    "stage 6, 8x8x64": grid(STAGE_6, 8, 64),
    "stage 6, 4x4x208 (3328)": grid(STAGE_6, 4, 208),
    "stage 7, 8x8x64": grid(STAGE_7, 8, 64),
    "stage 7, 4x4x256": grid(STAGE_7, 4, 256),
    "head, 4x4x256": grid(HEAD, 4, 256),
    "stage 7, 4x4x128 + stage 3, 8x8x32": join(grid(STAGE_7, 4, 128), grid(STAGE_3, 8, 32)),
    "stage 7, 4x4x128 + stage 4, 8x8x32": join(grid(STAGE_7, 4, 128), grid(STAGE_4, 8, 32)),
    "head's mean 1024 + stage 3, 8x8x48": join(grid(HEAD, 1, 1024), grid(STAGE_3, 8, 48)),
    "head's mean 1024 + stage 4, 8x8x48": join(grid(HEAD, 1, 1024), grid(STAGE_4, 8, 48)),
    "head's mean 1024 + stage 6, 4x4x192": join(grid(HEAD, 1, 1024), grid(STAGE_6, 4, 192)),
    "head's mean 1024 + stage 7, 4x4x64 + stage 4, 8x8x32": join(
        grid(HEAD, 1, 1024), grid(STAGE_7, 4, 64), grid(STAGE_4, 8, 32)
    ),
    "head's mean 1024 + stage 7, 4x4x64 + stage 3, 8x8x32": join(
        grid(HEAD, 1, 1024), grid(STAGE_7, 4, 64), grid(STAGE_3, 8, 32)
    ),
    "head's mean 1024 + stage 6, 4x4x64 + stage 3, 8x8x32 (chosen)": join(
        grid(HEAD, 1, 1024), grid(STAGE_6, 4, 64), grid(STAGE_3, 8, 32)
    ),
}


def find_photos(folder: pathlib.Path, max_per_class: int) -> tuple[list[str], np.ndarray]:
    """Paths within the folder and their labels [photos], both in a stable random order."""
    labels = {}
    classes = sorted(path for path in (folder / "images").glob("*") if path.is_dir())
    for label, class_folder in enumerate(classes):
        names = [path.relative_to(folder).as_posix() for path in class_folder.iterdir()]
        labels |= dict.fromkeys(splits.stable_order(names, SALT)[:max_per_class], label)
    if not labels:
        raise UserError(f"{folder}: no photos; allowed: a folder with images/CLASS/*")
    # Another salt than the split's, or all that is held out would come last.
    names = splits.stable_order(labels, f"{SALT} order")
    return names, np.array([labels[name] for name in names])


def read_photos(folder: pathlib.Path, names: Sequence[str]) -> tuple[Maps, np.ndarray]:
    """Every layer's map [photos, places, places, channels], and the photos at 8 x 8 in [0, 1]."""
    model = efficientnet_lite.build_efficientnet_lite(NET)
    keras_net.load_weights(model, NET, None)
    net = keras.Model(model.input, [model.get_layer(layer).output for layer in KEPT_SIDES])
    call = tf.function(lambda batch: net(batch, training=False), reduce_retracing=True)
    side = efficientnet_lite.VARIANTS[NET].side
    maps: dict[str, list[np.ndarray]] = {layer: [] for layer in KEPT_SIDES}
    small = []
    for start in range(0, len(names), BATCH_SIZE):
        batch = [image.load_image(folder / name) for name in names[start : start + BATCH_SIZE]]
        small += [image.square(photo, LAYOUT_SIDE) / 255.0 for photo in batch]
        outputs = call(np.stack([image.square(photo, side) for photo in batch]))
        for (layer, kept_side), output in zip(KEPT_SIDES.items(), outputs, strict=True):
            pool = projection.area_pooling(output.shape[1], kept_side)
            maps[layer].append(np.einsum("bhwc,ph,qw->bpqc", output, pool, pool, optimize=True))
    return {layer: np.concatenate(parts) for layer, parts in maps.items()}, np.stack(small)


class Ridge:
    """Ridge regressions from one set of features to any targets, at any strength."""

    def __init__(self, features: np.ndarray):
        self._features = features
        self._values, self._vectors = np.linalg.eigh((features @ features.T).astype(np.float64))

    def predict(self, targets: np.ndarray, others: np.ndarray, strength: float) -> np.ndarray:
        """Predictions [others, targets] of regressions that are fitted to `targets`."""
        mean = targets.mean(0)
        shrunk = self._vectors.T @ (targets - mean) / (self._values + strength)[:, None]
        return others @ (self._features.T @ (self._vectors @ shrunk)) + mean


class Probe:
    """Linear fits on the training photos, used on those held out."""

    def __init__(self, train: np.ndarray, held_out: np.ndarray):
        self._cut = len(train) * 3 // 4
        self._checked, self._held_out = train[self._cut :], held_out
        self._inner, self._outer = Ridge(train[: self._cut]), Ridge(train)

    def predict(self, targets: np.ndarray, score: Score) -> np.ndarray:
        """Predictions for the held-out photos, at the strength that scores best in training."""
        fitted, checked = targets[: self._cut], targets[self._cut :]

        def score_of(strength: float) -> float:
            return score(self._inner.predict(fitted, self._checked, strength), checked)

        best = max(RIDGE_STRENGTHS, key=score_of)
        return self._outer.predict(targets, self._held_out, best)


def r_squared(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Share of the variance explained, over all columns together."""
    return 1 - np.sum((targets - predicted) ** 2) / np.sum((targets - targets.mean(0)) ** 2)


def one_hot_accuracy(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Share of rows with the same largest column."""
    return float(np.mean(predicted.argmax(1) == targets.argmax(1)))


def measure(
    features: np.ndarray, labels: np.ndarray, small: np.ndarray, in_train: np.ndarray
) -> list[float]:
    """The four figures of one candidate, in the table's order."""
    fit = features[in_train]
    features = (features - fit.mean(0)) / (fit.std(0) + 1e-6)
    train, held_out = features[in_train], features[~in_train]
    probe = Probe(train, held_out)
    one_hot = np.eye(labels.max() + 1)[labels[in_train]]
    unit_train, unit_held_out = (x / np.linalg.norm(x, axis=1)[:, None] for x in (train, held_out))
    nearest = labels[in_train][(unit_held_out @ unit_train.T).argmax(1)]
    figures = [
        sound_candidates.accuracies(named, labels[~in_train])[1]
        for named in (probe.predict(one_hot, one_hot_accuracy).argmax(1), nearest)
    ]
    for targets in (small.reshape(len(small), -1), small.mean((1, 2))):
        predicted = probe.predict(targets[in_train], r_squared)
        figures.append(r_squared(predicted, targets[~in_train]))
    return figures


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="../shared/realpairs", type=pathlib.Path)
    parser.add_argument("--max_per_class", type=int, default=1000)
    parser.add_argument("--sounds", action="store_true", help="of sounds instead of photos")
    parser.add_argument("--views", type=int, default=0, help="of sounds: augmented copies of each")
    parser.add_argument("--page", type=pathlib.Path, help="of sounds: page to put the table into")
    args = parser.parse_args()
    if args.sounds:
        sound_candidates.run(args.folder, args.views, args.page)
        return
    names, labels = find_photos(args.folder, args.max_per_class)
    in_train = np.array([splits.stable_fraction(name, SALT) for name in names]) < TRAIN_SHARE
    maps, small = read_photos(args.folder, names)
    print(f"{in_train.sum()} photos to fit, {(~in_train).sum()} held out\n")
    print("| candidate | class | nearest | layout | colour |\n|---|---|---|---|---|")
    for name, candidate in CANDIDATES.items():
        figures = measure(candidate(maps), labels, small, in_train)
        print(f"| {name} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
