"""What is compared: for each stage the paper's recipe, and changes to it, as config overrides.

A stage's variants see the same number of training pairs, `NUM_PAIRS`, unless they say so, and
differ from its first one by their `changes` alone. The stages around the one in question are the
same for all of them: those of `AROUND`, trained once.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from s2i_tf.config import Config

MULTIMODAL, FEATURE_GAN, IMAGE_GAN = "multimodal", "feature_gan", "image_gan"
STAGES = (MULTIMODAL, FEATURE_GAN, IMAGE_GAN)
_WHOLE = "config"

Changes = Mapping[str, Any]

NUM_PAIRS = {MULTIMODAL: 12_600, FEATURE_GAN: 2_520, IMAGE_GAN: 2_400}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One recipe of one stage.

    Attributes:
      stage: which.
      name: unique within the stage.
      title: what it is, for the table; "…" stands for the first variant of the stage.
      changes: fields of the stage's part of the config, dotted, and their values. Those that begin
        with `config.` are of the whole: DiscoGAN takes the networks of the other direction from
        its `reverse_gan`.
      num_seeds: trainings of it.
      times_pairs: how many times `NUM_PAIRS` it sees, where a step costs far less or more.
      judged: whether the pictures of a feature GAN are judged too.
    """

    stage: str
    name: str
    title: str
    changes: Changes
    num_seeds: int = 1
    times_pairs: float = 1.0
    judged: bool = False


# So that a training fits into a minute or two on one core; the paper has 64 filters, batches
# of 4 and a rate of 2e-4.
_SMALL_FEATURES: Changes = {
    "generator.filters": 8,
    "discriminator.filters": 8,
    "batch_size": 8,
    "optimizer.learning_rate": 1e-3,
}
_SMALL_IMAGES: Changes = {
    "generator.filters": 16,
    "discriminator.filters": 16,
    "batch_size": 8,
    "optimizer.learning_rate": 5e-4,
    "discriminator.learning_rate": 2e-4,
}
_BALANCED: Changes = {"balanced": True, "repair_pairs": True}
_NO_HIDDEN_LOSSES: Changes = {"hidden_l1_weight": 0.0, "before_weight": 0.0, "after_weight": 0.0}
_PAPER_LOSSES: Changes = {
    "hidden_l1_weight": 1.0,
    "before_weight": 1.0,
    "after_weight": 1.0,
    "class_contrastive_weight": 0.0,
}
_CONTRASTIVE: Changes = {**_NO_HIDDEN_LOSSES, "class_contrastive_weight": 1.0}
_BEST_LAYERS: Changes = {
    **_CONTRASTIVE,
    **_BALANCED,
    "scaling": "log_standardize",
    "normalize": "both",
    "input_dropout": 0.5,
    "learning_rate": 1e-3,
    "batch_size": 252,
}
_VECTORS_ALONE: Changes = {
    **_BALANCED,
    "generator.name": "feature_decoder",
    "generator.filters": 64,
    "generator.norm": "none",
    "generator.dropout": 0.0,
    "discriminator.filters": 64,
    "loss.l1_weight": 0.0,
    "optimizer.beta_1": 0.0,
    "optimizer.beta_2": 0.99,
    "batch_size": 126,
    "optimizer.learning_rate": 1e-3,
}
_CRITIC: Changes = {
    "discriminator.name": "feature_critic",
    "discriminator.num_layers": 1,
    "discriminator.norm": "spectral",
}
_VECTORS: Changes = {
    **_VECTORS_ALONE,
    **_CRITIC,
    "discriminator.loss_weight": 1.0,
    "discriminator.learning_rate": 2e-4,
    "loss.adversarial": "hinge",
}
_SAME_BACK: Changes = {
    f"{_WHOLE}.reverse_gan.{name}": value
    for name, value in {**_VECTORS_ALONE, **_CRITIC}.items()
    if name.startswith(("generator.", "discriminator."))
}
_PROJECTED: Changes = {
    **_BALANCED,
    "generator.name": "decoder",
    "generator.norm": "none",
    "generator.dropout": 0.0,
    "discriminator.name": "projected",
    "discriminator.filters": 48,
    "discriminator.num_layers": 2,
    "discriminator.norm": "spectral",
    "loss.adversarial": "hinge",
    "loss.backbone": "efficientnet_lite2",
    "loss.augment": "color,translation",
    "loss.l1_weight": 0.0,
    "optimizer.beta_1": 0.0,
    "optimizer.beta_2": 0.99,
    "optimizer.ema_decay": 0.99,
}
_PROJECTED_BEST: Changes = {**_PROJECTED, "loss.perceptual_weight": 10.0, "loss.l1_weight": 4.0}


