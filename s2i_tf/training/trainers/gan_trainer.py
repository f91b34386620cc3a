"""One training step of a GAN (paper sections 5.1, 5.2 and 5.4), on any backend.

The generator runs once a step. The discriminator is updated first, on that output; then the
generator, through the updated discriminator, as in the published PyTorch code.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from s2i_tf.losses.objective import GanBatch, GanObjective, View
from s2i_tf.losses.regularizers import gradient_penalty, interpolates
from s2i_tf.models.layers import GivenSeed, feature_extractor
from s2i_tf.training.backends import updates

Prepare = Callable[[Mapping[str, Any]], GanBatch]


class GanTrainer(keras.Model):
    """Trains a generator, against a discriminator if there is one.

    Args:
      generator: from a condition to a target.
      discriminator: from a context and a target, or the maps of one, to scores; None for losses
        that need none.
      objective: both players' losses.
      prepare: from a batch to conditions, targets and contexts.
      num_discriminator_updates: number of updates of the discriminator for one of the generator.
      ema_decay: decay of the moving average of the generator's weights; 0 keeps none.
      seed: random seed of the augmentations.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model | None,
        *,
        objective: GanObjective,
        prepare: Prepare,
        num_discriminator_updates: int = 1,
        ema_decay: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__()
        self.generator = generator
        self.discriminator = discriminator
        self.objective = objective
        self.classifier = objective.classifier
        self.prepare = prepare
        self.num_discriminator_updates = num_discriminator_updates
        self.ema_decay = ema_decay
        self.generator_ema = keras.models.clone_model(generator) if ema_decay else None
        if self.generator_ema is not None:
            self.generator_ema.set_weights(generator.get_weights())
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.balance = None
        if discriminator is not None and objective.adversarial.equilibrium is not None:
            # Each replica has a balance of its part of the batch; the next step takes their mean.
            self.balance = keras.Variable(0.0, trainable=False, aggregation="mean", name="balance")
        # What the generator's loss looks at: the discriminator, or its insides too.
        self._judged_by = discriminator
        if objective.loss.feature_matching_weight:
            self._judged_by = feature_extractor(discriminator)

    @property
    def kept_generator(self) -> keras.Model:
        """The moving average if there is one, else the generator: what is kept and shown."""
        return self.generator if self.generator_ema is None else self.generator_ema

    @property
    def judging_variables(self) -> list[keras.Variable]:
        """What the discriminator's update changes: its weights, and the classifier's."""
        judges = [self.discriminator, *([self.classifier] if self.classifier else [])]
        return [variable for judge in judges for variable in judge.trainable_variables]

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        discriminator_optimizer: keras.optimizers.Optimizer | None = None,
    ) -> None:
        """Gives each player its optimizer."""
        super().compile()
        self.generator_optimizer = generator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        if self.discriminator is not None:
            self.discriminator_optimizer = discriminator_optimizer
            discriminator_optimizer.build(self.judging_variables)

    def train_step(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """One update of each player; returns their losses and gradient norms by name."""
        batch = self.prepare(data)
        discriminator_logs = {}
        if self.discriminator is None:
            real, forward = self._play(batch)
        else:
            for _ in range(self.num_discriminator_updates):
                real, forward = self._play(batch)
                _, fake = forward.outputs
                discriminator_logs = self._update_discriminator(real, fake)

        def losses(outputs):
            made, fake = outputs
            return self.objective.generator_loss(self._judged_by, batch.target, made, real, fake)

        logs, norm = updates.minimize(self.generator_optimizer, forward, losses)
        self._update_average()
        return {**logs, "generator_gradient_norm": norm, **discriminator_logs}

    def _play(self, batch: GanBatch) -> tuple[View, updates.Forward]:
        """The targets as the players look at them, and the generator's pass: made and its view."""
        condition, context = batch.condition, batch.context
        if batch.unpaired is not None:
            condition = ops.concatenate([condition, batch.unpaired])
            context = ops.concatenate([context, batch.unpaired_context])
        # The same draws for a target and what was made of it.
        seed = GivenSeed(self.seed_generator.next())

        def make():
            made = self.generator(condition, training=True)
            return made, self.objective.look(context, made, seed)

        real = self.objective.look(batch.context, batch.target, seed)
        return real, updates.Forward(make, self.generator.trainable_variables)

    def _update_discriminator(self, real: View, fake: View) -> dict[str, Any]:
        forward = updates.Forward(
            lambda: self.objective.discriminator_loss(
                self.discriminator,
                real,
                fake,
                penalty=self._gradient_penalty(real, fake),
                balance=None if self.balance is None else ops.convert_to_tensor(self.balance),
            ),
            self.judging_variables,
        )
        logs, norm = updates.minimize(self.discriminator_optimizer, forward)
        if self.balance is not None:
            self.balance.assign(logs["discriminator_balance"])
        return {**logs, "discriminator_gradient_norm": norm}

    def _gradient_penalty(self, real: View, fake: View) -> Any:
        """Of the discriminator between targets and what was made of them, if it has one."""
        if not self.objective.adversarial.gradient_penalty_weight:
            return None
        num = ops.shape(real.scored)[0]
        points = interpolates(real.scored, fake.scored[:num], self.seed_generator)

        def total(points):
            scores = self.discriminator([real.context, points], training=True)
            # Each example's mean score; examples do not see one another.
            return ops.cast(num, scores.dtype) * ops.mean(scores)

        return gradient_penalty(updates.gradient_at(total, points))

    def _update_average(self) -> None:
        if self.generator_ema is None:
            return
        # A shorter average at first, so that the initial weights leave no trace in it.
        num = ops.cast(self.generator_optimizer.iterations, "float32")
        new_share = ops.maximum(1 - self.ema_decay, 9 / (10 + num))
        for average, variable in zip(
            self.generator_ema.trainable_variables, self.generator.trainable_variables, strict=True
        ):
            average.assign_add(new_share * (variable - average))
        # Statistics of norms are averages already.
        for copy, variable in zip(
            self.generator_ema.non_trainable_variables,
            self.generator.non_trainable_variables,
            strict=True,
        ):
            copy.assign(variable)
