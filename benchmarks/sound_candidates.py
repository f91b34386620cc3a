"""Which 4096 numbers of a sound travel to sounds of other sources, and still say how it goes.

    python -m benchmarks.feature_candidates --sounds [FOLDER] [--views=1] [--page=docs/study.md]

takes the sounds of `FOLDER/index.csv` (default ../shared/realpairs), without the tenth that a
preparation with the default seed keeps for evaluation, and prints for each candidate:

  source    share of sounds whose class a linear map names that has seen no sound of their source:
            micro and macro, over six folds of the sources
  recording the same for maps that have seen no clip of their recording
  loudness, tone, pitch, onsets   R² of a linear regression to these measures of the sound, by
            recording: what a picture may show beyond the class

Every feature is standardised, and the class named by a ridge regression; in the further rows by
linear scores that have the net's own labels beside it (`s2i_tf.training.class_scores`), and by the
same fitted to augmented copies of the sounds too (`s2i_tf.data.sound_views`), as many as --views
says. What a model hears with also knows which classes look alike, and what they are called: see
`docs/results.md`. Needs about ten minutes on two idle cores, four more for each view, and 2 GiB.
"""

import csv
import pathlib
from collections.abc import Callable

import keras
import numpy as np

from benchmarks import pages
from s2i_tf import features, spec
from s2i_tf.data import sound_views, splits
from s2i_tf.data.foley import measures
from s2i_tf.evaluation import stats
from s2i_tf.features import projection, yamnet
from s2i_tf.media import audio
from s2i_tf.training import class_scores

MEASURES = ("loudness", "tone", "pitch", "onsets")
NUM_FOLDS = 6
BATCH_SIZE = 8
STRENGTH = 0.3

EXTRACTOR = "yamnet_bands"
CHOSEN = "YAMNet, mean, labels, middle layers, deviation, bands (chosen)"

Parts = dict[str, np.ndarray]


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def _over_time(values: np.ndarray, steps: int) -> np.ndarray:
    return np.matmul(projection.area_pooling(values.shape[1], steps), values)


def _pool5(parts: Parts) -> np.ndarray:
    return np.log1p(parts["pool5"])


def _pool5_summary(parts: Parts) -> np.ndarray:
    return np.concatenate([_pool5(parts).mean(axis=1), _pool5(parts).max(axis=1)], axis=1)


def _mean(parts: Parts) -> np.ndarray:
    return np.sqrt(parts["embedding"].mean(axis=1))


def _joined(*functions: Callable[[Parts], np.ndarray]) -> Callable[[Parts], np.ndarray]:
    return lambda parts: np.concatenate([function(parts) for function in functions], axis=1)


CANDIDATES: dict[str, Callable[[Parts], np.ndarray]] = {
    "pool5 (4096)": lambda parts: _flat(_pool5(parts)),
    "pool5, mean and maximum (512)": _pool5_summary,
    "YAMNet, mean (1024)": _mean,
    "YAMNet over time, 4 x 1024": lambda parts: np.sqrt(_flat(_over_time(parts["embedding"], 4))),
    "YAMNet, mean, maximum, deviation (3072)": _joined(
        _mean,
        lambda parts: np.sqrt(parts["embedding"].max(axis=1)),
        lambda parts: parts["embedding"].std(axis=1),
    ),
    "YAMNet, mean, beside pool5 (1536)": _joined(_mean, _pool5_summary),
    "YAMNet, mean, beside pool5 projected (2048)": _joined(
        _mean, lambda parts: _flat(_pool5(parts)) @ projection.orthogonal(spec.FEATURE_SIZE, 1024)
    ),
    CHOSEN: lambda parts: parts[EXTRACTOR],
}


