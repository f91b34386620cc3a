"""One training step of DiscoGAN (Kim et al. 2017): two domains of features and no pairs.

Each generator is trained to make features that the discriminator of the other domain takes for
real, and each of the two ways there and back to end where it began. So what belongs together is
found rather than told. Every player sees features alone, no class.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from s2i_tf.config import LossConfig
from s2i_tf.losses.adversarial import AdversarialLoss
from s2i_tf.losses.objective import weighted
from s2i_tf.losses.regularizers import mean_feature_matching
from s2i_tf.models import feature_map
from s2i_tf.models.layers import feature_extractor
from s2i_tf.training.backends import updates


@dataclasses.dataclass(frozen=True)
class Way:
    """One direction.

    Attributes:
      generator: from a condition, or its map, to features of the other domain, or their map.
      discriminator: from a context, which is always zero, and features of the other domain, or
        their map, to scores.
      condition: fixed, from features [batch, size] to the generator's condition [batch, size].
    """

    generator: keras.Model
    discriminator: keras.Model
    condition: Callable

    def translate(self, features):
        """Features [batch, size] of the other domain, of those of this one, in training."""
        return feature_map.run(self.generator, self.condition(features), training=True)


class DiscoGan(keras.Model):
    """Trains two generators against two discriminators.

    Args:
      forward: from the first domain to the second.
      backward: from the second to the first.
      prepare: from a batch to the features of either domain, each [batch, size] of its own; row by
        row they have nothing in common.
      adversarial: the pair of adversarial losses; one that needs neither gradient penalty nor
        equilibrium.
      loss: weights of the generators' adversarial losses, of the cycle and of the difference of the
        discriminators' mean activations (`feature_matching_weight`).
      discriminator_weight: factor on the discriminators' loss.
    """

    def __init__(
        self,
        forward: Way,
        backward: Way,
        *,
        prepare: Callable[[Mapping[str, Any]], tuple[Any, Any]],
        adversarial: AdversarialLoss,
        loss: LossConfig,
        discriminator_weight: float = 1.0,
    ):
        super().__init__()
        self.ways = forward, backward
        self.prepare = prepare
        self.adversarial = adversarial
        self.loss_settings = loss  # `loss` is Keras' own
        self.discriminator_weight = discriminator_weight
        # Attributes of their own, so that Keras finds their variables.
        self.generators = [way.generator for way in self.ways]
        self.discriminators = [way.discriminator for way in self.ways]
        self._judges = self.discriminators
        if loss.feature_matching_weight:
            self._judges = [feature_extractor(one) for one in self.discriminators]

    @property
    def kept_generator(self) -> keras.Model:
        """The generator of the first direction."""
        return self.generators[0]

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer,
    ) -> None:
        """Gives the generators together an optimizer, and the discriminators together one."""
        super().compile()
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer
        generator_optimizer.build(_variables(self.generators))
        discriminator_optimizer.build(_variables(self.discriminators))

    def train_step(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """One update of each player; returns their losses and gradient norms by name.

        The discriminators are updated first, then the generators through them.
        """
        here, there = self.prepare(data)
        ways = self.ways

        def make():
            made_there, made_here = ways[0].translate(here), ways[1].translate(there)
            again_here, again_there = ways[1].translate(made_there), ways[0].translate(made_here)
            cycle = _mean_square(again_here - here) + _mean_square(again_there - there)
            return (made_there, made_here), cycle

        def sides(made):
            return tuple(zip((there, here), made, strict=True))

        forward = updates.Forward(make, _variables(self.generators))
        made, _ = forward.outputs
        discriminator_logs = self._update_discriminators(sides(made))
        logs, norm = updates.minimize(
            self.generator_optimizer,
            forward,
            lambda outputs: self._generator_loss(sides(outputs[0]), outputs[1]),
        )
        return {**logs, "generator_gradient_norm": norm, **discriminator_logs}

    def _generator_loss(self, sides, cycle) -> tuple[Any, dict[str, Any]]:
        loss = self.loss_settings
        adversarial, matching = 0.0, 0.0
        for judge, (real, made) in zip(self._judges, sides, strict=True):
            scores = _score(judge, made)
            if loss.feature_matching_weight:
                scores, *made_features = scores
                _, *features = _score(judge, real)
                matching += mean_feature_matching(features, made_features)
            adversarial += self.adversarial.generator(scores)
        terms = {
            "adversarial": (loss.adversarial_weight, adversarial),
            "cycle": (loss.cycle_weight, cycle),
        }
        if loss.feature_matching_weight:
            terms["feature_matching"] = (loss.feature_matching_weight, matching)
        return weighted(terms)

    def _update_discriminators(self, sides) -> dict[str, Any]:
        def losses():
            scores = [
                (_score(discriminator, real), _score(discriminator, made))
                for discriminator, (real, made) in zip(self.discriminators, sides, strict=True)
            ]
            loss = sum(self.adversarial.discriminator(real, fake) for real, fake in scores)
            real, fake = (
                sum(ops.mean(one) for one in side) / 2 for side in zip(*scores, strict=True)
            )
            return self.discriminator_weight * loss, {
                "discriminator": loss,
                "discriminator_real_score": real,
                "discriminator_fake_score": fake,
            }

        forward = updates.Forward(losses, _variables(self.discriminators))
        logs, norm = updates.minimize(self.discriminator_optimizer, forward)
        return {**logs, "discriminator_gradient_norm": norm}


def _score(judge: keras.Model, features):
    """What a discriminator, or its insides too, says of features [batch, size]."""
    context, target = judge.inputs
    nothing = ops.zeros((ops.shape(features)[0], *context.shape[1:]))
    laid_out = feature_map.to_map(features) if len(target.shape) == 4 else features
    return judge([nothing, laid_out], training=True)


def _variables(models: list[keras.Model]) -> list[keras.Variable]:
    return [variable for model in models for variable in model.trainable_variables]


def _mean_square(difference):
    return ops.mean(ops.square(difference))
