import numpy as np
import pytest

from s2i_tf.evaluation.metrics import fidelity
from tests.evaluation.conftest import make_items, make_predictions


def groups(num):
    return np.arange(num).astype(str)


def kid(real, pictures, **kwargs):
    return fidelity.kernel_distance(
        real, pictures, groups(len(real)), groups(len(pictures)), **kwargs
    )


def reference_mmd(one, other):
    """The unbiased estimate, term by term as it is defined."""

    def kernel(x, y):
        return (x @ y / len(x) + 1) ** 3

    def within(side):
        pairs = [(i, j) for i in range(len(side)) for j in range(len(side)) if i != j]
        return np.mean([kernel(side[i], side[j]) for i, j in pairs])

    across = np.mean([kernel(x, y) for x in one for y in other])
    return within(one) + within(other) - 2 * across


def test_the_kernel_distance_is_that_of_its_definition(rng):
    one, other = rng.normal(size=(7, 5)), 1 + rng.normal(size=(9, 5))
    assert kid(one, other)["value"] == pytest.approx(reference_mmd(one, other), rel=1e-12)


def test_the_kernel_distance_of_points_in_closed_form():
    """All of one side at 0 and all of the other at x: (|x|²/d + 1)³ + 1 - 2."""
    one, other = np.zeros((3, 4)), np.full((5, 4), 2.0)
    assert kid(one, other)["value"] == pytest.approx(5**3 + 1 - 2)


def test_the_kernel_distance_is_unbiased(rng):
    """Sets of one distribution: its mean over many is 0, though each is small."""
    values = [kid(*rng.normal(size=(2, 8, 3)))["subset_mean"] for _ in range(100)]
    assert np.mean(values) == pytest.approx(0, abs=4 * np.std(values) / 100**0.5)
    assert min(values) < 0


def test_the_interval_holds_the_distance_and_the_subsets_spread_around_it(rng):
    one, other = rng.normal(size=(150, 6)), 0.5 + rng.normal(size=(160, 6))
    found = kid(one, other)
    assert found["low"] < found["value"] < found["high"]
    assert found["subset_size"] == fidelity.MAX_SUBSET_SIZE
    assert found["subset_mean"] == pytest.approx(found["value"], abs=4 * found["subset_std"])
    assert kid(one, other) == found, "the same seed gives the same"


def test_copies_among_the_photos_make_no_precision_of_nothing(rng):
    real, pictures = rng.normal(size=(20, 3)), rng.normal(size=(15, 3))
    of_originals = fidelity.precision_and_recall(real, pictures)[0]
    copies = rng.permutation(np.repeat(real, 5, axis=0))
    np.testing.assert_array_equal(fidelity.precision_and_recall(copies, pictures)[0], of_originals)
    assert of_originals.any()
    few = np.repeat(real[:3], 5, axis=0)
    assert np.isnan(fidelity.precision_and_recall(few, pictures)[0]).all()


def test_the_frechet_distance_of_gaussians_in_closed_form(rng):
    """Diagonal covariances: |m1 - m2|² + sum of (s1 - s2)²."""
    base = rng.normal(size=(400, 3))
    base -= base.mean(axis=0)
    base = np.linalg.qr(base)[0] * np.sqrt(399)  # covariance exactly 1
    scales = np.array([1.0, 2.0, 0.5])
    mean = np.array([0.3, 0.0, -1.0])
    found = fidelity.frechet_distance(base, base * scales + mean)
    assert found == pytest.approx((mean**2).sum() + ((scales - 1) ** 2).sum(), rel=1e-9)


