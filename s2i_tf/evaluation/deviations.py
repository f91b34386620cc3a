"""In what this evaluation differs from the paper's, so that nobody compares what can't be."""

from collections.abc import Mapping
from typing import Any

from s2i_tf.config import Config, flatten
from s2i_tf.data.dataset_info import DatasetInfo

_PAPER_NETS = {"sound": "soundnet_pool5", "image": "vgg16_fc6"}
_PAPER_JUDGE = "inception_resnet_v2"
_PAPER_CLASSES = 52

# Fields that say nothing about the recipe.
_NOT_RECIPE = (
    "seed",
    "judge",
    "log_every_steps",
    "checkpoint_every_steps",
    "num_samples",
)


def deviations(info: DatasetInfo, judge_name: str, recipe: Mapping[str, Any] | None) -> list[str]:
    """One sentence for each deviation.

    Args:
      info: of the data set.
      judge_name: of the classifier that judges the pictures.
      recipe: the configuration that the model was trained with, if it is known.
    """
    num_pairs = sum(info.num_records(split) for split in info.splits)
    found = [
        f"Data: {num_pairs:,} pairs of {info.num_classes} classes ({info.name}); the paper has "
        f"104,000 pairs of {_PAPER_CLASSES} classes, each sound and photo from one video.",
        "Counting: a sound or photo that forms several pairs counts once; the paper counts pairs.",
        "Originals: the judge sees them at 128 px, as the generated pictures; the paper does not "
        "say what it does.",
        "Generation: one deterministic picture a sound, with the statistics of training in every "
        "norm; pix2pix, which the paper builds on, keeps dropout and batch statistics.",
    ]
    for modality, net in _PAPER_NETS.items():
        if info.extractors.get(modality) != net:
            used = info.extractors.get(modality)
            found.append(f"Features of the {modality}: {used}; the paper uses {net}.")
    if judge_name != _PAPER_JUDGE:
        found.append(f"Judge: {judge_name}; the paper uses {_PAPER_JUDGE}.")
    if recipe is None:
        found.append("Training: unknown, as the model does not say.")
        return found
    return found + [
        f"Training, {part}, in brackets our reading of the paper: {', '.join(changed)}."
        for part, changed in _changed(recipe).items()
    ]


def _changed(recipe: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is not as in the paper, `field value (the paper's)`, by the part of the recipe."""
    paper = flatten(Config().recipe())
    found: dict[str, list[str]] = {}
    for name, value in flatten(recipe).items():
        if name not in _NOT_RECIPE and value != paper.get(name):
            part, field = name.split(".", 1) if "." in name else ("whole", name)
            found.setdefault(part, []).append(f"{field} {value!r} ({paper.get(name)!r})")
    return found
