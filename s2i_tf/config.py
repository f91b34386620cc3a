"""What a run may change: typed dataclasses.

The command line sets single fields as `--config.image_gan.generator.filters=32`. A field that there
is not, or a value of another type, is refused where it is set. The entry point calls `validate()`
before all else. The defaults are the paper's. Files are the business of `s2i_tf.config_files`.
"""

import dataclasses
import functools
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from s2i_tf import files, spec
from s2i_tf.errors import UserError, nearest

FILE_NAME = "resolved_config.json"


class Settings:
    """A dataclass that refuses fields that it does not have, and values of another type."""

    def __setattr__(self, name: str, value: Any) -> None:
        types = {field.name: field.type for field in dataclasses.fields(self)}
        if name not in types:
            raise UserError(f"{type(self).__name__} has no field {name!r}{nearest(name, types)}")
        wanted = types[name]
        if wanted is float and type(value) is int:
            value = float(value)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise UserError(
                f"{type(self).__name__}.{name} is {value!r}; allowed: a value of type "
                f"{wanted.__name__}"
            )
        super().__setattr__(name, value)


@dataclasses.dataclass
class MultimodalConfig(Settings):
    """The multimodal layers and their training (paper section 5.3).

    Attributes:
      hidden_units: size of the hidden layer; a generator that takes a map needs the paper's.
      activation: of the hidden layer, by Keras' name, one of `spec.ACTIVATIONS`.
      scaling: what the features of both modalities go through first: `none`, `standardize`, or
        `log_standardize` (sign-preserving log1p, then standardised).
      normalize: which hidden vectors get a fixed length: `none`, `after` (the activation) or
        `both`, before and after it.
      input_dropout: share of the features that training leaves out.
      hidden_dropout: share of the hidden values that training keeps from the output layer.
      hidden_l1_weight: of the mean absolute difference between hidden outputs.
      before_weight: of the cross-entropy between hidden outputs before the activation.
      after_weight: the same after the activation.
      label_weight: of the label cross-entropy of the output layer.
      class_contrastive_weight: of the contrastive loss in which the vectors of a class belong
        together, before and after the activation.
      pair_contrastive_weight: the same where those of a pair do.
      temperature: of the contrastive losses.
      balanced: every class has the same share of a batch.
      repair_pairs: of balanced batches: pair any sound of the class with any photo of it.
      refit_strength: of the ridge regression that, once all is trained, fits the sound layer anew
        to the mean vectors of the classes' photos; 0 leaves it as it was trained.
      label_names: whether that fit, and `hearing`, also hear a class by the sound net's own labels
        of its name, see `s2i_tf.features.class_names`.
    """

    hidden_units: int = spec.FEATURE_SIZE
    activation: str = "relu"
    scaling: str = "standardize"
    normalize: str = "none"
    input_dropout: float = 0.0
    hidden_dropout: float = 0.0
    hidden_l1_weight: float = 1.0
    before_weight: float = 1.0
    after_weight: float = 1.0
    label_weight: float = 1.0
    class_contrastive_weight: float = 0.0
    pair_contrastive_weight: float = 0.0
    temperature: float = 0.1
    balanced: bool = False
    repair_pairs: bool = False
    refit_strength: float = 0.0
    label_names: bool = False
    learning_rate: float = 1e-4
    batch_size: int = 64
    num_steps: int = 20_000


@dataclasses.dataclass
class GeneratorConfig(Settings):
    """The generator of a GAN (paper section 5.1).

    Attributes:
      name: architecture, a key of `s2i_tf.models.GENERATORS`.
      filters: channels of the first layer; deeper ones have up to eight times as many.
      norm: a key of `s2i_tf.models.norms.NORMS`.
      dropout: rate in the three decoder blocks next to the bottleneck, or on the vector that a
        generator of vectors is given; 0 makes the first kind deterministic.
      start: folder of a model whose part the training starts with; empty starts anew. Layers that
        the part lacks are new.
      noise_scale: factor on the noise at inference, for a generator that is given noise: below 1
        its features are more typical and vary less.
      typicality: of such a generator: how far its condition is moved towards the mean condition of
        the class that it is like, from 0, where it stays, to 1. What is between two classes
        otherwise becomes features of neither.
    """

    name: str = "unet"
    filters: int = 64
    norm: str = "batch"
    dropout: float = 0.5
    noise_scale: float = 1.0
    typicality: float = 0.0
    start: str = ""


