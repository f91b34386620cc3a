"""What all GAN stages share: from a batch to what the players are given, and how they are built.

An architecture is given either a square map of the features or the vector as it is
(`s2i_tf.models`). A discriminator of maps is told the generator's condition, one of vectors the
class.
"""

import abc
import contextlib
import functools
import operator
import pathlib
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from s2i_tf import files, spec
from s2i_tf.config import Config, GanConfig
from s2i_tf.data import schema
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.features.backbones import BACKBONES, load_backbone
from s2i_tf.kernels import fused
from s2i_tf.losses import adversarial_loss, augment
from s2i_tf.losses.adversarial import ADVERSARIAL_LOSSES
from s2i_tf.losses.objective import GanBatch, GanObjective
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet, to_uint8
from s2i_tf.models import (
    DISCRIMINATORS,
    GENERATORS,
    NORMS_OF,
    OF_LAYOUTS,
    OF_VECTORS,
    WITH_NOISE,
    build_discriminator,
    build_generator,
    feature_map,
    part_file,
)
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.norms import NORMS
from s2i_tf.models.projected import build_class_head
from s2i_tf.training.backends import pipeline, updates
from s2i_tf.training.optimizers import build_adam
from s2i_tf.training.stages.multimodal_stage import MultimodalStage
from s2i_tf.training.stages.stage import Stage
from s2i_tf.training.trainers.gan_trainer import GanTrainer


