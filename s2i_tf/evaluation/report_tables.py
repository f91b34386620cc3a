"""The tables of the report: retrieval, label match, and both by class with the worst first."""

from collections.abc import Mapping, Sequence
from typing import Any

from s2i_tf.evaluation import summary, tables
from s2i_tf.evaluation.markup import Markup, tag
from s2i_tf.evaluation.summary import Metrics, decimal, interval, percent

_LAYER_NAMES = {"before": "before the activation", "after": "after the activation"}
_DIRECTION_NAMES = {
    "image_to_sound": "photo → nearest sound",
    "sound_to_image": "sound → nearest photo",
}
_MISSING = float("inf")


def strip(
    estimate: Mapping[str, float | None], chance: float | None = None, paper: float | None = None
) -> Markup:
    """A scale from 0 to 100 %: the interval, the estimate, chance and the paper's figure."""
    if estimate["value"] is None:
        return tag("span", class_="strip")
    width = 100 * (estimate["high"] - estimate["low"])
    marks = [
        tag("i", class_="range", style=f"left:{100 * estimate['low']:.1f}%;width:{width:.1f}%"),
        tag("i", class_="dot", style=f"left:{100 * estimate['value']:.1f}%"),
    ]
    for name, value in (("chance", chance), ("paper", paper)):
        if value is not None:
            marks.insert(0, tag("i", class_=name, style=f"left:{100 * value:.1f}%"))
    return tag("span", marks, class_="strip", aria_hidden="true")


def legend(baseline: str) -> Markup:
    """What the marks of a strip mean."""
    return tag(
        "p",
        tag("span", tag("i", class_="key dot"), "estimate with its 95 % interval"),
        tag("span", tag("i", class_="key chance"), baseline),
        tag("span", tag("i", class_="key paper"), "the paper, on its own data"),
        class_="legend",
    )


def retrieval_section(metrics: Metrics) -> Markup:
    """Section 5.3 of the paper."""
    bodies = []
    for split, title in (("eval", "Eval split"), ("train", "Training split")):
        if split not in metrics["data"]["splits"]:
            continue
        heading = tag("tr", tag("th", title, colspan="9", scope="rowgroup"), class_="group")
        rows = [
            _retrieval_row(metrics, split, direction, layer)
            for direction in tables.DIRECTIONS
            for layer in reversed(tables.LAYERS)
        ]
        bodies.append(tag("tbody", heading, rows))
    return tag(
        "section",
        tag("h2", "Does the nearest sound have the photo's class?"),
        tag(
            "p",
            "Photos and sounds are mapped to multimodal vectors; each photo looks for its nearest "
            "sound by Euclidean distance, and each sound for its nearest photo, among all those of "
            "the same split (section 5.3 of the paper). A photo or a sound that forms several "
            "pairs counts once, whether it seeks or is found.",
        ),
        scroll(
            "Retrieval",
            [
                "",
                "right class nearest",
                "macro",
                "cosine",
                "in 5",
                "MRR",
                "targets hit",
                "chance",
                "paper",
            ],
            bodies,
        ),
        legend("chance: the class's share of the targets"),
        tag(
            "p",
            "Macro: every class counts the same. Cosine: the first figure by cosine distance. In "
            "5: the class is among the five nearest. MRR: mean of one over the rank of the first "
            "of the class. Targets hit: share of all targets that are the nearest of anything; in "
            "brackets, what even draws would hit; far fewer mean that a few hubs answer for all.",
            class_="note",
        ),
        id="retrieval",
    )


def match_section(metrics: Metrics) -> Markup:
    """Section 5.4 of the paper."""
    match = metrics["label_match"]
    ks = list(match["random"])
    shuffled = next(row for row in match["rows"] if row["name"] == "shuffled")
    rows = [
        tag(
            "tr",
            tag("th", sentence_case(row["title"]), scope="row"),
            [
                cell(
                    row["match"][k]["micro"],
                    shuffled["match"][k]["micro"]["value"],
                    match["paper"][k] if row["name"] == "generated" else None,
                )
                for k in ks
            ],
            class_="main" if row["name"] == "generated" else "",
        )
        for row in match["rows"]
    ]
    plain = [
        tag(
            "tr",
            tag("th", title, scope="row"),
            [tag("td", percent(match[key][k])) for k in ks],
            class_="plain",
        )
        for title, key in (
            ("Two random sets of labels", "random"),
            ("The paper: 52 classes, another judge", "paper"),
        )
    ]
    return tag(
        "section",
        tag("h2", "Does a judge see the same in picture and photo?"),
        tag(
            "p",
            f"{metrics['judge']['name']} names the most likely of its "
            f"{metrics['judge']['num_labels']} labels for each picture and each photo, both at "
            "128 px. Two of them match at top k if their k likeliest labels have one in common "
            f"(section 5.4). {match['num_sounds']} sounds, {match['num_pairs']} pairs; a sound "
            "with several photos has their mean.",
        ),
        scroll("Label match", ["", *(f"top {k}" for k in ks)], [tag("tbody", rows, plain)]),
        legend("shuffled pairs"),
        tag(
            "p",
            "One picture a class can score high here (see the fixed photo), so this counts only "
            "beside diversity and the distance to training photos below. The class heard is the "
            "one that a linear probe on the sound features names. "
            "Shuffled pairs and pairs within a class are averages over all such pairs of different "
            "photos and recordings, not draws.",
            class_="note",
        ),
        id="label-match",
    )


