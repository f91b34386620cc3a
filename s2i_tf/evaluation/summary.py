"""The results in a few words and lines, for the head of the page and for the terminal."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

Metrics = Mapping[str, Any]

_DASH = "–"
_NONE = {"value": None, "low": None, "high": None}
# How a sound was come by, short enough for a terminal; see `reverse.FOUND_ROWS` and `MATCH_ROWS`.
_SOUND_ROWS = {
    "generated": "by features made of the photo",
    "nearest_sound": "by multimodal features",
    "real_same_class": "another sound of the class",
    "shuffled": "shuffled: that of another photo",
}


@dataclasses.dataclass(frozen=True)
class Headline:
    """One figure with the sentence that says what it means.

    Attributes:
      title: what was asked.
      estimate: `value`, `low` and `high`.
      chance: what knowing nothing would give.
      paper: the paper's figure on its own data, if it has one.
      sentence: the answer, the doubt in it included.
    """

    title: str
    estimate: dict[str, float | None]
    chance: float | None
    paper: float | None
    sentence: str


def headlines(metrics: Metrics) -> list[Headline]:
    """The figures to start with: retrieval both ways, label match at 1 and at 10, class seen."""
    found = []
    for direction, title, what in (
        ("image_to_sound", "A photo finds a sound of its class", "photos"),
        ("sound_to_image", "A sound finds a photo of its class", "sounds"),
    ):
        row = retrieval_row(metrics, "eval", direction, "after")
        estimate, chance = row["measures"]["top_1"]["micro"], row["chance"]["top_1"]["micro"]
        sentence = (
            f"Of {row['num_queries']} {what} of the eval split, {percent(estimate['value'])} have "
            f"one of their own class as the nearest: {verdict(estimate, chance, 'chance')}."
        )
        found.append(Headline(title, estimate, chance, row["paper_top_1"], sentence))
    rows = {row["name"]: row for row in metrics["label_match"]["rows"]}
    for k in ("1", "10"):
        estimate = rows["generated"]["match"][k]["micro"]
        shuffled = rows["shuffled"]["match"][k]["micro"]["value"]
        real = rows["real_same_class"]["match"][k]["micro"]["value"]
        sentence = (
            f"For {percent(estimate['value'])} of the sounds the judge gives picture and photo a "
            f"common label in its top {k}: {verdict(estimate, shuffled, 'shuffled pairs')}. Two "
            f"real photos of a class reach {percent(real)}."
        )
        title = f"Picture and photo share a top-{k} label"
        paper = metrics["label_match"]["paper"][k]
        found.append(Headline(title, estimate, shuffled, paper, sentence))
    if metrics["class_seen"] is not None:
        found.append(_class_headline(metrics))
    return found


def _class_headline(metrics: Metrics) -> Headline:
    rows = metrics["class_seen"]["rows"]
    estimate = row_named(rows, "generated")["accuracy"]["macro"]
    real = row_named(rows, "real")["accuracy"]["macro"]["value"]
    heard = metrics["class_heard"]["accuracy"]["macro"]["value"]
    chance = metrics["class_seen"]["chance"]
    sentence = (
        f"A linear probe names the class of {percent(estimate['value'])} of the pictures, every "
        f"class counting the same: {verdict(estimate, chance, 'chance')}. It names that of "
        f"{percent(real)} of real photos, and a probe on the sounds that of {percent(heard)}."
    )
    return Headline("The class is seen in the picture", estimate, chance, None, sentence)


def retrieval_row(
    metrics: Metrics, split: str, direction: str, layer: str, distance: str = "euclidean"
) -> dict[str, Any] | None:
    """One row of the retrieval table, or None where the split has none."""
    wanted = (split, direction, layer, distance)
    keys = ("split", "direction", "layer", "distance")
    rows = (row for row in metrics["retrieval"] if tuple(row[key] for key in keys) == wanted)
    return next(rows, None)


def row_named(rows: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The row of a table by its name."""
    return next(row for row in rows if row["name"] == name)


def left_out(metrics: Metrics) -> str:
    """What of the data was left out of the eval figures, in a sentence."""
    found = metrics["data"]["left_out"]
    if not found["known"]:
        return "The model does not say what it was trained on; nothing is left out."
    return (
        f"Left out, because trained on: {found['num_sounds']} sounds and "
        f"{found['num_images']} photos of the data."
    )


def verdict(estimate: Mapping[str, float | None], baseline: float | None, name: str) -> str:
    """Whether an estimate differs from a baseline, as far as its interval can tell."""
    if estimate["value"] is None or baseline is None:
        return f"not to be compared with {name}"
    beside = f"{name} ({percent(baseline)})"
    if estimate["low"] > baseline:
        return f"above {beside}"
    if estimate["high"] < baseline:
        return f"below {beside}"
    return f"not to be told from {beside}"


def percent(share: float | None) -> str:
    """`0.253` as `25.3 %`, with a narrow space that does not break; a dash for nothing."""
    return _DASH if share is None else f"{100 * share:.1f}\u202f%"


