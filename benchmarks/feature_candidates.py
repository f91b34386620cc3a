"""Which 4096 numbers of EfficientNet-Lite2 keep both what a photo shows and where.

    python -m benchmarks.feature_candidates ../shared/realpairs

takes a folder `images/CLASS/*`, splits its photos 70/30 by a stable hash, and prints for each
candidate, on the held-out photos:

  class    accuracy of a ridge classifier on the standardised features, mean over the classes
  nearest  the same of the nearest training photo by cosine
  layout   R² of a ridge regression to the photo at 8 x 8 pixels
  colour   R² of the same to the photo's mean colour alone

Ridge strengths are chosen on a quarter of the training photos.
`s2i_tf.features.efficientnet_lite_map` holds the winner and quotes this table. About two minutes
on two cores for 2,600 photos.
"""

import argparse
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from s2i_tf.data import splits
from s2i_tf.features import efficientnet_lite, keras_net, projection
from s2i_tf.media import image

NET = "efficientnet_lite2"
BATCH_SIZE = 32
TRAIN_SHARE = 0.7
LAYOUT_SIDE = 8
RIDGE_STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)

# Ends of the stages: 33 x 33 x 48, 17 x 17 x 88, 17 x 17 x 120, 9 x 9 x 208, 9 x 9 x 352; and the
# head, 9 x 9 x 1280.
STAGE_3, STAGE_4, STAGE_5 = "block06_add", "block10_add", "block14_add"
STAGE_6, STAGE_7, HEAD = "block19_add", "block20_project", "head"
LAYERS = (STAGE_3, STAGE_4, STAGE_5, STAGE_6, STAGE_7, HEAD)
# Maps are kept at this many places a side, which every candidate's side divides.
KEPT_SIDE = 8

Maps = dict[str, np.ndarray]


def grid(layer: str, side: int, channels: int) -> Callable[[Maps], np.ndarray]:
    """A candidate: the layer pooled to `side` x `side` places and projected to `channels`."""

    def features(maps: Maps) -> np.ndarray:
        x = maps[layer]
        pool = projection.area_pooling(x.shape[1], side)
        if channels < x.shape[-1]:
            x = x @ projection.orthogonal(x.shape[-1], channels)
        x = np.einsum("bhwc,ph,qw->bpqc", x, pool, pool, optimize=True)
        return x.reshape(len(x), -1)

    return features


def join(*parts: Callable[[Maps], np.ndarray]) -> Callable[[Maps], np.ndarray]:
    """A candidate of several parts, each scaled to the same mean square."""

    def features(maps: Maps) -> np.ndarray:
        values = [part(maps) for part in parts]
        return np.concatenate([value / np.sqrt(np.mean(value**2)) for value in values], axis=1)

    return features


CANDIDATES = {
    "head, mean only (1280)": grid(HEAD, 1, 1280),
    "stage 3, 8x8x48 (3072)": grid(STAGE_3, 8, 48),
    "stage 4, 8x8x64": grid(STAGE_4, 8, 64),
    "stage 5, 8x8x64": grid(STAGE_5, 8, 64),
    "stage 5, 4x4x120 (1920)": grid(STAGE_5, 4, 120),
    "stage 6, 8x8x64": grid(STAGE_6, 8, 64),
    "stage 6, 4x4x208 (3328)": grid(STAGE_6, 4, 208),
    "stage 7, 8x8x64": grid(STAGE_7, 8, 64),
    "stage 7, 4x4x256": grid(STAGE_7, 4, 256),
    "head, 8x8x64": grid(HEAD, 8, 64),
    "head, 4x4x256": grid(HEAD, 4, 256),
    "head mean 1024 + stage 3, 8x8x48": join(grid(HEAD, 1, 1024), grid(STAGE_3, 8, 48)),
    "head mean 1024 + stage 4, 8x8x48": join(grid(HEAD, 1, 1024), grid(STAGE_4, 8, 48)),
    "head mean 1024 + stage 6, 4x4x192": join(grid(HEAD, 1, 1024), grid(STAGE_6, 4, 192)),
    "stage 7, 4x4x128 + stage 3, 8x8x32": join(grid(STAGE_7, 4, 128), grid(STAGE_3, 8, 32)),
    "stage 7, 4x4x128 + stage 4, 8x8x32": join(grid(STAGE_7, 4, 128), grid(STAGE_4, 8, 32)),
    "head mean 1024 + stage 6, 4x4x64 + stage 3, 8x8x32": join(
        grid(HEAD, 1, 1024), grid(STAGE_6, 4, 64), grid(STAGE_3, 8, 32)
    ),
    "head mean 1024 + stage 7, 4x4x64 + stage 3, 8x8x32": join(
        grid(HEAD, 1, 1024), grid(STAGE_7, 4, 64), grid(STAGE_3, 8, 32)
    ),
    "head mean 1024 + stage 7, 4x4x64 + stage 4, 8x8x32": join(
        grid(HEAD, 1, 1024), grid(STAGE_7, 4, 64), grid(STAGE_4, 8, 32)
    ),
}