@dataclasses.dataclass
class DiscriminatorConfig(Settings):
    """The discriminator of a GAN, which there is if its loss has a weight for the generator.

    Attributes:
      name: architecture, a key of `s2i_tf.models.DISCRIMINATORS`.
      filters: channels of the first layer.
      num_layers: strided layers; 3 give a receptive field of 70×70.
      norm: a key of `s2i_tf.models.norms.NORMS`.
      loss_weight: factor on its loss. Under Adam it acts only through `optimizer.epsilon`: see
        `docs/deviations.md`.
      updates_per_step: its updates for one of the generator.
      learning_rate: its learning rate; 0 for the generator's.
    """

    name: str = "patchgan"
    filters: int = 64
    num_layers: int = 3
    norm: str = "batch"
    loss_weight: float = 1.0
    updates_per_step: int = 1
    learning_rate: float = 0.0


@dataclasses.dataclass
class LossConfig(Settings):
    """What the generator minimises; a term of weight 0 is left out.

    Attributes:
      adversarial: the adversarial loss, a key of `s2i_tf.losses.ADVERSARIAL_LOSSES`.
      adversarial_weight: weight of the generator's adversarial loss.
      l1_weight: weight of the mean absolute difference to the target.
      l2_weight: weight of the mean squared difference to the target.
      perceptual_weight: weight of the distance to the photo in the backbone's maps.
      feature_matching_weight: weight of the mean absolute difference between the discriminator's
        activations for the photo and for the picture.
      class_weight: weight of the cross-entropy with which a linear layer on the backbone's last
        map names the picture's class; the layer learns from photos, with the discriminator.
      energy_weight: weight of the energy distance to the features of the same class.
      pooled_energy_weight: weight of that distance between the features' means over their places,
        which say what a photo shows, wherever it is; for image features laid out as
        `efficientnet_lite2_map` has them.
      cycle_weight: weight of DiscoGAN's mean squared difference between features and what is left
        of them after both directions.
      backbone: frozen pretrained net that a perceptual distance and the discriminator `projected`
        look through, a key of `s2i_tf.features.backbones.BACKBONES`; empty for none.
      augment: policy of `s2i_tf.losses.augment` for what the discriminator and the perceptual
        distance look at, such as `color,translation,cutout`; empty for none.
    """

    adversarial: str = "vanilla"
    adversarial_weight: float = 1.0
    l1_weight: float = 100.0
    l2_weight: float = 0.0
    perceptual_weight: float = 0.0
    feature_matching_weight: float = 0.0
    class_weight: float = 0.0
    energy_weight: float = 0.0
    pooled_energy_weight: float = 0.0
    cycle_weight: float = 1.0
    backbone: str = ""
    augment: str = ""


@dataclasses.dataclass
class OptimizerConfig(Settings):
    """Adam of a GAN's players, and the average of the generator's weights.

    Attributes:
      learning_rate: the generator's learning rate at the start.
      beta_1: decay of the first moment.
      beta_2: decay of the second moment.
      epsilon: number added to the root of the second moment.
      constant_share: share of the steps with a constant learning rate, before it falls linearly
        to zero.
      ema_decay: decay, at each batch, of the moving average of the generator's weights, which is
        what is kept; 0 for none.
    """

    learning_rate: float = 2e-4
    beta_1: float = 0.5
    beta_2: float = 0.999
    epsilon: float = 1e-8
    constant_share: float = 0.5
    ema_decay: float = 0.0


