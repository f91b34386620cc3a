import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.errors import UserError
from s2i_tf.losses import ADVERSARIAL_LOSSES, adversarial_loss
from s2i_tf.losses.adversarial import began_equilibrium

REAL = np.array([[2.0, -1.0]], np.float32)
FAKE = np.array([[0.5, -3.0]], np.float32)
BALANCE = 0.25

# Worked out by hand from the published formulas.
BY_HAND = {
    "vanilla": (
        (np.log1p(np.exp(-0.5)) + np.log1p(np.exp(3.0))) / 2,
        (np.log1p(np.exp(-2.0)) + np.log1p(np.exp(1.0))) / 4
        + (np.log1p(np.exp(0.5)) + np.log1p(np.exp(-3.0))) / 4,
    ),
    "least_squares": ((0.25 + 16.0) / 2, (1.0 + 4.0) / 4 + (0.25 + 9.0) / 4),
    "hinge": (1.25, (0.0 + 2.0) / 4 + (1.5 + 0.0) / 4),
    "wgan_gp": (1.25, -1.25 - 0.5),
    "began": (1.25, -0.5 - 0.25 * 1.25),
}


def discriminator(loss, real, fake):
    if loss.equilibrium is None:
        return loss.discriminator(real, fake)
    return loss.discriminator(real, fake, BALANCE)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_equal_those_computed_by_hand(name):
    by_hand = BY_HAND[name]
    loss = adversarial_loss(name)
    assert np.isclose(loss.generator(FAKE), by_hand[0], rtol=1e-6)
    assert np.isclose(discriminator(loss, REAL, FAKE), by_hand[1], rtol=1e-6)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_gradients_equal_finite_differences(name, rng):
    loss = adversarial_loss(name)
    scores = rng.normal(size=(2, 5)) * 2  # float64, none near a corner of the hinge
    step = 1e-6
    for function, argument in (
        (lambda scores: loss.generator(scores[1]), "generator"),
        (lambda scores: discriminator(loss, scores[0], scores[1]), "discriminator"),
    ):
        point = tf.constant(scores)
        with tf.GradientTape() as tape:
            tape.watch(point)
            value = function(point)
        gradient = tape.gradient(value, point).numpy()
        for index in np.ndindex(scores.shape):
            shift = np.zeros_like(scores)
            shift[index] = step
            ends = [function(tf.constant(scores + sign * shift)) for sign in (1, -1)]
            slope = (float(ends[0]) - float(ends[1])) / (2 * step)
            assert np.isclose(gradient[index], slope, rtol=1e-6, atol=1e-8), (argument, index)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_the_players_want_opposite_scores(name):
    loss = adversarial_loss(name)
    high, low = np.full((4,), 0.5, np.float32), np.full((4,), -0.5, np.float32)
    assert loss.generator(high) < loss.generator(low)
    assert discriminator(loss, high, low) < discriminator(loss, low, high)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_huge_scores_stay_finite(name):
    loss = adversarial_loss(name)
    huge = np.array([1e4, -1e4], np.float32)
    assert np.isfinite(loss.generator(huge))
    assert np.isfinite(discriminator(loss, huge, huge))


def test_the_equilibrium_equals_the_one_computed_by_hand():
    # Errors of 0.5 and 1.25: 0.5 * 0.5 - 1.25 = -1.
    found = began_equilibrium(np.full(2, -0.5), np.full(2, -1.25), 0.6, rate=0.1)
    assert np.isclose(found.balance, 0.6 - 0.1)
    assert np.isclose(found.convergence, 0.5 + 1.0)
    # Errors of 2 and 0.5: 0.25 * 2 - 0.5 = 0, which is the equilibrium.
    found = began_equilibrium(np.full(2, -2.0), np.full(2, -0.5), 0.6, diversity=0.25)
    assert np.isclose(found.balance, 0.6)
    assert np.isclose(found.convergence, 2.0)


@pytest.mark.parametrize(("real", "fake", "end"), [(-9.0, -1.0, 1.0), (-1.0, -9.0, 0.0)])
def test_the_balance_stays_between_0_and_1(real, fake, end):
    found = began_equilibrium(np.full(2, real), np.full(2, fake), 0.5, rate=10.0)
    assert float(found.balance) == end


def test_an_unknown_loss_lists_the_known_ones():
    with pytest.raises(UserError, match="known: began, hinge, least_squares, vanilla, wgan_gp"):
        adversarial_loss("wasserstein")