def read(folder: pathlib.Path, num_views: int) -> tuple[Parts, Parts]:
    """The nets' outputs of each sound, and what is known of it: `label`, `source`, `recording`.

    Args:
      folder: holds the sounds and `index.csv`.
      num_views: how many augmented copies of each sound have features, `views` [sounds, views,
        4096], too.
    """
    with open(folder / "index.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "sound"]
    classes = sorted({row["class"] for row in rows} - {"other"})
    rows = [row for row in rows if row["class"] in classes]
    for row in rows:
        row["recording"] = row["recording_group"] or row["path"]
    seen = set()
    for name in classes:
        groups = {row["recording"] for row in rows if row["class"] == name}
        sides = splits.split_groups(groups, f"0/{name}/sound")
        seen |= {group for group, side in sides.items() if side == spec.TRAIN_SPLIT}
    rows = [row for row in rows if row["recording"] in seen]
    extractor, soundnet = map(features.load_extractor, (EXTRACTOR, "soundnet_pool5"))
    net = yamnet.build_yamnet(spec.FEATURE_SAMPLES, hop_frames=yamnet.PATCH_FRAMES)
    yamnet.load_weights(net, None)
    embed = keras.Model(net.input, net.output["embedding"])
    outputs: dict[str, list] = {"embedding": [], "pool5": [], EXTRACTOR: [], "measures": []}
    views = []
    rng = np.random.default_rng(0)
    for start in range(0, len(rows), BATCH_SIZE):
        paths = [folder / row["path"] for row in rows[start : start + BATCH_SIZE]]
        sounds = [audio.load_waveform(path) for path in paths]
        batch = np.stack([audio.feature_window(sound) for sound in sounds])
        waves = batch / spec.WAVEFORM_SCALE
        outputs["embedding"].append(embed.predict_on_batch(waves))
        outputs["pool5"].append(soundnet(batch).reshape(len(batch), spec.FEATURE_STEPS, -1))
        outputs[EXTRACTOR].append(extractor(batch))
        outputs["measures"].append([[measures.EARS[m](wave) for m in MEASURES] for wave in waves])
        for sound in sounds:
            for _ in range(num_views):
                other = audio.load_waveform(folder / rows[rng.integers(len(rows))]["path"])
                view = sound_views.make_view(sound, rng, other)
                views.append(extractor(audio.feature_window(view)[None])[0])
    known = {name: np.array([row[name] for row in rows]) for name in ("source", "recording")}
    known["label"] = np.array([classes.index(row["class"]) for row in rows])
    parts = {name: np.concatenate(batches) for name, batches in outputs.items()}
    shape = (len(rows), num_views, spec.FEATURE_SIZE)
    return parts | {"views": np.reshape(views, shape).astype(np.float32)}, known


def measure(values: np.ndarray, targets: np.ndarray, known: Parts) -> list[float]:
    """The figures of one candidate, in the table's order."""
    spread = values.std(axis=0)
    scaled = (values - values.mean(axis=0)) / np.maximum(spread, 0.1 * np.sqrt(np.mean(spread**2)))
    products = scaled @ scaled.T / values.shape[1]
    one_hot = np.eye(known["label"].max() + 1)[known["label"]]
    figures = []
    for groups in (known["source"], known["recording"]):
        named = _held_out(products, one_hot, known["label"], groups).argmax(axis=1)
        figures += accuracies(named, known["label"])
    centred = targets - targets.mean(axis=0)
    predicted = _held_out(products, centred, known["label"], known["recording"])
    errors = np.sum((predicted - centred) ** 2, axis=0) / np.sum(centred**2, axis=0)
    return [*map(float, figures), *map(float, 1 - errors)]


def _heard(values: np.ndarray, views: np.ndarray, known: Parts) -> list[float]:
    """The first figures of scores with the net's own labels, fitted to the views too."""
    figures = []
    labels, columns = known["label"], features.label_columns(EXTRACTOR)
    for groups in (known["source"], known["recording"]):
        named = np.empty(len(labels), int)
        for held_out in _folds(groups):
            seen = np.setdiff1d(np.arange(len(labels)), held_out)
            fitted = np.concatenate([values[seen], *views[seen].swapaxes(0, 1)])
            its_labels = np.tile(labels[seen], 1 + views.shape[1])
            scores = class_scores.fit(fitted, its_labels, labels.max() + 1, STRENGTH, columns)
            named[held_out] = scores(values[held_out]).argmax(axis=1)
        figures += accuracies(named, labels)
    return figures


def accuracies(named: np.ndarray, labels: np.ndarray) -> list[float]:
    """The share of right answers, and the mean of the classes' shares."""
    return list(stats.micro_and_macro(named == labels, labels).values())


def _folds(groups: np.ndarray) -> list[np.ndarray]:
    """The items of each fold."""
    folds = splits.folds(groups, NUM_FOLDS, "fold")
    return [np.flatnonzero(folds == fold) for fold in range(NUM_FOLDS)]


def _held_out(
    products: np.ndarray, targets: np.ndarray, labels: np.ndarray, groups: np.ndarray
) -> np.ndarray:
    """Predictions by ridge regressions that have not seen the fold; every class counts the same."""
    predicted = np.zeros(targets.shape)
    for held_out in _folds(groups):
        seen = np.setdiff1d(np.arange(len(labels)), held_out)
        weights = 1 / np.bincount(labels[seen], minlength=labels.max() + 1)[labels[seen]]
        penalty = np.diag(STRENGTH * weights.mean() / weights)
        mean = targets[seen].mean(axis=0)
        shares = np.linalg.solve(products[np.ix_(seen, seen)] + penalty, targets[seen] - mean)
        predicted[held_out] = products[np.ix_(held_out, seen)] @ shares + mean
    return predicted


def run(folder: pathlib.Path, num_views: int, page: pathlib.Path | None) -> None:
    """Prints the table, and puts it between the marks `sound-candidates` of a page."""
    parts, known = read(folder, num_views)
    print(f"{len(known['label'])} sounds of {len(set(known['source']))} sources\n")
    chosen, views = parts[EXTRACTOR], parts["views"]
    rows = [
        _row(name, measure(candidate(parts).astype(np.float32), parts["measures"], known))
        for name, candidate in CANDIDATES.items()
    ]
    rows.append(_row(f"{CHOSEN}, with labels", _heard(chosen, views[:, :0], known)))
    if num_views:
        rows.append(_row(f"… and {num_views} augmented copies", _heard(chosen, views, known)))
    table = pages.table(("candidate", "source", "recording", *MEASURES), rows)
    print(table)
    if page:
        pages.fill(page, {"sound-candidates": table})


def _row(name: str, figures: list[float]) -> list[str]:
    source, source_macro, own, own_macro, *r_squared = figures
    cells = [f"{source:.3f} / {source_macro:.3f}", f"{own:.3f} / {own_macro:.3f}"]
    return [name, *cells, *([f"{value:.2f}" for value in r_squared] or [""] * len(MEASURES))]
