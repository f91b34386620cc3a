"""What a run may change: typed dataclasses, from a Python file and overridden by flags.

A file under `configs/` has `get_config(arg=None)` that returns a `Config`. The command line takes
it as `--config=FILE.py[:ARG]`, and single fields as `--config.image_gan.generator.filters=32`.
Overrides skip `__post_init__`, so an entry point calls `validate()` first. The defaults are the
paper's.
"""

import dataclasses
import difflib
import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from s2i_tf import files, spec
from s2i_tf.errors import UserError

FILE_NAME = "resolved_config.json"

# The configurations that come along: within an installed package, beside it in a checkout.
PACKAGED = pathlib.Path(__file__).with_name("configs")
if not PACKAGED.is_dir():
    PACKAGED = pathlib.Path(__file__).parents[1] / "configs"


@dataclasses.dataclass
class MultimodalConfig:
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
    learning_rate: float = 1e-4
    batch_size: int = 64
    num_steps: int = 20_000


@dataclasses.dataclass
class GeneratorConfig:
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
    """

    name: str = "unet"
    filters: int = 64
    norm: str = "batch"
    dropout: float = 0.5
    noise_scale: float = 1.0
    start: str = ""


@dataclasses.dataclass
class DiscriminatorConfig:
    """The discriminator of a GAN.

    Attributes:
      name: architecture, a key of `s2i_tf.models.DISCRIMINATORS`.
      filters: channels of the first layer.
      num_layers: strided layers; 3 give a receptive field of 70×70.
      norm: a key of `s2i_tf.models.norms.NORMS`.
    """

    name: str = "patchgan"
    filters: int = 64
    num_layers: int = 3
    norm: str = "batch"


@dataclasses.dataclass
class GanConfig:
    """One GAN and its training (paper sections 5.2 and 5.4).

    Attributes:
      method: of the feature GAN: `pix2pix` from pairs, or `disco` (DiscoGAN), which needs none and
        trains both directions at once; it takes the networks of the other one from `reverse_gan`,
        and uses of what stands below only the loss, the weights of the adversarial, feature
        matching and discriminator losses, and the training's.
      cycle_weight: of DiscoGAN: of the mean squared difference between features and what is left of
        them after both directions.
      generator: its network.
      discriminator: its network.
      loss: adversarial loss, a key of `s2i_tf.losses.ADVERSARIAL_LOSSES`.
      adversarial_weight: of the generator's adversarial loss.
      l1_weight: of the mean absolute difference to the target.
      l2_weight: of the mean squared difference to the target.
      perceptual_weight: of the distance to the photo in the backbone's maps.
      feature_matching_weight: of the mean absolute difference between the discriminator's
        activations for the photo and for the picture.
      class_weight: of the image GAN: of the cross-entropy with which a linear layer on the
        backbone's last map names the picture's class. It learns from photos, with the
        discriminator.
      energy_weight: of the energy distance to the targets of the same class; for a generator and a
        discriminator of vectors.
      backbone: frozen pretrained net that a perceptual distance and the discriminator `projected`
        look through, a key of `s2i_tf.features.backbones.BACKBONES`; empty for none.
      augment: policy of `s2i_tf.losses.augment`, such as `color,translation,cutout`.
      generated_share: of the image GAN: features made of sounds by the trained feature GAN, as a
        share of the batch, whose pictures the discriminator alone judges.
      discriminator_weight: factor on the discriminator's loss. Under Adam it acts only through
        `adam_epsilon`: see `docs/deviations.md`.
      num_discriminator_steps: updates of the discriminator for one of the generator.
      discriminator_learning_rate: 0 for the generator's.
      constant_share: share of the steps with a constant learning rate, before it falls linearly
        to zero.
      ema_decay: of the moving average of the generator's weights, which is what is kept; 0 for
        none.
      balanced: every class has the same share of a batch.
      repair_pairs: of balanced batches: pair any sound of the class with any photo of it.
      precision: of this GAN, as of the whole run; empty for the run's.
    """

    method: str = "pix2pix"
    cycle_weight: float = 1.0
    generator: GeneratorConfig = dataclasses.field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = dataclasses.field(default_factory=DiscriminatorConfig)
    loss: str = "vanilla"
    adversarial_weight: float = 1.0
    l1_weight: float = 100.0
    l2_weight: float = 0.0
    perceptual_weight: float = 0.0
    feature_matching_weight: float = 0.0
    class_weight: float = 0.0
    energy_weight: float = 0.0
    backbone: str = ""
    augment: str = ""
    generated_share: float = 0.0
    discriminator_weight: float = 1.0
    num_discriminator_steps: int = 1
    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 0.0
    beta_1: float = 0.5
    beta_2: float = 0.999
    adam_epsilon: float = 1e-8
    constant_share: float = 0.5
    ema_decay: float = 0.0
    batch_size: int = 4
    num_steps: int = 200_000
    balanced: bool = False
    repair_pairs: bool = False
    precision: str = ""


@dataclasses.dataclass
class Config:
    """A whole run: data, stages, evaluation.

    Attributes:
      data: folder that `s2i prepare` wrote.
      seed: of the initial weights, the data order, dropout and evaluation.
      deterministic: the same numbers in every run on one device, also after a resume; slower.
      precision: Keras dtype policy of the GANs: `float32`, `mixed_bfloat16`, `mixed_float16`, whose
        loss is scaled, or `auto`: `mixed_bfloat16` where the device multiplies it several times
        as fast (a processor with AMX, an accelerator), else `float32`.
      strategy: `one_device`, `mirrored` (all devices of this machine) or `multi_worker`.
      steps_per_call: batches in one call of the compiled step.
      accumulation_steps: batches whose mean gradient makes one update.
      clip_norm: largest Euclidean norm of all gradients of a player together; 0 clips nothing.
      judge: classifier that evaluates the pictures, a key of `s2i_tf.features.CLASSIFIERS`.
      log_every_steps: how often losses are written to `metrics.jsonl`.
      checkpoint_every_steps: how often the whole training state is saved.
      num_samples: pictures in the grids drawn at each checkpoint.
      image_to_sound: also train the other direction, `reverse_gan`.
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
    image_to_sound: bool = False
    hearing: bool = False
    unknown_sounds: str = ""
    multimodal: MultimodalConfig = dataclasses.field(default_factory=MultimodalConfig)
    feature_gan: GanConfig = dataclasses.field(
        default_factory=lambda: GanConfig(discriminator_weight=0.001)
    )
    image_gan: GanConfig = dataclasses.field(default_factory=GanConfig)
    reverse_gan: GanConfig = dataclasses.field(
        default_factory=lambda: GanConfig(discriminator_weight=0.001)
    )

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
        for stage in ("image_gan", "reverse_gan"):
            _one_of(f"{stage}.method", getattr(self, stage).method, FEATURE_GAN_METHODS[:1])
        for stage in ("feature_gan", "image_gan", "reverse_gan"):
            _one_of(f"{stage}.precision", getattr(self, stage).precision, ("", *PRECISIONS))
        for stage in ("multimodal", "feature_gan", "image_gan", "reverse_gan"):
            settings = getattr(self, stage)
            if settings.repair_pairs and not settings.balanced:
                raise UserError(f"config.{stage}.repair_pairs needs config.{stage}.balanced")
        for name, value in flatten(dataclasses.asdict(self)).items():
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                continue
            may_be_zero = name.endswith("discriminator_learning_rate")
            if name.endswith(_POSITIVE) and not value > 0 and not may_be_zero:
                raise UserError(f"config.{name} is {value}; allowed: above 0")
            if name.endswith(_SHARES) and not 0 <= value <= 1:
                raise UserError(f"config.{name} is {value}; allowed: 0 to 1")
            if not value >= 0:
                raise UserError(f"config.{name} is {value}; allowed: 0 or more")
        return self

    def recipe(self) -> dict[str, Any]:
        """All of it but where the data lie, which another machine cannot use."""
        places = ("data", "unknown_sounds")
        return {
            name: value for name, value in dataclasses.asdict(self).items() if name not in places
        }

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Writes `resolved_config.json`, which is enough to run it again."""
        return files.write_json(pathlib.Path(folder) / FILE_NAME, dataclasses.asdict(self))


PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16", "auto")
STRATEGIES = ("one_device", "mirrored", "multi_worker")
FEATURE_GAN_METHODS = ("pix2pix", "disco")
_POSITIVE = (
    "_steps",
    "steps_per_call",
    "batch_size",
    "filters",
    "num_layers",
    "learning_rate",
    "num_samples",
    "adam_epsilon",
    "hidden_units",
    "temperature",
)
_SHARES = ("_share", "dropout", "beta_1", "beta_2", "ema_decay")


def load(folder: str | os.PathLike) -> Config:
    """Reads the `resolved_config.json` of a run.

    Raises:
      UserError: if there is none, or it is not a configuration of this version.
    """
    path = pathlib.Path(folder) / FILE_NAME
    try:
        values = json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{folder}: not a run folder ({FILE_NAME} is missing)") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    return _from_dict(Config, values, str(path))


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


def _from_dict(cls: type, values: Mapping[str, Any], where: str) -> Any:
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: not a configuration: {cls.__name__} is {values!r}")
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := set(values) - set(fields):
        name = sorted(unknown)[0]
        near = difflib.get_close_matches(name, fields, n=1)
        raise UserError(f"{where}: unknown field {name!r}" + (f"; {near[0]!r}?" if near else ""))
    built = {}
    for name, value in values.items():
        nested = fields[name].type
        built[name] = (
            _from_dict(nested, value, where) if dataclasses.is_dataclass(nested) else value
        )
    return cls(**built)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise UserError(f"config.{name} is {value!r}; allowed: {', '.join(allowed)}")
