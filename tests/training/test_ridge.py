import numpy as np
import pytest

from s2i_tf.training import ridge


@pytest.mark.parametrize("num_examples", [12, 60])  # fewer and more than features
def test_it_minimises_the_balanced_squared_error_and_the_penalty(num_examples, rng):
    features = rng.normal(size=(num_examples, 20)).astype(np.float32)
    labels = np.arange(num_examples) % 5 % 3
    targets = np.eye(3)[labels] - 1 / 3
    kernel = ridge.fit(features, targets, labels, 0.5)
    weights = 1 / np.bincount(labels)[labels]
    weights /= weights.mean()
    errors = weights[:, None] * (features @ kernel - targets)
    # Where the gradient vanishes: penalty times the features' number, for their mean square.
    np.testing.assert_allclose(features.T @ errors, -0.5 * 20 * kernel, atol=1e-3)


def test_classes_count_the_same_however_many_examples_they_have(rng):
    features = rng.normal(size=(40, 8)).astype(np.float32)
    targets = rng.normal(size=(40, 2))
    labels = np.repeat([0, 1], [4, 36])
    rows = np.concatenate([np.arange(40), *[np.arange(4)] * 8])  # the rare class nine times
    alone = ridge.fit(features, targets, labels, 0.3)
    repeated = ridge.fit(features[rows], targets[rows], labels[rows], 0.3 * len(rows) / 40)
    np.testing.assert_allclose(alone, repeated, atol=1e-5)
