"""Random numbers in NumPy: those of TensorFlow, to the bit."""

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.serving import draws


@pytest.mark.parametrize("seed", [(0, 0), (0, 1), (7, 12), (2**31 - 1, 2**31 - 1)])
@pytest.mark.parametrize("shape", [(1,), (5, 3), (64,), (7, 9, 11)])
def test_the_numbers_are_tensorflow_s(seed, shape):
    expected = tf.random.stateless_uniform(shape, seed=seed)
    np.testing.assert_array_equal(draws.uniform(seed, shape), expected)