def _rows(stage: str, base: Changes, rows: Mapping[str, dict[str, Any]]) -> tuple[Variant, ...]:
    return tuple(
        Variant(stage, name, **{**row, "changes": {**base, **row.get("changes", {})}})
        for name, row in rows.items()
    )


# The most telling first, as the study takes them in this order.
VARIANTS: tuple[Variant, ...] = (
    *_rows(
        MULTIMODAL,
        {"hidden_units": 512},
        {
            "paper": {"title": "the paper's losses, 512 hidden units", "num_seeds": 3},
            "best": {
                "title": "best.py: all that is marked * together",
                "changes": _BEST_LAYERS,
                "num_seeds": 3,
            },
            "rate": {
                "title": "learning rate 1e-3 instead of 1e-4 *",
                "changes": {"learning_rate": 1e-3},
                "num_seeds": 3,
            },
            "contrastive": {
                "title": "contrastive by class, without L1 and cross-entropies *",
                "changes": _CONTRASTIVE,
            },
            "no_l1": {"title": "without L1", "changes": {"hidden_l1_weight": 0.0}},
            "no_cross_entropies": {
                "title": "without cross-entropies of hidden vectors",
                "changes": {"before_weight": 0.0, "after_weight": 0.0},
            },
            "no_hidden_losses": {
                "title": "without both: the label loss alone",
                "changes": _NO_HIDDEN_LOSSES,
            },
            "normalized": {
                "title": "hidden vectors of one length *",
                "changes": {"normalize": "both"},
            },
            "input_dropout": {
                "title": "half of the features left out *",
                "changes": {"input_dropout": 0.5},
            },
            "balanced": {
                "title": "balanced batches, pairs drawn anew *",
                "changes": _BALANCED,
            },
            "log_scaling": {
                "title": "log1p before standardising *",
                "changes": {"scaling": "log_standardize"},
            },
            "best_steps": {
                "title": "best.py with its own 100 steps",
                "changes": _BEST_LAYERS,
                "num_seeds": 3,
                "times_pairs": 2.0,
            },
            "best_paper_losses": {
                "title": "best.py with the paper's losses instead of the contrastive one",
                "changes": {**_BEST_LAYERS, **_PAPER_LOSSES},
            },
            "best_no_dropout": {
                "title": "best.py with all features",
                "changes": {**_BEST_LAYERS, "input_dropout": 0.0},
            },
            "best_unbalanced": {
                "title": "best.py with pairs as they are",
                "changes": {**_BEST_LAYERS, "balanced": False, "repair_pairs": False},
            },
            "best_unnormalized": {
                "title": "best.py with hidden vectors of any length",
                "changes": {**_BEST_LAYERS, "normalize": "none"},
            },
            "best_standardized": {
                "title": "best.py without log1p",
                "changes": {**_BEST_LAYERS, "scaling": "standardize"},
            },
            "best_units": {
                "title": "best.py with the paper's 4,096 hidden units",
                "changes": {**_BEST_LAYERS, "hidden_units": 4096},
                "times_pairs": 0.5,
            },
        },
    ),
    *_rows(
        FEATURE_GAN,
        _SMALL_FEATURES,
        {
            "paper": {
                "title": "U-Net, PatchGAN, L1 100, penalty 0.001",
                "judged": True,
                "num_seeds": 3,
            },
            "epsilon": {
                "title": "… Adam's epsilon 1e-4 instead of 1e-8",
                "changes": {"optimizer.epsilon": 1e-4},
                "judged": True,
            },
            "energy": {
                "title": "vectors: energy distance 20 alone",
                "changes": {
                    **_VECTORS_ALONE,
                    "loss.energy_weight": 20.0,
                    "loss.adversarial_weight": 0.0,
                },
                "times_pairs": 5.0,
                "judged": True,
                "num_seeds": 3,
            },
            "no_penalty": {"title": "… no penalty", "changes": {"discriminator.loss_weight": 1.0}},
            "no_penalty_epsilon": {
                "title": "… no penalty, epsilon 1e-4",
                "changes": {"discriminator.loss_weight": 1.0, "optimizer.epsilon": 1e-4},
            },
            "energy_critic": {
                "title": "vectors: energy distance 20 and a critic, hinge",
                "changes": {**_VECTORS, "loss.energy_weight": 20.0},
                "times_pairs": 5.0,
                "judged": True,
            },
            "vectors": {
                "title": "vectors: a critic alone, hinge",
                "changes": _VECTORS,
                "times_pairs": 5.0,
            },
            "disco": {
                "title": "vectors: DiscoGAN, hinge, from no pairs",
                "changes": {
                    **_VECTORS,
                    **_SAME_BACK,
                    "method": "disco",
                    "loss.l1_weight": 100.0,  # the default: without pairs there is none
                },
                "times_pairs": 5.0,
            },
            "encoder_decoder": {
                "title": "… no skips",
                "changes": {"generator.name": "encoder_decoder"},
            },
            "began": {
                "title": "… BEGAN: no penalty of 0.001, an auto-encoder as D",
                "changes": {
                    "loss.adversarial": "began",
                    "discriminator.loss_weight": 1.0,
                    "discriminator.name": "autoencoder",
                },
            },
            "wgan_gp": {
                "title": "… WGAN-GP: no penalty of 0.001, no norm in D",
                "changes": {
                    "loss.adversarial": "wgan_gp",
                    "discriminator.loss_weight": 1.0,
                    "discriminator.norm": "none",
                },
            },
            "hinge": {"title": "… hinge", "changes": {"loss.adversarial": "hinge"}},
            "least_squares": {
                "title": "… least squares",
                "changes": {"loss.adversarial": "least_squares"},
            },
            "spectral": {
                "title": "… spectral norm in D",
                "changes": {"discriminator.norm": "spectral"},
            },
        },
    ),
    *_rows(
        IMAGE_GAN,
        _SMALL_IMAGES,
        {
            "paper": {"title": "U-Net, PatchGAN, L1 100", "num_seeds": 3},
            "projected_best": {
                "title": "decoder, projected, perceptual 10, L1 4",
                "changes": _PROJECTED_BEST,
                "num_seeds": 3,
            },
            "perceptual": {
                "title": "… perceptual distance 10",
                "changes": {"loss.perceptual_weight": 10.0, "loss.backbone": "efficientnet_lite2"},
            },
            "projected_batch": {
                "title": "decoder, projected, perceptual 10, L1 4, batches of 16: half the updates",
                "changes": {**_PROJECTED_BEST, "batch_size": 16},
            },
            "projected": {"title": "decoder, projected alone", "changes": _PROJECTED},
            "generated_share": {
                "title": "decoder, projected, perceptual 10, L1 4, pictures of sounds judged too",
                "changes": {**_PROJECTED_BEST, "generated_share": 0.5},
                "num_seeds": 3,
            },
            "modulated": {
                "title": "decoder told all features at every level, projected, perceptual 10, L1 4",
                "changes": {**_PROJECTED_BEST, "generator.name": "modulated_decoder"},
                "num_seeds": 3,
            },
            "class": {
                "title": "decoder, projected, perceptual 10, L1 4, sounds judged too and named",
                "changes": {**_PROJECTED_BEST, "loss.class_weight": 0.3, "generated_share": 0.5},
                "num_seeds": 3,
            },
            "flip": {
                "title": "decoder, projected, perceptual 10, L1 4, half of the views mirrored",
                "changes": {**_PROJECTED_BEST, "loss.augment": "color,translation,flip"},
                "num_seeds": 3,
            },
            "projected_bfloat16": {
                "title": "decoder, projected, perceptual 10, L1 4, in mixed bfloat16",
                "changes": {**_PROJECTED_BEST, "precision": "mixed_bfloat16"},
            },
            "augment": {
                "title": "… DiffAugment",
                "changes": {"loss.augment": "color,translation,cutout"},
            },
            "resize_unet": {
                "title": "… resizing instead of strides",
                "changes": {"generator.name": "resize_unet"},
            },
            "hinge": {"title": "… hinge", "changes": {"loss.adversarial": "hinge"}},
            "feature_matching": {
                "title": "… feature matching 10",
                "changes": {"loss.feature_matching_weight": 10.0},
            },
            "instance": {
                "title": "… instance norm in G",
                "changes": {"generator.norm": "instance"},
            },
            "encoder_decoder": {
                "title": "… no skips",
                "changes": {"generator.name": "encoder_decoder"},
            },
            "ema": {"title": "… moving average 0.99", "changes": {"optimizer.ema_decay": 0.99}},
            "bfloat16": {
                "title": "… in mixed bfloat16",
                "changes": {"config.precision": "mixed_bfloat16"},
            },
            "multiscale": {
                "title": "… two scales",
                "changes": {"discriminator.name": "multiscale"},
            },
        },
    ),
)