class GanStage(Stage):
    """One GAN; the kinds differ in what they are given and what they make."""

    needs = (MultimodalStage.name,)
    output_activation: str
    map_side = spec.MAP_SIDE  # of the square maps of features
    target_layout = "tiles"  # of features, for a discriminator that must be told

    multimodal: MultimodalLayers | None = None  # the trained ones, which stay as they are

    @abc.abstractmethod
    def vectors(self, batch) -> tuple:
        """Condition [batch, size] and target of a batch, neither laid out yet."""

    @abc.abstractmethod
    def as_pictures(self, targets: np.ndarray) -> np.ndarray:
        """Targets or outputs [num, …] as pictures [num, side, side, 3] in [0, 1]."""

    @abc.abstractmethod
    def condition_size(self) -> int:
        """Length of the condition's vector."""

    @abc.abstractmethod
    def target_shape(self) -> tuple[int, ...]:
        """Shape of one target, as the generator makes it."""

    def check(self) -> None:
        """Also refuses names that nothing has and settings that the generator ignores."""
        super().check()
        settings, generator = self.settings, self.settings.generator
        allowed = {"generator.name": GENERATORS, "generator.norm": NORMS}
        if settings.has_discriminator:
            allowed["discriminator.name"] = DISCRIMINATORS
            allowed["discriminator.norm"] = NORMS_OF.get(settings.discriminator.name, NORMS)
            allowed["loss.adversarial"] = ADVERSARIAL_LOSSES
        if settings.loss.backbone:
            allowed["loss.backbone"] = BACKBONES
        for field, known in allowed.items():
            if (name := operator.attrgetter(field)(settings)) not in known:
                raise unknown_name(f"config.{self.name}.{field}", name, known)
        if settings.has_discriminator:
            self.check_discriminator()
        augment.parse_policy(settings.loss.augment)
        if generator.start and not part_file.exists(pathlib.Path(generator.start), self.part):
            raise UserError(
                f"config.{self.name}.generator.start is {generator.start!r}, where there is no "
                f"{self.part}; give the folder of a model"
            )
        if generator.name in WITH_NOISE:
            return
        for setting, usual in (("noise_scale", 1), ("typicality", 0)):
            if (value := getattr(generator, setting)) != usual:
                raise UserError(
                    f"config.{self.name}.generator.{setting} is {value} without effect: generator "
                    f"{generator.name!r} takes no noise"
                )

    def check_discriminator(self) -> None:
        """Refuses losses that the discriminator cannot have."""
        loss, discriminator = self.settings.loss, self.settings.discriminator
        adversarial = ADVERSARIAL_LOSSES[loss.adversarial]
        judge = f"config.{self.name}.discriminator"
        if discriminator.name == "projected":
            if not loss.backbone:
                raise UserError(
                    f"{judge}.name is 'projected', which looks through a net; set "
                    f"config.{self.name}.loss.backbone, or take another discriminator"
                )
            if adversarial.gradient_penalty_weight:
                raise UserError(
                    f"config.{self.name}.loss.adversarial is {loss.adversarial!r}, which penalises "
                    "gradients at pictures, and the discriminator 'projected' does not see any; "
                    "take another of either"
                )
        elif loss.class_weight:
            raise UserError(
                f"config.{self.name}.loss.class_weight is {loss.class_weight} with discriminator "
                f"{discriminator.name!r}; allowed: 'projected', or a weight of 0"
            )
        if adversarial.gradient_penalty_weight and discriminator.norm == "batch":
            raise UserError(
                f"{judge}.norm is 'batch' with the loss {loss.adversarial!r}, whose gradient "
                "penalty is each example's own; allowed: 'instance', 'none' or 'spectral'"
            )
        if adversarial.equilibrium and discriminator.name != "autoencoder":
            raise UserError(
                f"{judge}.name is {discriminator.name!r}, but the scores of the loss "
                f"{loss.adversarial!r} are errors of reproduction; allowed: 'autoencoder'"
            )

    def prepare(self, batch) -> GanBatch:
        """Condition, target and context of a batch, laid out as the networks take them."""
        return self.laid_out(*self.vectors(batch), batch[schema.KEY_LABEL])

    def laid_out(self, condition, target, labels) -> GanBatch:
        """A batch of what `vectors` gives, with the context that the networks are told."""
        return GanBatch(self.lay_out(condition), target, self.context(condition, labels))

    def build(self) -> keras.Model:
        """The players and their optimizers."""
        settings = self.settings
        # Not when `prepare` first needs them: it is traced, and weights that are read from a file
        # while a function is traced keep their initial values in its graph.
        self.multimodal = self.trained(MultimodalStage.part)
        with dtype_policy(precision_of(self.config, settings)):
            generator, discriminator, backbone = self._build_networks()
            self.tell_classes(generator)
            trainer = GanTrainer(
                generator,
                discriminator,
                objective=build_objective(settings, backbone, self.info.num_classes),
                prepare=self.prepare,
                num_discriminator_updates=settings.discriminator.updates_per_step,
                ema_decay=settings.optimizer.ema_decay,
                seed=self.seed,
            )
        trainer.compile(*build_optimizers(self.config, settings))
        return trainer

    def trained_part(self, trainer: GanTrainer) -> keras.Model:
        """The generator alone, its moving average if there is one."""
        return trainer.kept_generator

    def draw_samples(self, trainer: GanTrainer, step: int) -> pathlib.Path:
        """Writes `samples/step_NNNNNN.png`: a row of targets above rows of outputs."""
        rows = self.sample_rows(trainer, self._shown)
        rows = [self.as_pictures(np.asarray(row)) for row in rows]
        path = self.folder / "samples" / f"step_{step:06}.png"
        path.parent.mkdir(exist_ok=True)
        sheet = contact_sheet(
            [to_uint8(one) for row in rows for one in row], num_columns=len(rows[0])
        )
        return files.write(path, image.encode_png(sheet))

    @functools.cached_property
    def _shown(self) -> dict[str, np.ndarray]:
        """Some pairs of the eval split, spread over it."""
        batch = pipeline.load_split(self.config.data, spec.EVAL_SPLIT, with_image=self.with_image)
        num_pairs = len(batch[schema.KEY_LABEL])
        num_shown = min(self.config.num_samples, num_pairs)
        chosen = np.linspace(0, num_pairs - 1, num_shown).astype(int)
        return {key: values[chosen] for key, values in batch.items() if values.dtype != object}

    def sample_rows(self, trainer: GanTrainer, batch) -> list:
        """The targets of a batch, and what the generator makes of its conditions."""
        condition, target = self.vectors(batch)
        return [target, trainer.kept_generator(self.lay_out(condition), training=False)]

    def check_closely(self) -> None:
        """Refuses networks that cannot be built as they are wanted, by building them in vain."""
        self._build_networks()

    def _build_networks(self) -> tuple[keras.Model, keras.Model | None, keras.Model | None]:
        """The players, and the net that the discriminator or a loss looks through."""
        settings = self.settings
        name = settings.loss.backbone
        backbone = load_backbone(name, self.info.image_side) if name else None
        generator = self.build_generator()
        discriminator = self.build_discriminator(backbone) if settings.has_discriminator else None
        return generator, discriminator, backbone

    def tell_classes(self, generator: keras.Model) -> None:
        """Tells a generator that goes by it where the classes are; by default none does."""

    def build_generator(self) -> keras.Model:
        """The generator alone, freshly drawn or begun with a part that there is."""
        settings = self.settings.generator
        size = self.condition_size()
        noise = {}
        if settings.name in WITH_NOISE:
            noise = {
                "noise_scale": settings.noise_scale,
                "typicality": settings.typicality,
                "num_classes": self.info.num_classes,
            }
        generator = build_generator(
            settings.name,
            (size,) if settings.name in OF_VECTORS else self._map_shape(),
            self.target_shape(),
            filters=settings.filters,
            norm=settings.norm,
            dropout=settings.dropout,
            output_activation=self.output_activation,
            seed=self.seed,
            **noise,
        )
        if settings.start:
            start = part_file.load(pathlib.Path(settings.start), self.part)
            part_file.copy_weights(start, generator)
        return generator

    def build_discriminator(self, backbone: keras.Model | None = None) -> keras.Model:
        """The discriminator alone, freshly drawn, to look through a backbone if it does."""
        settings = self.settings.discriminator
        target_shape = self.target_shape()
        if self.settings.judges_by_backbone:
            target_shape = [tuple(maps.shape[1:]) for maps in backbone.outputs]
        layout = {"layout": self.target_layout} if settings.name in OF_LAYOUTS else {}
        return build_discriminator(
            settings.name,
            (self.info.num_classes,) if settings.name in OF_VECTORS else self._map_shape(),
            target_shape,
            filters=settings.filters,
            num_layers=settings.num_layers,
            norm=settings.norm,
            **layout,
        )

    def lay_out(self, vector):
        """A vector [batch, size] as the generator takes it."""
        if self.settings.generator.name in OF_VECTORS:
            return vector
        return feature_map.to_map(vector, self.map_side)

    def context(self, condition, labels):
        """What the discriminator is told, or losses that compare within a class."""
        settings = self.settings
        teller = settings.discriminator if settings.has_discriminator else settings.generator
        if teller.name in OF_VECTORS:
            return ops.one_hot(labels, self.info.num_classes)
        return feature_map.to_map(condition, self.map_side)

    def trained(self, part: str) -> keras.Model:
        """A part that an earlier stage left, which this one does not change."""
        model = part_file.load(self.model_folder, part)
        model.trainable = False
        return model

    def _map_shape(self) -> tuple[int, int, int]:
        return (self.map_side, self.map_side, 1)


