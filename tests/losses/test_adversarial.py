import numpy as np
import pytest

from s2i_tf.errors import UserError
from s2i_tf.losses import ADVERSARIAL_LOSSES, adversarial_loss

REAL = np.array([[2.0, -1.0]], np.float32)
FAKE = np.array([[0.5, -3.0]], np.float32)

# Worked out by hand from the published formulas.
BY_HAND = {
    "vanilla": (
        (np.log1p(np.exp(-0.5)) + np.log1p(np.exp(3.0))) / 2,
        (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(1.0))) / 4
        + (np.log1p(np.exp(0.5)) + np.log1p(np.exp(-3.0))) / 4,
    ),
    "least_squares": ((0.25 + 16.0) / 2, (1.0 + 4.0) / 4 + (0.25 + 9.0) / 4),
    "hinge": (1.25, (0.0 + 2.0) / 4 + (1.5 + 0.0) / 4),
}


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_equal_those_computed_by_hand(name):
    generator, discriminator = BY_HAND[name]
    loss = adversarial_loss(name)
    assert np.isclose(loss.generator(FAKE), generator, rtol=1e-6)
    assert np.isclose(loss.discriminator(REAL, FAKE), discriminator, rtol=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_the_players_want_opposite_scores(name):
    loss = adversarial_loss(name)
    high, low = np.full((4,), 0.5, np.float32), np.full((4,), -0.5, np.float32)
    assert loss.generator(high) < loss.generator(low)
    assert loss.discriminator(high, low) < loss.discriminator(low, high)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_huge_scores_stay_finite(name):
    loss = adversarial_loss(name)
    huge = np.array([1e4, -1e4], np.float32)
    assert np.isfinite(loss.generator(huge))
    assert np.isfinite(loss.discriminator(huge, huge))


def test_an_unknown_loss_lists_the_known_ones():
    with pytest.raises(UserError, match="known: hinge, least_squares, vanilla"):
        adversarial_loss("wasserstein")
