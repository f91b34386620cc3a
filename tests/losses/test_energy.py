import keras
import numpy as np
import pytest
from keras import ops

from s2i_tf import spec
from s2i_tf.config import LossConfig
from s2i_tf.losses.energy import energy_distance
from s2i_tf.losses.objective import GanObjective, View


def one_hot(labels):
    return np.eye(max(labels) + 1, dtype=np.float32)[labels]


def by_hand(target, made, labels):
    """Pair by pair."""
    between, within = [], []
    for i, one in enumerate(labels):
        for j, other in enumerate(labels):
            if one == other:
                between.append(np.linalg.norm(target[i] - made[j]))
                if i != j:
                    within.append(np.linalg.norm(made[i] - made[j]))
    return (np.mean(between) - np.mean(within) / 2) / made.shape[1] ** 0.5


def test_it_is_what_the_pairs_of_each_class_give(rng):
    labels = [0, 0, 1, 1, 1]
    target, made = rng.normal(size=(2, 5, 7)).astype(np.float32)
    found = energy_distance(target, made, one_hot(labels))
    assert np.isclose(found, by_hand(target, made, labels), rtol=1e-4)


@pytest.mark.parametrize(("shift", "spread"), [(0.5, 1.0), (0.0, 0.3), (0.0, 2.0)])
def test_the_targets_own_distribution_is_best(shift, spread, rng):
    target, same, other = rng.normal(size=(3, 200, 8)).astype(np.float32)
    context = np.ones((200, 1), np.float32)
    best = float(energy_distance(target, same, context))
    assert float(energy_distance(target, shift + spread * other, context)) > best + 0.01


def test_another_class_does_not_count(rng):
    labels = [0, 0, 1, 1]
    target, made = rng.normal(size=(2, 4, 6)).astype(np.float32)
    far = made.copy()
    far[2:] += 100
    context = one_hot(labels)
    assert float(energy_distance(target, far, context)) > 10
    only = context * [1, 0]
    np.testing.assert_allclose(
        energy_distance(target, far, only.astype(np.float32)),
        energy_distance(target[:2], made[:2], context[:2]),
        rtol=1e-4,
    )


def test_a_class_with_one_example_has_no_distance_within(rng):
    target, made = rng.normal(size=(2, 1, 4)).astype(np.float32)
    found = float(energy_distance(target, made, np.ones((1, 1), np.float32)))
    assert np.isclose(found, np.linalg.norm(target - made) / 2, rtol=1e-4)


def test_its_minimum_gives_one_number_the_spread_of_the_targets(rng):
    """What an L1 loss would not: it would give every example the median."""
    target = rng.normal(size=(64, 1)).astype(np.float32)
    noise = rng.normal(size=(64, 1)).astype(np.float32)
    context = np.ones((64, 1), np.float32)
    losses = {
        scale: float(energy_distance(ops.convert_to_tensor(target), scale * noise, context))
        for scale in (0.0, 0.5, 1.0, 1.5, 2.0)
    }
    assert min(losses, key=losses.get) == 1.0
    assert keras.ops.isfinite(losses[0.0])


def test_of_features_of_photos_their_means_over_places_count_too(rng):
    """What the whole energy distance hardly sees: all places moved by the same."""
    target, made = rng.normal(size=(2, 6, spec.FEATURE_SIZE)).astype(np.float32)
    view = View(one_hot([0, 0, 0, 1, 1, 1]), target, None)
    loss = LossConfig(l1_weight=0.0, energy_weight=1.0, pooled_energy_weight=4.0)

    def logs_of(made):
        _, logs = GanObjective(None, loss).generator_loss(None, target, made, view, view)
        return {name: float(value) for name, value in logs.items()}

    logs = logs_of(made)
    square = target.reshape(6, 8, 8, 8, 8), made.reshape(6, 8, 8, 8, 8)
    means = (values.mean(axis=(1, 3)).reshape(6, 64) for values in square)
    assert logs["generator_pooled_energy"] == pytest.approx(
        by_hand(*means, [0, 0, 0, 1, 1, 1]), rel=1e-4
    )
    assert logs["generator_total"] == pytest.approx(
        logs["generator_energy"] + 4 * logs["generator_pooled_energy"], rel=1e-5
    )
    moved = logs_of(made + 0.3)
    assert moved["generator_energy"] < 1.1 * logs["generator_energy"]
    assert moved["generator_pooled_energy"] > 1.5 * logs["generator_pooled_energy"]
