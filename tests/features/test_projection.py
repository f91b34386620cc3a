"""Area pooling averages, and projections keep distances."""

import numpy as np
import pytest

from s2i_tf.features import projection


@pytest.mark.parametrize(("size", "places"), [(9, 4), (33, 8), (17, 8), (8, 8), (9, 1)])
def test_area_pooling_keeps_the_mean(rng, size, places):
    pool = projection.area_pooling(size, places)
    assert pool.shape == (places, size)
    np.testing.assert_allclose(pool.sum(1), 1, rtol=1e-6)
    values = rng.standard_normal(size)
    assert np.mean(pool @ values) == pytest.approx(values.mean(), abs=1e-6)


def test_area_pooling_of_whole_cells_is_their_mean(rng):
    values = rng.standard_normal(12)
    np.testing.assert_allclose(
        projection.area_pooling(12, 4) @ values, values.reshape(4, 3).mean(1), rtol=1e-5
    )


def test_area_pooling_shares_a_cell_between_its_stretches():
    # Three cells in two stretches: each has one whole cell and half of the middle one.
    np.testing.assert_allclose(
        projection.area_pooling(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], rtol=1e-6
    )


def test_projection_has_orthonormal_columns():
    matrix = projection.orthogonal(48, 32)
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(32), atol=1e-6)


def test_projection_to_more_values_keeps_every_distance(rng):
    values = rng.standard_normal((5, 20)).astype(np.float32)
    lifted = values @ projection.orthogonal(20, 64)
    assert lifted.shape == (5, 64)
    np.testing.assert_allclose(lifted @ lifted.T, values @ values.T, atol=1e-4)