def interval(estimate: Mapping[str, float | None]) -> str:
    """The bounds of an estimate, as `24.5–26.1`."""
    if estimate["value"] is None:
        return ""
    return f"{100 * estimate['low']:.1f}{_DASH}{100 * estimate['high']:.1f}"


def decimal(value: float | None, digits: int = 2) -> str:
    """A number that is no share; a dash for nothing."""
    return _DASH if value is None else f"{value:.{digits}f}"


def decimal_interval(estimate: Mapping[str, float | None], digits: int = 2) -> str:
    """The bounds of an estimate that is no share."""
    if estimate["low"] is None:
        return ""
    return f"{estimate['low']:.{digits}f} to {estimate['high']:.{digits}f}"


def as_text(metrics: Metrics) -> str:
    """The tables in short, in per cent, for a terminal 80 characters wide."""
    lines = [
        "retrieval, nearest by Euclidean distance has the class (%)",
        f"  {'split':<6}{'layer':<8}{'direction':<16}{'micro':>6}  {'95 %':<12}{'macro':>6}"
        f"{'chance':>8}{'paper':>7}",
    ]
    for row in metrics["retrieval"]:
        if row["distance"] == "euclidean":
            rate = row["measures"]["top_1"]
            lines.append(
                f"  {row['split']:<6}{row['layer']:<8}{_arrow(row['direction']):<16}"
                f"{_number(rate['micro']['value']):>6}  {interval(rate['micro']):<12}"
                f"{_number(rate['macro']['value']):>6}"
                f"{_number(row['chance']['top_1']['micro']):>8}{_number(row['paper_top_1']):>7}"
            )
    match = metrics["label_match"]
    ks = list(match["random"])
    lines += [
        f"label match at top {', '.join(ks)}, judge {metrics['judge']['name']} (%)",
        *(
            f"  {row['title']:<56}"
            + "".join(f"{_number(row['match'][k]['micro']['value']):>6}" for k in ks)
            for row in match["rows"]
        ),
    ]
    for title, key in (("two random sets of labels", "random"), ("the paper", "paper")):
        lines.append(f"  {title:<56}" + "".join(f"{_number(match[key][k]):>6}" for k in ks))
    lines += [*_picture_lines(metrics), *_reverse_lines(metrics), left_out(metrics)]
    return "\n".join(lines)


def _picture_lines(metrics: Metrics) -> list[str]:
    """Class seen, diversity and fidelity of each set of pictures, beside each other."""
    lines = [f"{'pictures':<49}{'seen':>6}{'macro':>7}{'diverse':>9}{'KID':>9}"]
    seen = {row["name"]: row for row in (metrics["class_seen"] or {"rows": []})["rows"]}
    diverse = {row["name"]: row["ratio"] for row in metrics["diversity"]["rows"]}
    for row in metrics["fidelity"]["rows"]:
        name = row["name"]
        accuracy = seen[name]["accuracy"] if name in seen else {"micro": _NONE, "macro": _NONE}
        lines.append(
            f"  {row['title']:<47}{_number(accuracy['micro']['value']):>6}"
            f"{_number(accuracy['macro']['value']):>7}"
            f"{decimal((diverse.get(name) or _NONE)['value']):>9}"
            f"{_significant((row['kid'] or _NONE)['value']):>9}"
        )
    if metrics["memorising"] is not None:
        ratio = metrics["memorising"]["features"]["ratio"]["value"]
        title = "  distance to training photos, generated : unseen"
        lines.append(f"{title:<62}{decimal(ratio):>9}")
    return lines


def _reverse_lines(metrics: Metrics) -> list[str]:
    """Class found and label match of the sounds found for photos, beside each other."""
    found = metrics["reverse"]
    if found is None:
        return []
    match = found["label_match"] or {"random": {}, "rows": []}
    columns = ["class", "macro", *(f"top {k}" for k in match["random"])]
    shares = {
        row["name"]: [(row["accuracy"] or {}).get(mean, _NONE)["value"] for mean in found["chance"]]
        for row in found["class_found"]
    }
    for row in match["rows"]:
        of_class = shares.get(row["name"], [None, None])
        shares[row["name"]] = [
            *of_class,
            *((rate or {}).get("micro", _NONE)["value"] for rate in row["match"].values()),
        ]
    titles = {name: title for name, title in _SOUND_ROWS.items() if name in shares}
    titles["chance"] = "chance, or random labels"
    shares["chance"] = [*found["chance"].values(), *match["random"].values()]
    return [
        f"{'sound found for a photo (%)':<36}" + "".join(f"{name:>7}" for name in columns),
        *(
            f"  {title:<34}" + "".join(f"{_number(share):>7}" for share in shares[name])
            for name, title in titles.items()
        ),
    ]


def _arrow(direction: str) -> str:
    return direction.replace("_to_", " → ")


def _significant(value: float | None) -> str:
    return _DASH if value is None else f"{value:.3g}"


def _number(share: float | None) -> str:
    return _DASH if share is None else f"{100 * share:.1f}"