def read_photos(
    folder: pathlib.Path, max_per_class: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Uint8 [photos, side, side, 3], labels [photos] and the paths, in a stable random order."""
    side = efficientnet_lite.VARIANTS[NET].side
    class_folders = sorted(path for path in (folder / "images").iterdir() if path.is_dir())
    photos, labels, names = [], [], []
    for label, class_folder in enumerate(class_folders):
        keys = {path.relative_to(folder).as_posix() for path in class_folder.iterdir()}
        for key in splits.stable_order(keys, "candidates")[:max_per_class]:
            photos.append(image.square(image.load_image(folder / key), side))
            labels.append(label)
            names.append(key)
    return np.stack(photos), np.array(labels), names


def read_maps(photos: np.ndarray) -> Maps:
    """The maps of every layer, [photos, places, places, channels], at most 8 places a side."""
    model = efficientnet_lite.build_efficientnet_lite(NET)
    keras_net.load_weights(model, NET, None)
    net = keras.Model(model.input, [model.get_layer(layer).output for layer in LAYERS])
    call = tf.function(lambda batch: net(batch, training=False), reduce_retracing=True)
    maps: dict[str, list[np.ndarray]] = {layer: [] for layer in LAYERS}
    for start in range(0, len(photos), BATCH_SIZE):
        for layer, value in zip(LAYERS, call(photos[start : start + BATCH_SIZE]), strict=True):
            pool = projection.area_pooling(value.shape[1], KEPT_SIDE)
            maps[layer].append(np.einsum("bhwc,ph,qw->bpqc", value, pool, pool, optimize=True))
    return {layer: np.concatenate(values) for layer, values in maps.items()}


def ridge(train: np.ndarray, targets: np.ndarray, others: np.ndarray, strengths) -> np.ndarray:
    """Predictions [strengths, others, targets] of ridge regressions, by the dual's eigenvectors."""
    values, vectors = np.linalg.eigh(train @ train.T)
    projected = vectors.T @ targets
    kernel = others @ train.T @ vectors
    return np.stack([kernel @ (projected / (values + s)[:, None]) for s in strengths])


def fit_and_predict(
    train: np.ndarray, targets: np.ndarray, others: np.ndarray, score: Callable
) -> np.ndarray:
    """Predictions for `others` at the strength that scores best on a quarter of `train`."""
    mean = targets.mean(0)
    cut = len(train) * 3 // 4
    tried = ridge(train[:cut], targets[:cut] - mean, train[cut:], RIDGE_STRENGTHS)
    best = max(range(len(tried)), key=lambda i: score(tried[i] + mean, targets[cut:]))
    return ridge(train, targets - mean, others, RIDGE_STRENGTHS[best : best + 1])[0] + mean


def r_squared(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Share of the variance explained, over all columns together."""
    return 1 - np.sum((targets - predicted) ** 2) / np.sum((targets - targets.mean(0)) ** 2)


def one_hot_accuracy(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Share of rows with the same largest column."""
    return float(np.mean(predicted.argmax(1) == targets.argmax(1)))


def macro_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Mean over the classes of the share of right answers."""
    return float(np.mean([np.mean(predicted[labels == k] == k) for k in np.unique(labels)]))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default="../shared/realpairs")
    parser.add_argument("--max_per_class", type=int, default=10**9)
    args = parser.parse_args()

    photos, labels, names = read_photos(args.folder, args.max_per_class)
    order = np.random.default_rng(0).permutation(len(names))
    fraction = np.array([splits.stable_fraction(name, "candidates") for name in names])
    train, test = (order[(fraction < TRAIN_SHARE)[order]], order[(fraction >= TRAIN_SHARE)[order]])
    small = np.stack([image.square(photo, LAYOUT_SIDE) for photo in photos]) / 255.0
    layout, colour = small.reshape(len(small), -1), small.mean((1, 2))
    one_hot = np.eye(labels.max() + 1)[labels]
    maps = read_maps(photos)
    print(f"{len(train)} photos to fit, {len(test)} held out, {one_hot.shape[1]} classes\n")
    print("| candidate | class | nearest | layout | colour |\n|---|---|---|---|---|")
    for name, candidate in CANDIDATES.items():
        features = candidate(maps)
        features = (features - features[train].mean(0)) / (features[train].std(0) + 1e-6)
        fit, held_out = features[train], features[test]
        predicted = fit_and_predict(fit, one_hot[train], held_out, one_hot_accuracy).argmax(1)
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        nearest = labels[train][(unit[test] @ unit[train].T).argmax(1)]
        scores = (
            macro_accuracy(predicted, labels[test]),
            macro_accuracy(nearest, labels[test]),
            *(
                r_squared(fit_and_predict(fit, target[train], held_out, r_squared), target[test])
                for target in (layout, colour)
            ),
        )
        print(f"| {name} | " + " | ".join(f"{score:.3f}" for score in scores) + " |", flush=True)


if __name__ == "__main__":
    main()
