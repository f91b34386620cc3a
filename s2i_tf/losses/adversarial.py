"""Adversarial losses in pairs: one for the generator, one for the discriminator.

All take the discriminator's scores before any sigmoid, one tensor [batch, …] in which every score
counts the same and a high one says "real", and return a scalar. The discriminator's is the mean of
its real and its generated half, as in pix2pix, where the publication has no other factor.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from s2i_tf.errors import unknown_name

# Published for WGAN-GP and BEGAN.
GRADIENT_PENALTY_WEIGHT = 10.0
BEGAN_DIVERSITY = 0.5
BEGAN_RATE = 0.001


class Equilibrium(NamedTuple):
    """What a step of BEGAN leaves, both scalars.

    Attributes:
      balance: balance of the next step, in [0, 1].
      convergence: a measure that falls as training converges, whatever the losses do.
    """

    balance: Any
    convergence: Any


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """What the generator and the discriminator each minimise.

    Attributes:
      generator: of the scores of generated targets.
      discriminator: of the scores of real targets and of generated ones; and of the balance, if
        there is an equilibrium to keep.
      gradient_penalty_weight: of `regularizers.gradient_penalty` in the discriminator's loss.
      equilibrium: of real scores, generated scores and the balance to an `Equilibrium`. The trainer
        keeps the balance, 0 at first.
    """

    generator: Callable
    discriminator: Callable
    gradient_penalty_weight: float = 0.0
    equilibrium: Callable[..., Equilibrium] | None = None


def vanilla_generator(fake):
    """Non-saturating: -log sigmoid(score) (Goodfellow et al. 2014)."""
    return ops.mean(ops.softplus(-fake))


def vanilla_discriminator(real, fake):
    """Binary cross-entropy of real against generated."""
    return (ops.mean(ops.softplus(-real)) + ops.mean(ops.softplus(fake))) / 2


def least_squares_generator(fake):
    """Squared distance of the scores to 1 (Mao et al. 2017)."""
    return ops.mean(ops.square(fake - 1))


def least_squares_discriminator(real, fake):
    """Squared distance of real scores to 1 and of generated ones to 0."""
    return (ops.mean(ops.square(real - 1)) + ops.mean(ops.square(fake))) / 2


def negative_score(fake):
    """What the generators of hinge, WGAN-GP and BEGAN minimise; in BEGAN it is the mean error."""
    return -ops.mean(fake)


def hinge_discriminator(real, fake):
    """How far real scores stay below 1 and generated ones above -1 (Lim and Ye 2017)."""
    return (ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + fake))) / 2


def wasserstein_discriminator(real, fake):
    """How much higher generated targets score than real ones; needs the gradient penalty.

    After Arjovsky et al. 2017.
    """
    return ops.mean(fake) - ops.mean(real)


def began_discriminator(real, fake, balance):
    """The error for real targets less a share, the balance, of that for generated ones.

    After Berthelot et al. 2017.
    """
    return -ops.mean(real) + balance * ops.mean(fake)


def began_equilibrium(
    real, fake, balance, *, diversity: float = BEGAN_DIVERSITY, rate: float = BEGAN_RATE
) -> Equilibrium:
    """The next balance, and how far training has converged.

    Args:
      real: scores of real targets, negative errors.
      fake: scores of generated ones.
      balance: share of the generated error in the discriminator's loss, in [0, 1].
      diversity: the ratio of generated to real error to hold; a lower one gives finer targets of
        less variety.
      rate: how fast the balance changes.
    """
    real_error, fake_error = -ops.mean(real), -ops.mean(fake)
    missing = diversity * real_error - fake_error
    return Equilibrium(ops.clip(balance + rate * missing, 0.0, 1.0), real_error + ops.abs(missing))


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "vanilla": AdversarialLoss(vanilla_generator, vanilla_discriminator),
    "least_squares": AdversarialLoss(least_squares_generator, least_squares_discriminator),
    "hinge": AdversarialLoss(negative_score, hinge_discriminator),
    "wgan_gp": AdversarialLoss(
        negative_score,
        wasserstein_discriminator,
        gradient_penalty_weight=GRADIENT_PENALTY_WEIGHT,
    ),
    # Of scores that are negative errors of reproduction: for the discriminator `autoencoder`.
    "began": AdversarialLoss(negative_score, began_discriminator, equilibrium=began_equilibrium),
}


def adversarial_loss(name: str) -> AdversarialLoss:
    """The pair of that name.

    Raises:
      UserError: if there is none.
    """
    if name not in ADVERSARIAL_LOSSES:
        raise unknown_name("adversarial loss", name, ADVERSARIAL_LOSSES)
    return ADVERSARIAL_LOSSES[name]
