"""What a run may change: typed dataclasses, from a Python file and overridden by flags.

A file under `configs/` has `get_config(arg=None)` that returns a `Config`. The command line takes
it as `--config=FILE.py[:ARG]`, and single fields as `--config.generator.filters=32`. Overrides
skip `__post_init__`, so an entry point calls `validate()` first. The defaults are the paper's.
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


@dataclasses.dataclass
class MultimodalConfig:
    """The multimodal layers and their training (paper section 5.3).

    Attributes:
      activation: of the hidden layer, by Keras' name.
      scaling: what the features of both modalities go through first: `none`, `standardize`, or
        `log_standardize` (sign-preserving log1p, then standardised).
      hidden_l1_weight: of the mean absolute difference between hidden outputs.
      before_weight: of the cross-entropy between hidden outputs before the activation.
      after_weight: the same after the activation.
      label_weight: of the label cross-entropy of the output layer.
    """

    activation: str = "relu"
    scaling: str = "standardize"
    hidden_l1_weight: float = 1.0
    before_weight: float = 1.0
    after_weight: float = 1.0
    label_weight: float = 1.0
    learning_rate: float = 1e-4
    batch_size: int = 64
    num_steps: int = 20_000


@dataclasses.dataclass
class GeneratorConfig:
    """The generator of both GANs (paper section 5.1).

    Attributes:
      name: architecture, a key of `s2i_tf.models.GENERATORS`.
      filters: channels of the first layer; deeper ones have up to eight times as many.
      norm: a key of `s2i_tf.models.layers.NORMS`.
      dropout: rate in the three decoder blocks next to the bottleneck; 0 makes it deterministic.
    """

    name: str = "unet"
    filters: int = 64
    norm: str = "batch"
    dropout: float = 0.5


@dataclasses.dataclass
class DiscriminatorConfig:
    """The discriminator of both GANs.

    Attributes:
      name: architecture, a key of `s2i_tf.models.DISCRIMINATORS`.
      filters: channels of the first layer.
      num_layers: strided layers; 3 give a receptive field of 70×70.
      norm: a key of `s2i_tf.models.layers.NORMS`.
    """

    name: str = "patchgan"
    filters: int = 64
    num_layers: int = 3
    norm: str = "batch"


@dataclasses.dataclass
class GanConfig:
    """The training of one pix2pix GAN (paper sections 5.2 and 5.4).

    Attributes:
      loss: adversarial loss, a key of `s2i_tf.losses.ADVERSARIAL_LOSSES`.
      l1_weight: of the mean absolute difference to the target.
      discriminator_weight: factor on the discriminator's loss. Under Adam it acts only through
        `adam_epsilon`: see `docs/deviations.md`.
      constant_share: share of the steps with a constant learning rate, before it falls linearly
        to zero.
    """

    loss: str = "vanilla"
    l1_weight: float = 100.0
    discriminator_weight: float = 1.0
    learning_rate: float = 2e-4
    beta_1: float = 0.5
    adam_epsilon: float = 1e-8
    constant_share: float = 0.5
    batch_size: int = 4
    num_steps: int = 200_000


@dataclasses.dataclass
class Config:
    """A whole run: data, three stages, evaluation.

    Attributes:
      data: folder that `s2i prepare` wrote.
      seed: of the initial weights, the data order, dropout and evaluation.
      precision: Keras dtype policy of the GANs: `float32`, `mixed_bfloat16`.
      judge: classifier that evaluates the pictures, a key of `s2i_tf.features.CLASSIFIERS`.
      log_every_steps: how often losses are written to `metrics.jsonl`.
      checkpoint_every_steps: how often the whole training state is saved.
      num_samples: pictures in the grids drawn at each checkpoint.
    """

    data: str = ""
    seed: int = 0
    precision: str = "float32"
    judge: str = "inception_resnet_v2"
    log_every_steps: int = 50
    checkpoint_every_steps: int = 1000
    num_samples: int = 8
    multimodal: MultimodalConfig = dataclasses.field(default_factory=MultimodalConfig)
    generator: GeneratorConfig = dataclasses.field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = dataclasses.field(default_factory=DiscriminatorConfig)
    feature_gan: GanConfig = dataclasses.field(
        default_factory=lambda: GanConfig(discriminator_weight=0.001)
    )
    image_gan: GanConfig = dataclasses.field(default_factory=GanConfig)

    def validate(self) -> "Config":
        """Checks what can be checked without TensorFlow; returns itself.

        Raises:
          UserError: naming the field, its value and what is allowed.
        """
        if not self.data:
            raise UserError("config.data is empty; set it with --config.data=FOLDER")
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("multimodal.scaling", self.multimodal.scaling, spec.FEATURE_SCALINGS)
        for name, value in flatten(dataclasses.asdict(self)).items():
            if not isinstance(value, (int, float)) or isinstance(value, bool):
                continue
            if name.endswith(_POSITIVE) and not value > 0:
                raise UserError(f"config.{name} is {value}; allowed: above 0")
            if name.endswith(_SHARES) and not 0 <= value <= 1:
                raise UserError(f"config.{name} is {value}; allowed: 0 to 1")
            if not value >= 0:
                raise UserError(f"config.{name} is {value}; allowed: 0 or more")
        return self

    def save(self, folder: str | os.PathLike) -> pathlib.Path:
        """Writes `resolved_config.json`, which is enough to run it again."""
        return files.write_json(pathlib.Path(folder) / FILE_NAME, dataclasses.asdict(self))


PRECISIONS = ("float32", "mixed_bfloat16")
_POSITIVE = (
    "_steps",
    "batch_size",
    "filters",
    "num_layers",
    "learning_rate",
    "num_samples",
    "adam_epsilon",
)
_SHARES = ("_share", "dropout", "beta_1")


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
