"""Ridge regression in closed form, in which every class counts the same."""

import numpy as np


def fit(
    features: np.ndarray, targets: np.ndarray, labels: np.ndarray, strength: float
) -> np.ndarray:
    """The linear map from features to targets, neither of which needs a constant term.

    Args:
      features: [examples, features], centred and of about unit spread.
      targets: [examples, targets], centred.
      labels: int [examples], the classes, whose examples share one weight.
      strength: of the penalty on the map, in units of the features' mean square.

    Returns:
      Float32 [features, targets].
    """
    weights = 1 / np.bincount(labels)[labels]
    penalty = strength * weights.mean() / weights
    num, size = features.shape
    if num <= size:
        products = features @ features.T / size
        shares = np.linalg.solve(products + np.diag(penalty), targets).astype(np.float32)
        return features.T @ shares / size
    weighted = features / penalty[:, None].astype(np.float32)
    products = features.T @ weighted + size * np.eye(size)
    return np.linalg.solve(products, weighted.T @ targets).astype(np.float32)


def fit_to_means(
    sounds: np.ndarray,
    labels: np.ndarray,
    photo_vectors: np.ndarray,
    photo_labels: np.ndarray,
    strength: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Maps each sound to the mean vector of its class's photos, as far as a ridge regression can.

    Args:
      sounds: scaled features [sounds, features].
      labels: int [sounds], the classes.
      photo_vectors: [photos, vector], some photo of each of these classes among them.
      photo_labels: int [photos].
      strength: as of `fit`.

    Returns:
      The kernel [features, vector] and the bias [vector].
    """
    means = {label: photo_vectors[photo_labels == label].mean(axis=0) for label in set(labels)}
    middle = np.mean(list(means.values()), axis=0)
    targets = np.stack([means[label] for label in labels]) - middle
    return fit(sounds, targets, labels, strength), middle