def test_the_frechet_distance_is_that_of_the_matrix_root(rng):
    """Against the usual way, by the root of the product of the covariances."""
    one = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8))
    other = rng.normal(size=(50, 8)) @ rng.normal(size=(8, 8)) + 1
    covariances = [np.cov(side, rowvar=False) for side in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    trace = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    difference = one.mean(axis=0) - other.mean(axis=0)
    wanted = difference @ difference + sum(map(np.trace, covariances)) - 2 * trace
    assert fidelity.frechet_distance(one, other) == pytest.approx(wanted, rel=1e-9)


def test_the_frechet_distance_of_a_set_to_itself_is_zero(rng):
    side = rng.normal(size=(20, 200))
    assert fidelity.frechet_distance(side, side) == pytest.approx(0, abs=1e-9)


def test_precision_and_recall_of_sets_by_hand():
    """On a line, k = 1: the real balls reach 1, the pictures' reach 10."""
    real = np.array([[0.0], [1.0], [2.0], [3.0]])
    pictures = np.array([[0.5], [10.5], [-9.5]])
    precision, recall = fidelity.precision_and_recall(real, pictures, k=1)
    assert precision.tolist() == [True, False, False]
    assert recall.tolist() == [True, True, True, True]


@pytest.mark.parametrize("num_modes", [1, 4])
def test_dropped_modes_cost_recall_and_not_precision(rng, num_modes):
    centres = 100 * np.eye(4)
    real = centres[np.arange(80) % 4] + rng.normal(size=(80, 4))
    pictures = centres[np.arange(80) % num_modes] + rng.normal(size=(80, 4))
    precision, recall = fidelity.precision_and_recall(real, pictures)
    assert precision.mean() > 0.7
    assert recall.mean() == pytest.approx(num_modes / 4, abs=0.2)


def test_one_picture_for_all_has_no_recall(rng):
    real = rng.normal(size=(50, 10))
    precision, recall = fidelity.precision_and_recall(real, np.repeat(real.mean(0)[None], 20, 0))
    assert precision.all()
    assert recall.mean() == 0


def test_too_few_for_neighbours_is_not_a_number(rng):
    precision, recall = fidelity.precision_and_recall(rng.normal(size=(3, 2)), np.ones((9, 2)))
    assert np.isnan(precision).all() and len(precision) == 9
    assert not np.isnan(recall).any() and len(recall) == 3


@pytest.fixture
def as_real(rng):
    """Pictures with the features of the photos, of two classes."""
    labels = np.arange(40) % 2
    features = 5 * np.eye(2)[labels] + rng.normal(size=(40, 2))
    return make_predictions(make_items(labels), make_items(labels, prefix="p"), features)


def test_real_photos_as_pictures_are_as_good_as_photos(as_real):
    rows = {row["name"]: row for row in fidelity.Fidelity().measure(as_real)["rows"]}
    assert rows["generated"]["fid"] == pytest.approx(0, abs=1e-9)
    assert rows["generated"]["precision"]["micro"]["value"] == 1
    assert rows["real"]["kid"] is None and rows["fixed_photo"]["num_pictures"] == 0


def test_of_large_sets_a_part_is_compared(as_real, monkeypatch):
    monkeypatch.setattr(fidelity, "MAX_COMPARED", 15)
    found = fidelity.Fidelity().measure(as_real)
    assert found["num_real"] == found["rows"][0]["num_pictures"] == 15


def features_of_two_sets(rng):
    return rng.normal(size=(90, 24)), 0.4 + 1.3 * rng.normal(size=(90, 24))


def moments(features):
    return features.mean(axis=0), np.cov(features, rowvar=False)


def test_both_distances_are_clean_fid_s(rng):
    theirs = pytest.importorskip("cleanfid.fid", reason="clean-fid is not installed")
    one, other = features_of_two_sets(rng)
    # Its subsets are as large as the sets, so that each is the whole in another order.
    expected = theirs.kernel_distance(one, other, num_subsets=2, max_subset_size=1000)
    assert kid(one, other)["value"] == pytest.approx(expected, rel=1e-9)
    expected = theirs.frechet_distance(*moments(one), *moments(other))
    assert fidelity.frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)


def test_both_distances_are_torch_fidelity_s(rng):
    pytest.importorskip("torch_fidelity", reason="torch-fidelity is not installed")
    import torch
    from torch_fidelity import metric_fid, metric_kid

    one, other = features_of_two_sets(rng)
    # One subset, which is as large as the sets.
    given = {"kid_subsets": 1, "kid_subset_size": len(one), "verbose": False}
    found = metric_kid.kid_features_to_metric(*map(torch.from_numpy, (one, other)), **given)
    expected = found[metric_kid.KEY_METRIC_KID_MEAN]
    assert kid(one, other)["value"] == pytest.approx(expected, rel=1e-9)
    statistics = [dict(zip(("mu", "sigma"), moments(side), strict=True)) for side in (one, other)]
    found = metric_fid.fid_statistics_to_metric(*statistics, False)
    expected = next(iter(found.values()))
    assert fidelity.frechet_distance(one, other) == pytest.approx(expected, rel=1e-6)
