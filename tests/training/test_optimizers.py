import numpy as np
import pytest

from s2i_tf.training.optimizers import ConstantThenLinear


@pytest.mark.parametrize(
    ("step", "expected"), [(0, 1.0), (50, 1.0), (75, 0.5), (100, 0.0), (150, 0.0)]
)
def test_the_rate_stays_and_then_falls_to_zero(step, expected):
    assert np.isclose(ConstantThenLinear(1.0, 100, 0.5)(step), expected)


def test_a_share_of_one_never_falls_before_the_end():
    assert np.isclose(ConstantThenLinear(1.0, 100, 1.0)(99), 1.0)