def build_objective(
    settings: GanConfig, backbone: keras.Model | None, num_classes: int
) -> GanObjective:
    """Both players' losses, of settings that a stage's `check` lets pass."""
    loss = settings.loss
    classifier = None
    if loss.class_weight:
        classifier = build_class_head(tuple(backbone.outputs[-1].shape[1:]), num_classes)
    return GanObjective(
        adversarial=adversarial_loss(loss.adversarial) if settings.has_discriminator else None,
        loss=loss,
        discriminator_weight=settings.discriminator.loss_weight,
        backbone=backbone,
        classifier=classifier,
        through_backbone=settings.judges_by_backbone,
        whole_batch=updates.whole_batch,
    )


def build_optimizers(config: Config, settings: GanConfig) -> list[keras.optimizers.Optimizer]:
    """The generator's, and the discriminator's if there is one."""
    adam = settings.optimizer
    # The rate of each player, and how many updates it takes in a step.
    players = [(adam.learning_rate, 1)]
    if settings.has_discriminator:
        rate = settings.discriminator.learning_rate or adam.learning_rate
        players.append((rate, settings.discriminator.updates_per_step))
    return [
        build_adam(
            learning_rate=rate,
            num_steps=settings.num_steps * num_updates,
            constant_share=adam.constant_share,
            beta_1=adam.beta_1,
            beta_2=adam.beta_2,
            epsilon=adam.epsilon,
            clip_norm=config.clip_norm,
            accumulation_steps=config.accumulation_steps,
            loss_scaling=precision_of(config, settings) == "mixed_float16",
        )
        for rate, num_updates in players
    ]


def precision_of(config: Config, settings: GanConfig) -> str:
    """The dtype policy of a GAN on this device."""
    name = settings.precision or config.precision
    if name == "auto":
        return "mixed_bfloat16" if fused.multiplies_bfloat16() else "float32"
    return name


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Within it Keras builds layers of that precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
