"""What each player of a GAN minimises, with Keras alone, so that any backend can take the gradient.

A step is always the same: `look` at the real and at the generated targets, update the
discriminator by `discriminator_loss`, then the generator by `generator_loss`. Who takes the
gradients and keeps the state is the backend's trainer.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from s2i_tf.config import LossConfig
from s2i_tf.losses.adversarial import AdversarialLoss
from s2i_tf.losses.augment import diff_augment_pair
from s2i_tf.losses.energy import energy_distance
from s2i_tf.losses.perceptual import perceptual_distance
from s2i_tf.losses.regularizers import feature_matching
from s2i_tf.models.feature_grid import mean_over_places


class GanBatch(NamedTuple):
    """What a batch means to a GAN.

    Attributes:
      condition: what the generator is given.
      target: what it should make of it, [batch, …].
      context: what the discriminator is told beside a target: the condition, or a one-hot class.
      unpaired: further conditions [more, …] that have no target, only a context: the
        discriminator alone judges what is made of them.
      unpaired_context: [more, …].
    """

    condition: Any
    target: Any
    context: Any
    unpaired: Any = None
    unpaired_context: Any = None


class View(NamedTuple):
    """Targets as the players look at them: augmented, and through the backbone if there is one.

    Attributes:
      context: what the discriminator is told, augmented with them if it is a map.
      scored: what the discriminator scores.
      maps: the backbone's maps, or None.
    """

    context: Any
    scored: Any
    maps: Any


@dataclasses.dataclass(frozen=True)
class GanObjective:
    """The losses of both players.

    Attributes:
      adversarial: the pair of adversarial losses; None without a discriminator.
      loss: weights of the generator's terms, and the augmentation. Its energy distance is for
        vectors whose context is a one-hot class.
      discriminator_weight: factor on the discriminator's loss (0.001 for features, section 5.4).
      backbone: from pictures to maps, frozen; None if nothing looks through it.
      classifier: from the backbone's last map to scores of the classes; it learns from the targets
        with the discriminator. For contexts that are a one-hot class.
      through_backbone: whether the discriminator scores the maps instead of the pictures.
      whole_batch: from rows to those of all devices, for what compares examples with one another.
    """

    adversarial: AdversarialLoss | None
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    discriminator_weight: float = 1.0
    backbone: Callable | None = None
    classifier: Callable | None = None
    through_backbone: bool = False
    whole_batch: Callable = lambda *rows: rows

    def look(self, context, targets, seed_generator: keras.random.SeedGenerator) -> View:
        """How the players see targets [batch, …] that belong to a context.

        With the same seed the same augmentations, so a target and what was made of it stay
        comparable.
        """
        if self.through_backbone:  # nobody else looks at the pixels
            targets = ops.cast(targets, self.backbone.compute_dtype)
        policy = self.loss.augment
        if policy:
            aligned = context if len(context.shape) == len(targets.shape) else None
            aligned, targets = diff_augment_pair(aligned, targets, policy, seed_generator)
            context = context if aligned is None else aligned
        maps = None if self.backbone is None else self.backbone(targets)
        return View(context, maps if self.through_backbone else targets, maps)

    def discriminator_loss(
        self, discriminator: Callable, real: View, fake: View, *, penalty=None, balance=None
    ) -> tuple[Any, Mapping[str, Any]]:
        """The discriminator's weighted loss, a scalar, and what to log of it by name.

        Args:
          discriminator: from context and view to scores.
          real: view of the targets.
          fake: view of all that was made.
          penalty: the gradient penalty, if the adversarial loss has a weight for it.
          balance: balance of the adversarial loss's equilibrium, if it has one. The next step's
            is the log `discriminator_balance`.
        """
        real_scores = discriminator([real.context, real.scored], training=True)
        fake_scores = discriminator([fake.context, fake.scored], training=True)
        logs = {
            "discriminator_real_score": ops.mean(real_scores),
            "discriminator_fake_score": ops.mean(fake_scores),
        }
        adversarial = self.adversarial
        if adversarial.equilibrium is None:
            loss = adversarial.discriminator(real_scores, fake_scores)
        else:
            loss = adversarial.discriminator(real_scores, fake_scores, balance)
            after = adversarial.equilibrium(real_scores, fake_scores, balance)
            logs["discriminator_balance"] = after.balance
            logs["discriminator_convergence"] = after.convergence
        if adversarial.gradient_penalty_weight:
            loss = loss + adversarial.gradient_penalty_weight * penalty
            logs["discriminator_gradient_penalty"] = penalty
        total = self.discriminator_weight * loss
        if self.loss.class_weight:
            logs["discriminator_class"] = self._class_loss(real)
            total = total + logs["discriminator_class"]
        return total, {"discriminator": loss, **logs}

    def generator_loss(
        self, discriminator: Callable | None, target, made, real: View, fake: View
    ) -> tuple[Any, Mapping[str, Any]]:
        """The generator's whole loss, a scalar, and its terms by name.

        Args:
          discriminator: from context and view to scores; with a weight for feature matching to
            scores and activations, see `s2i_tf.models.layers.feature_extractor`. None if there is
            none.
          target: the targets, [batch, …].
          made: what the generator made, [batch + more, …]; the first `batch` have a target.
          real: view of the targets.
          fake: view of all that was made.
        """
        loss = self.loss
        num = ops.shape(target)[0]
        paired_made = _first(made, num)
        terms = {}
        if discriminator is not None:
            scores = discriminator([fake.context, fake.scored], training=True)
            if loss.feature_matching_weight:
                scores, *made_features = scores
            terms["adversarial"] = (loss.adversarial_weight, self.adversarial.generator(scores))
        terms["l1"] = (loss.l1_weight, ops.mean(ops.abs(target - paired_made)))
        if loss.l2_weight:
            terms["l2"] = (loss.l2_weight, ops.mean(ops.square(target - paired_made)))
        if loss.perceptual_weight:
            paired = [_first(one, num) for one in fake.maps]
            terms["perceptual"] = (loss.perceptual_weight, perceptual_distance(real.maps, paired))
        if loss.class_weight:
            terms["class"] = (loss.class_weight, self._class_loss(fake))
        if loss.energy_weight or loss.pooled_energy_weight:
            *samples, context = self.whole_batch(target, paired_made, real.context)
        if loss.energy_weight:
            terms["energy"] = (loss.energy_weight, energy_distance(*samples, context))
        if loss.pooled_energy_weight:
            pooled = map(mean_over_places, samples)
            terms["pooled_energy"] = (loss.pooled_energy_weight, energy_distance(*pooled, context))
        if loss.feature_matching_weight:
            _, *features = discriminator([real.context, real.scored], training=True)
            matching = feature_matching(features, [_first(one, num) for one in made_features])
            terms["feature_matching"] = (loss.feature_matching_weight, matching)
        return weighted(terms)

    def _class_loss(self, view: View):
        scores = ops.log_softmax(self.classifier(view.maps[-1]), axis=-1)
        return -ops.mean(ops.sum(view.context * scores, axis=-1))


def weighted(terms: Mapping[str, tuple[float, Any]]) -> tuple[Any, Mapping[str, Any]]:
    """A generator's whole loss, and its terms and itself as they are logged.

    Args:
      terms: weight and loss of each term by its name.
    """
    total = sum(weight * loss for weight, loss in terms.values())
    logs = {f"generator_{name}": loss for name, (_, loss) in terms.items()}
    return total, {**logs, "generator_total": total}


def _first(values, num: int):
    """The first examples; a gradient through `ops.slice` takes a tenth of one through indices."""
    return ops.slice(values, [0] * len(values.shape), (num, *values.shape[1:]))