# What stands before and behind a GAN that is measured.
AROUND = {MULTIMODAL: "best_units", FEATURE_GAN: "energy", IMAGE_GAN: "projected_best"}


def in_turn(variants: Iterable[Variant]) -> Iterator[tuple[Variant, int]]:
    """Variants and seeds in the order of the study: the stages in turn, seed 0 of all first."""
    by_stage = [[one for one in variants if one.stage == stage] for stage in STAGES]
    first = [one for turn in itertools.zip_longest(*by_stage) for one in turn if one is not None]
    yield from ((one, 0) for one in first)
    yield from ((one, seed) for one in first for seed in range(1, one.num_seeds))


def find(stage: str, name: str) -> Variant:
    """The variant of that stage and name."""
    return next(one for one in VARIANTS if (one.stage, one.name) == (stage, name))


def build_config(variant: Variant, data: str, seed: int, budget_share: float = 1.0) -> Config:
    """The config in which the variant's stage is trained; other stages' parts are untouched.

    Args:
      variant: the recipe of one stage.
      data: the prepared data set.
      seed: random seed of the run.
      budget_share: share of `NUM_PAIRS` that it sees.
    """
    config = Config(data=data, seed=seed, judge="efficientnet_lite0")
    settings = getattr(config, variant.stage)
    for name, value in variant.changes.items():
        *parents, field = name.removeprefix(f"{_WHOLE}.").split(".")
        owner = config if name.startswith(f"{_WHOLE}.") else settings
        for parent in parents:
            owner = getattr(owner, parent)
        setattr(owner, field, value)
    num_pairs = NUM_PAIRS[variant.stage] * variant.times_pairs * budget_share
    settings.num_steps = max(1, round(num_pairs / settings.batch_size))
    config.log_every_steps = max(1, settings.num_steps // 10)
    config.checkpoint_every_steps = max(1, -(-settings.num_steps // 3))
    return config.validate()