def class_section(metrics: Metrics) -> Markup:
    """The measures by class; the worst label match first, then the worst retrieval."""
    columns = _class_columns(metrics)
    sizes = metrics["data"]["splits"]["eval"]["classes"]
    nothing = {"value": None}

    def badness(name: str) -> list[float]:
        values = [column.get(name, nothing)["value"] for column in columns.values()]
        return [_MISSING if value is None else value for value in values]

    rows = [
        tag(
            "tr",
            tag("th", name, tag("small", _sizes(sizes[name])), scope="row"),
            [cell(column.get(name, nothing)) for column in columns.values()],
        )
        for name in sorted(sizes, key=badness)
    ]
    return tag(
        "section",
        tag("h2", "By class, the worst first"),
        tag(
            "p",
            "Eval split; retrieval after the activation by Euclidean distance. With few recordings "
            "of a class its interval is wide, and the order of the classes little more than luck.",
        ),
        scroll("By class", ["", *columns], [tag("tbody", rows)]),
        id="classes",
    )


def _sizes(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name}: {counts[key]}"
        for name, key in (
            ("recordings", "num_groups"),
            ("sounds", "num_sounds"),
            ("photos", "num_images"),
        )
    )


def _class_columns(metrics: Metrics) -> dict[str, dict[str, Any]]:
    generated = next(row for row in metrics["label_match"]["rows"] if row["name"] == "generated")
    ks = list(generated["match"])[:1:-1]
    columns = {f"label match, top {k}": generated["match"][k]["per_class"] for k in ks}
    if metrics["class_seen"] is not None:
        row = summary.row_named(metrics["class_seen"]["rows"], "generated")
        columns["class seen"] = row["accuracy"]["per_class"]
        columns["class heard"] = metrics["class_heard"]["accuracy"]["per_class"]
    for direction in tables.DIRECTIONS:
        row = summary.retrieval_row(metrics, "eval", direction, "after")
        columns[_DIRECTION_NAMES[direction]] = row["measures"]["top_1"]["per_class"]
    return columns


def _retrieval_row(metrics: Metrics, split: str, direction: str, layer: str) -> Markup:
    row = summary.retrieval_row(metrics, split, direction, layer)
    cosine = summary.retrieval_row(metrics, split, direction, layer, "cosine")
    measures, hit = row["measures"], row["targets_hit"]
    chance = row["chance"]["top_1"]["micro"]
    return tag(
        "tr",
        tag(
            "th",
            _DIRECTION_NAMES[direction],
            tag("small", f"{_LAYER_NAMES[layer]}, n = {row['num_queries']}"),
            scope="row",
        ),
        cell(measures["top_1"]["micro"], chance, row["paper_top_1"]),
        cell(measures["top_1"]["macro"]),
        cell(cosine["measures"]["top_1"]["micro"]),
        cell(measures["top_5"]["micro"]),
        tag("td", decimal(measures["mrr"]["micro"]["value"])),
        tag("td", percent(hit["share"]), tag("small", f"({percent(hit['share_if_even'])})")),
        tag("td", percent(chance)),
        tag("td", percent(row["paper_top_1"])),
        class_="main" if (split, layer) == ("eval", "after") else "",
    )


def cell(
    estimate: Mapping[str, float | None], chance: float | None = None, paper: float | None = None
) -> Markup:
    """A table's cell for a share: the estimate, its interval and its strip."""
    return tag(
        "td",
        percent(estimate["value"]),
        tag("small", interval(estimate)),
        strip(estimate, chance, paper),
    )


def scroll(title: str, header: Sequence[str], bodies: list[Markup]) -> Markup:
    """A table that scrolls by itself where the page is narrow."""
    head = tag("thead", tag("tr", [tag("th", name, scope="col") for name in header]))
    table = tag("table", head, bodies)
    return tag("div", table, class_="scroll", role="region", aria_label=title, tabindex="0")


def sentence_case(text: str) -> str:
    """With a capital letter first."""
    return text[:1].upper() + text[1:]
