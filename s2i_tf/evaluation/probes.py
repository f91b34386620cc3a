"""A linear probe: which class does a feature vector belong to, for a straight line through them?

Multinomial logistic regression on standardised features, in NumPy. Features keep their sign and go
through log1p first, because both nets' features have long tails; every class weighs the same; the
penalty is chosen by cross-validation over groups of the training data alone. The features enter by
their first principal components, which are linear too and make it quick. They are read some rows at
a time, so that they can be far larger than memory, if memory-mapped.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from s2i_tf.data import splits
from s2i_tf.evaluation import on_disk
from s2i_tf.training import class_scores

PENALTIES = (1e-3, 1e-4, 1e-5)
NUM_COMPONENTS = 256
NUM_FOLDS = 3

_NUM_STEPS = 200
_MIN_SPREAD = 1e-3


@dataclasses.dataclass(frozen=True)
class LinearProbe:
    """A fitted probe.

    Attributes:
      classes: int [classes], the labels that it can name.
      penalty: the weight of the squared weights that cross-validation chose.
      validated: share of the training items, every class counting the same, that the probes of
        the cross-validation named, of the classes that these could learn; None where there were
        too few groups for one.
      mean: mean of the features after log1p, [size].
      scale: what they are divided by, [size].
      weights: [size, classes].
      bias: [classes].
    """

    classes: np.ndarray
    penalty: float
    validated: float | None
    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: np.ndarray

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The label of each vector [items, size], int [items]; the first where two tie."""
        scores = _read(features, lambda logs: (logs - self.mean) / self.scale @ self.weights)
        return self.classes[np.argmax(scores + self.bias, axis=1)]

    def num_choices(self, labels: np.ndarray) -> np.ndarray:
        """Of how many classes it names one where it can tell each label from others, int [items].

        0 for a label that it was not fitted on, and so cannot name, or on nothing else, and so
        names always: neither right nor wrong says anything of these.
        """
        num_classes = len(self.classes) if len(self.classes) > 1 else 0
        return np.where(np.isin(labels, self.classes), num_classes, 0)

    def right(self, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whether it names the label of each vector [items, size], float; NaN of no choice."""
        return right(self.predict(features), labels, self.num_choices(labels))

    def described(self) -> dict[str, float | None]:
        """What `metrics.json` says of it."""
        return {
            "num_classes": len(self.classes),
            "penalty": self.penalty,
            "validated": self.validated,
        }


def right(named: np.ndarray, labels: np.ndarray, num_choices: np.ndarray) -> np.ndarray:
    """Whether items are named rightly, float [items]; NaN where there was nothing to choose.

    Args:
      named: the labels that they were given, int [items].
      labels: their own.
      num_choices: how many classes there were to choose from, see `LinearProbe.num_choices`.
    """
    return np.where(num_choices > 0, named == labels, np.nan)


def fit(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray,
    *,
    penalty: float | None = None,
    seed: int = 0,
) -> LinearProbe:
    """Fits a probe.

    Args:
      features: float [items, size]; may be memory-mapped.
      labels: int [items], the classes.
      groups: str [items]; the items of a group are never on both sides of a fold.
      penalty: one that was chosen before; None to choose it.
      seed: random seed of the folds.
    """
    classes, targets = np.unique(labels, return_inverse=True)
    mean, scale, components = _components(features)
    inputs = _read(features, lambda logs: _with_one((logs - mean) / scale @ components))
    validated: dict[float, float] = {}
    if penalty is None:
        validated = _cross_validate(inputs, targets, folds(groups, seed), len(classes))
        # Of equals the strongest penalty: the first.
        penalty = max(validated, key=validated.get) if validated else PENALTIES[0]
    weights, bias = _fit(inputs, targets, len(classes), penalty)
    return LinearProbe(
        classes, penalty, validated.get(penalty), mean, scale, components @ weights, bias
    )


def _read(features: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A function of the logarithms of features, row by row, whose results fit into memory."""
    return np.concatenate([function(logs) for logs in _logs(features)])


def _logs(features: np.ndarray) -> Iterator[np.ndarray]:
    """The logarithms of features, some rows at a time: float64 [rows, size]."""
    for values in on_disk.doubles(features):
        yield np.sign(values) * np.log1p(np.abs(values))


def _components(features: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean [size], the scale [size] and the first principal directions [size, components].

    The directions come from the smaller of the two products of the standardised features.
    """
    num_items, size = features.shape
    mean = sum(logs.sum(axis=0) for logs in _logs(features)) / num_items
    variance = sum(((logs - mean) ** 2).sum(axis=0) for logs in _logs(features)) / num_items
    scale = (np.sqrt(variance) + _MIN_SPREAD) * np.sqrt(size)
    wide = size > num_items
    if wide:
        standardised = _read(features, lambda logs: (logs - mean) / scale)
        product = standardised @ standardised.T
    else:
        product = np.zeros((size, size))
        for logs in _logs(features):
            block = (logs - mean) / scale
            product += block.T @ block
    values, vectors = np.linalg.eigh(product)
    kept = slice(-min(NUM_COMPONENTS, len(values)), None)
    values, vectors = values[kept], vectors[:, kept]
    vectors = vectors[:, values > values[-1] * 1e-10] if values[-1] > 0 else vectors[:, -1:]
    if wide:
        directions = standardised.T @ vectors
        vectors = directions / np.maximum(np.linalg.norm(directions, axis=0), 1e-12)
    return mean, scale, vectors


def folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each item, by a stable hash of its group."""
    return splits.folds(np.asarray(groups).astype(str).tolist(), NUM_FOLDS, f"{seed}/probe")


def folds_by_class(groups: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """The fold of each item, with as even a share of every class in each as whole groups allow.

    The groups of a class are dealt out in a stable order, each to the fold that has the fewest of
    that class, and of those to the one that has the fewest of all; the smallest class goes first.
    """
    groups, labels = np.asarray(groups).astype(str), np.asarray(labels)
    of_classes = [set(groups[labels == label].tolist()) for label in np.unique(labels)]
    fold_of: dict[str, int] = {}
    num_all: Counter[int] = Counter()
    for own in sorted(of_classes, key=len):
        num_own = Counter(fold_of[group] for group in own if group in fold_of)
        for group in splits.stable_order(own - set(fold_of), f"{seed}/probe"):
            _, _, fold = min((num_own[fold], num_all[fold], fold) for fold in range(NUM_FOLDS))
            fold_of[group] = fold
            num_own[fold] += 1
            num_all[fold] += 1
    return np.array([fold_of[group] for group in groups.tolist()], int)


def _with_one(inputs: np.ndarray) -> np.ndarray:
    """Inputs [items, size] with a last column of ones, for the bias: float32, as is the fit."""
    return np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1, dtype=np.float32)


def _cross_validate(
    inputs: np.ndarray, targets: np.ndarray, fold_of: np.ndarray, num_classes: int
) -> dict[float, float]:
    """The macro accuracy of each penalty; empty if some fold has nothing to learn or to name.

    Of the items of a class that no other fold has nothing can be said.
    """
    if len(np.unique(fold_of)) < NUM_FOLDS or num_classes < 2:
        return {}
    found = {}
    for penalty in PENALTIES:
        hits = np.full(len(targets), np.nan)
        for fold in range(NUM_FOLDS):
            held_out = fold_of == fold
            weights, bias = _fit(inputs[~held_out], targets[~held_out], num_classes, penalty)
            named = np.argmax(inputs[held_out, :-1] @ weights + bias, axis=1)
            learnt = np.isin(targets[held_out], targets[~held_out])
            hits[held_out] = np.where(learnt, named == targets[held_out], np.nan)
        known = np.isfinite(hits)
        if not known.any():
            return {}
        own = [hits[known & (targets == target)].mean() for target in np.unique(targets[known])]
        found[penalty] = float(np.mean(own))
    return found


def _fit(
    inputs: np.ndarray, targets: np.ndarray, num_classes: int, penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights [size, classes] and bias [classes] by Nesterov's accelerated gradient.

    The step is one over a bound of the curvature, so that it converges without a choice. The last
    of the inputs [items, size + 1] is 1.
    """
    counts = np.bincount(targets, minlength=num_classes)
    share_of = 1 / np.maximum(counts, 1) / max(np.count_nonzero(counts), 1)
    share = share_of[targets][:, None].astype(inputs.dtype)
    wanted = np.eye(num_classes, dtype=inputs.dtype)[targets]
    curvature = np.linalg.eigvalsh(inputs.T @ (inputs * share))[-1] / 2 + penalty
    decay = np.full((inputs.shape[1], 1), penalty, inputs.dtype)
    decay[-1] = 0  # the bias is free
    weights = previous = np.zeros((inputs.shape[1], num_classes), inputs.dtype)
    for step in range(_NUM_STEPS):
        ahead = weights + step / (step + 3) * (weights - previous)
        named = class_scores.softmax(inputs @ ahead)
        gradient = inputs.T @ ((named - wanted) * share) + decay * ahead
        previous, weights = weights, ahead - gradient / curvature
    return weights[:-1], weights[-1]