@dataclasses.dataclass
class GanConfig(Settings):
    """One GAN and its training (paper sections 5.2 and 5.4).

    Attributes:
      method: how the feature GAN is trained: `pix2pix` from pairs, or `disco` (DiscoGAN), which
        needs none and trains both directions at once; it takes the networks of the other one from
        `reverse_gan`.
      generator: the generator's network.
      discriminator: the discriminator's network and updates.
      loss: what the generator minimises.
      optimizer: how both learn.
      generated_share: features made of sounds by the trained feature GAN, as a share of the image
        GAN's batch, whose pictures the discriminator alone judges.
      heard_share: share of the image GAN's batch whose features are made of the pair's sound, in
        place of the photo's own, and the photo stays what is aimed at: for pairs that belong
        together.
      balanced: whether every class has the same share of a batch.
      repair_pairs: whether balanced batches pair any sound of the class with any photo of it.
      precision: Keras dtype policy of this GAN; empty for the run's.
    """

    method: str = "pix2pix"
    generator: GeneratorConfig = dataclasses.field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = dataclasses.field(default_factory=DiscriminatorConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    optimizer: OptimizerConfig = dataclasses.field(default_factory=OptimizerConfig)
    generated_share: float = 0.0
    heard_share: float = 0.0
    batch_size: int = 4
    num_steps: int = 200_000
    balanced: bool = False
    repair_pairs: bool = False
    precision: str = ""

    @property
    def has_discriminator(self) -> bool:
        """Whether the generator learns anything from a discriminator."""
        weights = self.loss.adversarial_weight, self.loss.feature_matching_weight
        return self.method == "disco" or any(weights)

    @property
    def judges_by_backbone(self) -> bool:
        """Whether there is a discriminator, and it looks through the backbone."""
        return self.has_discriminator and self.discriminator.name == "projected"


def _of_features() -> GanConfig:
    """The paper's penalty of 0.001 on the discriminator (section 5.4)."""
    return GanConfig(discriminator=DiscriminatorConfig(loss_weight=0.001))


@dataclasses.dataclass
class Config(Settings):
    """A whole run: data, stages, evaluation.

    Attributes:
      data: folder that `s2i prepare` wrote.
      seed: of the initial weights, the data order, dropout and evaluation.
      deterministic: the same numbers in every run on one device, also after a resume; slower.
      precision: Keras dtype policy of the GANs: `float32`, `mixed_bfloat16`, `mixed_float16`, whose
        loss is scaled, or `auto`: `mixed_bfloat16` where the device multiplies it about twice as
        fast or more (a processor with AMX or AVX512-BF16, an accelerator), else `float32`.
      strategy: `one_device`, `mirrored` (all devices of this machine) or `multi_worker`.
      steps_per_call: batches in one call of the compiled step.
      accumulation_steps: batches whose mean gradient makes one update.
      clip_norm: largest Euclidean norm of all gradients of a player together; 0 clips nothing.
      judge: classifier that evaluates the pictures, a key of `s2i_tf.features.CLASSIFIERS`.
      log_every_steps: how often losses are written to `metrics.jsonl`.
      checkpoint_every_steps: how often the whole training state is saved.
      num_samples: pictures in the grids drawn at each checkpoint.
      image_side: side of the pictures in pixels, one of `spec.IMAGE_SIDES`; 0 for the data set's.
      image_to_sound: whether the other direction, `reverse_gan`, is trained too.
      hearing: also fit what the model says of a sound, `s2i_tf.training.fit_hearing`.
      unknown_sounds: folder of sounds of no class, which tell it where the unknown begins.
    """

    data: str = ""
    seed: int = 0
    deterministic: bool = False
    precision: str = "float32"
    strategy: str = "one_device"
    steps_per_call: int = 1
    accumulation_steps: int = 1
    clip_norm: float = 0.0
    judge: str = "inception_resnet_v2"
    log_every_steps: int = 50
    checkpoint_every_steps: int = 1000
    num_samples: int = 8
    image_side: int = 0
    image_to_sound: bool = False
    hearing: bool = False
    unknown_sounds: str = ""
    multimodal: MultimodalConfig = dataclasses.field(default_factory=MultimodalConfig)
    feature_gan: GanConfig = dataclasses.field(default_factory=_of_features)
    image_gan: GanConfig = dataclasses.field(default_factory=GanConfig)
    reverse_gan: GanConfig = dataclasses.field(default_factory=_of_features)

    def validate(self) -> "Config":
        """Checks what can be checked without TensorFlow; returns itself.

        Raises:
          UserError: naming the field, its value and what is allowed.
        """
        if not self.data:
            raise UserError("config.data is empty; set it with --config.data=FOLDER")
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("strategy", self.strategy, STRATEGIES)
        _one_of("multimodal.scaling", self.multimodal.scaling, spec.FEATURE_SCALINGS)
        _one_of("multimodal.activation", self.multimodal.activation, spec.ACTIVATIONS)
        _one_of("multimodal.normalize", self.multimodal.normalize, spec.HIDDEN_NORMALIZATIONS)
        _one_of("feature_gan.method", self.feature_gan.method, FEATURE_GAN_METHODS)
        _one_of("image_side", self.image_side, (0, *spec.IMAGE_SIDES))
        for stage in ("image_gan", "reverse_gan"):
            _one_of(f"{stage}.method", getattr(self, stage).method, FEATURE_GAN_METHODS[:1])
        for stage in GANS:
            _one_of(f"{stage}.precision", getattr(self, stage).precision, ("", *PRECISIONS))
        for stage in STAGES:
            settings = getattr(self, stage)
            if settings.repair_pairs and not settings.balanced:
                raise UserError(f"config.{stage}.repair_pairs needs config.{stage}.balanced")
        if self.image_gan.heard_share and self.image_gan.repair_pairs:
            raise UserError(
                "config.image_gan.heard_share needs pairs as they are, and "
                "config.image_gan.repair_pairs draws them anew; leave one of them"
            )
        for stage in GANS:
            loss = getattr(self, stage).loss
            if loss.perceptual_weight and not loss.backbone:
                raise UserError(f"config.{stage}.loss.perceptual_weight needs loss.backbone")
        for name, value in flatten(dataclasses.asdict(self)).items():
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                continue
            may_be_zero = name.endswith("discriminator.learning_rate")
            if name.endswith(_POSITIVE) and not value > 0 and not may_be_zero:
                raise UserError(f"config.{name} is {value}; allowed: above 0")
            if name.endswith(_SHARES) and not 0 <= value <= 1:
                raise UserError(f"config.{name} is {value}; allowed: 0 to 1")
            if not 0 <= value < math.inf:
                raise UserError(f"config.{name} is {value}; allowed: 0 or more, finite")
        if self.seed > _MAX_SEED:
            raise UserError(f"config.seed is {self.seed}; allowed: 0 to {_MAX_SEED}")
        if self.unknown_sounds and not self.hearing:
            raise UserError(
                f"config.unknown_sounds is {self.unknown_sounds!r} without effect: it needs "
                "config.hearing"
            )
        for name, value, reason in self.without_effect():
            raise UserError(f"config.{name} is {value!r} without effect: {reason}")
        return self

    def without_effect(self) -> Iterator[tuple[str, Any, str]]:
        """Names, values and reasons of the settings that were changed though nothing reads them."""
        values, usual = (flatten(dataclasses.asdict(config)) for config in (self, Config()))
        for stage in STAGES:
            for unread, reason in _unread(self, stage):
                starts = tuple(f"{stage}.{name}." for name in unread)
                for name, value in values.items():
                    if f"{name}.".startswith(starts) and value != usual[name]:
                        yield name, value, reason

    def recipe(self) -> dict[str, Any]:
        """All of it but where the data lie, which another machine cannot use."""
        values = dataclasses.asdict(self)
        del values["data"], values["unknown_sounds"]
        return values

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Writes `resolved_config.json`, which is enough to run it again."""
        return files.write_json(pathlib.Path(folder) / FILE_NAME, dataclasses.asdict(self))


PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "auto")
STRATEGIES = ("one_device", "mirrored", "multi_worker")
FEATURE_GAN_METHODS = ("pix2pix", "disco")
GANS = ("feature_gan", "image_gan", "reverse_gan")
STAGES = ("multimodal", *GANS)
_POSITIVE = (
    "_steps",
    "steps_per_call",
    "updates_per_step",
    "batch_size",
    "filters",
    "num_layers",
    "learning_rate",
    "num_samples",
    "epsilon",
    "hidden_units",
    "temperature",
)
MAX_STAGES = 10  # each has a seed of its own
_MAX_SEED = 2**32 // MAX_STAGES - 1
_SHARES = ("_share", "dropout", "typicality", "beta_1", "beta_2", "ema_decay")


def _unread(config: Config, stage: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """The settings, or groups of them, that nothing reads in a stage, and why."""
    settings = getattr(config, stage)
    if stage == "multimodal":
        if not settings.class_contrastive_weight and not settings.pair_contrastive_weight:
            yield ("temperature",), "no contrastive loss has a weight"
        if not settings.refit_strength:
            yield ("label_names",), "nothing is fitted without refit_strength"
        return
    loss = settings.loss
    if settings.method == "disco":
        terms = ("l1", "l2", "perceptual", "class", "energy", "pooled_energy")
        names = (*(f"loss.{term}_weight" for term in terms), "loss.backbone", "loss.augment")
        unread = (*names, "optimizer.ema_decay", "discriminator.updates_per_step")
        yield unread, "the method 'disco' does not know it"
    else:
        yield ("loss.cycle_weight",), "only the method 'disco' of the feature GAN has a cycle"
    if stage == "reverse_gan" and config.feature_gan.method == "disco":
        own = ("loss", "optimizer", "batch_size", "num_steps", "balanced", "repair_pairs")
        shared = ("loss_weight", "updates_per_step", "learning_rate")
        names = (*own, *(f"discriminator.{name}" for name in shared))
        yield names, "the method 'disco' trains both directions with the settings of feature_gan"
    if stage == "reverse_gan":
        yield ("loss.pooled_energy_weight",), "only features of photos have places"
    if stage == "image_gan":
        names = "loss.energy_weight", "loss.pooled_energy_weight"
        yield names, "only features have an energy distance"
    else:
        terms = ("loss.perceptual_weight", "loss.class_weight", "loss.backbone")
        names = (*terms, "generated_share", "heard_share")
        yield names, "only image_gan makes pictures"
    if not settings.has_discriminator:
        yield (
            ("discriminator", "loss.adversarial", "loss.class_weight", "generated_share"),
            "without loss.adversarial_weight and loss.feature_matching_weight there is no "
            "discriminator",
        )
    if not loss.perceptual_weight and not settings.judges_by_backbone:
        yield ("loss.backbone",), "no discriminator and no loss.perceptual_weight look through it"
    if not loss.perceptual_weight and not settings.has_discriminator:
        yield ("loss.augment",), "no discriminator and no loss.perceptual_weight look at it"


def set_field(config: Config, name: str, value: Any) -> None:
    """Sets a field by its dotted name, such as `image_gan.generator.filters`."""
    *parents, field = name.split(".")
    setattr(functools.reduce(getattr, parents, config), field, value)


def differences(one: Config, other: Config) -> list[str]:
    """The fields in which two configurations differ, as `name: value, not value`."""
    left, right = (flatten(dataclasses.asdict(config)) for config in (one, other))
    return [
        f"{name}: {left[name]!r}, not {right[name]!r}" for name in left if left[name] != right[name]
    ]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _one_of(name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise UserError(f"config.{name} is {value!r}; allowed: {', '.join(map(str, allowed))}")
