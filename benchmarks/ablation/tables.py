"""The results as Markdown: a table for each stage, and what the penalty does to both players."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.ablation.variants import FEATURE_GAN, IMAGE_GAN, MULTIMODAL, VARIANTS, Variant, find
from benchmarks.pages import table

Row = Mapping[str, Any]
Format = Callable[[float], str]

_PENALTY = ("paper", "epsilon", "no_penalty", "no_penalty_epsilon")
_MISSING = "–"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _decimal(value: float) -> str:
    return f"{value:.2f}"


def _exact(value: float) -> str:
    return f"{value:.2g}"


# By the stage: the title, the measure and how it is shown.
COLUMNS: dict[str, tuple[tuple[str, str, Format], ...]] = {
    MULTIMODAL: (
        ("photo → sound, after", "image_to_sound_after", _percent),
        ("before", "image_to_sound_before", _percent),
        ("sound → photo, after", "sound_to_image_after", _percent),
        ("before", "sound_to_image_before", _percent),
    ),
    FEATURE_GAN: (
        ("class of features", "class_of_features", _percent),
        ("spread in a class", "features_ratio", _decimal),
        ("to the nearest", "features_nearest", _decimal),
        ("class seen", "made_class_seen", _percent),
        ("match 1", "made_match_1", _percent),
        ("match 10", "made_match_10", _percent),
        ("KID", "made_kid", _decimal),
        ("spread of pictures", "made_ratio", _decimal),
    ),
    IMAGE_GAN: (
        ("class seen", "made_class_seen", _percent),
        ("match 1", "made_match_1", _percent),
        ("match 10", "made_match_10", _percent),
        ("of any sound", "made_shuffled_10", _percent),
        ("KID", "made_kid", _decimal),
        ("spread in a class", "made_ratio", _decimal),
        ("between samples", "samples_ratio", _decimal),
        ("rebuilt: class seen", "rebuilt_class_seen", _percent),
        ("match 1", "rebuilt_match_1", _percent),
        ("match 10", "rebuilt_match_10", _percent),
        ("of any photo", "rebuilt_shuffled_10", _percent),
        ("KID", "rebuilt_kid", _decimal),
    ),
}


def of_stage(stage: str, rows: Iterable[Row], real: Mapping[str, float] | None = None) -> str:
    """A line for each variant in the order of `VARIANTS`; of several seeds mean ± half the range.

    Args:
      stage: which.
      rows: what `python -m benchmarks.ablation` measured, of any stages.
      real: the measures of real photos, for a last line.
    """
    columns = COLUMNS[stage]
    header = ["change", "pairs", "seeds", *(title for title, _, _ in columns), "seconds"]
    found = _by_name(stage, rows)
    lines = []
    for variant in (one for one in VARIANTS if one.stage == stage and one.name in found):
        seeds = found[variant.name]
        done = [row for row in seeds if "measures" in row]
        cells = [
            _spread([row["measures"].get(key) for row in done], show) for _, key, show in columns
        ]
        seconds = _spread([row["seconds"]["processor"] for row in done], "{:.0f}".format)
        title = variant.title if done else f"{variant.title}: {seeds[0]['failed']}"
        num_pairs = f"{done[0]['num_pairs']:,}" if done else _MISSING
        lines.append([title, num_pairs, str(len(seeds)), *cells, seconds])
    if real and any(key in real for _, key, _ in columns):
        cells = [_spread([real.get(key)], show) for _, key, show in columns]
        lines.append(["real photos of the class", _MISSING, _MISSING, *cells, _MISSING])
    return table(header, lines)


def of_penalty(rows: Iterable[Row]) -> str:
    """Both players of the feature GAN at the end of training, with and without the penalty."""
    header = [
        "penalty",
        "Adam's epsilon",
        "D's gradient: norm",
        "root mean square of one weight's",
        "G's gradient: norm",
        "D of real",
        "D of generated",
        "D's loss",
        "L1",
        "class of features",
    ]
    found = _by_name(FEATURE_GAN, rows)
    lines = []
    for name in _PENALTY:
        if name not in found or "measures" not in found[name][0]:
            continue
        row = found[name][0]
        changes, last = find(FEATURE_GAN, name).changes, row["last"]
        norm = last["discriminator_gradient_norm"]
        lines.append(
            [
                str(changes.get("discriminator.loss_weight", 0.001)),
                _exact(changes.get("optimizer.epsilon", 1e-8)),
                _exact(norm),
                _exact(norm / math.sqrt(row["num_discriminator_weights"])),
                _exact(last["generator_gradient_norm"]),
                _decimal(last["discriminator_real_score"]),
                _decimal(last["discriminator_fake_score"]),
                _decimal(last["discriminator"]),
                _decimal(last["generator_l1"]),
                _percent(row["measures"]["class_of_features"]["value"]),
            ]
        )
    return table(header, lines)


def of_pictures(written: Iterable[tuple[Variant, str]], folder: str) -> str:
    """A line for each variant that has a file of pictures in a folder beside the page."""
    rows = [
        [one.stage, one.title, f"![{one.stage}: {one.title}]({folder}/{name})"]
        for one, name in written
    ]
    return table(["stage", "change", "pictures"], rows)


def _by_name(stage: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["stage"] == stage:
            found.setdefault(row["name"], []).append(row)
    return found


def _spread(values: Sequence[Any], show: Format) -> str:
    plain = [value["value"] if isinstance(value, Mapping) else value for value in values]
    known = [value for value in plain if value is not None]
    if not known:
        return _MISSING
    mean = show(statistics.fmean(known))
    if len(known) == 1:
        return mean
    return f"{mean} ± {show((max(known) - min(known)) / 2)}"
