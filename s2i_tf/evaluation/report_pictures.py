"""The report on the pictures beyond label match: class seen, fidelity, diversity, memorising."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from s2i_tf.evaluation import figures, report_tables
from s2i_tf.evaluation.markup import Embedder, Markup, tag
from s2i_tf.evaluation.summary import Metrics, decimal, decimal_interval
from s2i_tf.media import image

_MAX_WIDTH = 1100
_NOTHING = {"value": None, "low": None, "high": None}
# Shown beside the text that they belong to.
_ELSEWHERE = ("closest.png",)


def class_section(metrics: Metrics) -> Markup:
    """What class a linear probe sees in the pictures, and hears in the sounds."""
    seen, heard = metrics["class_seen"], metrics["class_heard"]
    if seen is None:
        body: list[Markup] = [_missing(metrics, "class_seen")]
    else:
        rows = [
            _rate_row(row["title"], row["accuracy"], row["num_items"], seen["chance"])
            for row in seen["rows"]
        ]
        rows.append(
            _rate_row(
                "heard: a probe on the sound's own features",
                heard["accuracy"],
                metrics["data"]["splits"]["eval"]["num_sounds"],
                seen["chance"],
            )
        )
        body = [
            report_tables.scroll("Class seen", ["", "all", "macro"], [tag("tbody", rows)]),
            report_tables.legend("chance"),
            *_sources(heard["by_source"]),
        ]
    return tag(
        "section",
        tag("h2", "Is the class seen in the picture?"),
        tag(
            "p",
            "A linear probe (multinomial logistic regression) on the judge's features, fitted on "
            "the training photos at 128 px, names the class of each picture. No generator can show "
            "more than is heard, which the last row measures by a probe on the sound features.",
        ),
        body,
        id="class-seen",
    )


def fidelity_section(metrics: Metrics) -> Markup:
    """Fidelity and diversity of each set of pictures, beside each other."""
    fidelity, diversity = metrics["fidelity"], metrics["diversity"]
    ratios = {row["name"]: row["ratio"] for row in diversity["rows"]}
    rows = [
        tag(
            "tr",
            tag(
                "th",
                report_tables.sentence_case(row["title"]),
                tag("small", f"n = {row['num_pictures']}"),
                scope="row",
            ),
            _kid_cell(row["kid"]),
            tag("td", decimal(row["fid"], 0)),
            *(
                report_tables.cell(row[name]["micro"] if row[name] else _NOTHING)
                for name in ("precision", "recall")
            ),
            _decimal_cell(ratios.get(row["name"])),
            class_="main" if row["name"] == "generated" else "",
        )
        for row in fidelity["rows"]
    ]
    samples = diversity["samples"]
    if samples is None:
        between = f"Between samples of one sound: {metrics['missing']['samples']}."
    else:
        between = (
            f"Between {samples['num_samples']} samples of one sound the distance is "
            f"{decimal(samples['ratio']['value'])} "
            f"({decimal_interval(samples['ratio'])}) of that between real photos of a class."
        )
    return tag(
        "section",
        tag("h2", "How real, and how various?"),
        tag(
            "p",
            "All in the judge's features, against the "
            f"{fidelity['num_real']} photos of the eval split. KID: squared kernel distance, less "
            "is better, 0 for photos of the same kind; with its spread over subsets. FID grows as "
            "the number of pictures falls, so read it only beside the last row, which has as "
            "many. Precision: share of the pictures that lie among the photos; recall: share of "
            "the photos that lie among the pictures. Diversity: distance between two pictures of "
            "one class, over that between two photos of it.",
        ),
        report_tables.scroll(
            "Fidelity",
            ["", "KID", "FID", "precision", "recall", "diversity"],
            [tag("tbody", rows)],
        ),
        tag("p", between, class_="note"),
        id="fidelity",
    )


def memorising_section(
    metrics: Metrics, sheets: Mapping[str, np.ndarray], embedder: Embedder
) -> Markup:
    """How near the pictures come to training photos, with the nearest shown."""
    found = metrics["memorising"]
    if found is None:
        body: list[Markup] = [_missing(metrics, "memorising")]
    else:
        rows = [
            tag(
                "tr",
                tag("th", title, scope="row"),
                [_decimal_cell(found[key][side], digits) for side in ("generated", "held_out")],
                _decimal_cell(found[key]["ratio"]),
            )
            for key, title, digits in (("features", "In features", 2), ("pixels", "In pixels", 3))
        ]
        body = [
            report_tables.scroll(
                "Memorising", ["", "generated", "photos never seen", "ratio"], [tag("tbody", rows)]
            ),
            _figure("closest.png", sheets, embedder),
        ]
    return tag(
        "section",
        tag("h2", "Are they photos that it was trained on?"),
        tag(
            "p",
            "The median distance to the nearest training photo, of generated pictures and of "
            "photos that the model has never seen; a ratio far below 1 means copies. Blur is near "
            "to any photo in pixels, so the features decide.",
        ),
        body,
        id="memorising",
    )


def following_section(metrics: Metrics) -> Markup:
    """How the pictures follow what is heard; nothing but for the embedded data set."""
    found = metrics["following"]
    if found is None:
        return Markup("")
    rows = [
        tag(
            "tr",
            tag(
                "th",
                f"{row['class_name']}: {row['cause']}",
                tag("small", f"n = {row['num_sounds']}"),
                scope="row",
            ),
            [tag("td", decimal(row[name])) for name in ("generated", "real")],
        )
        for row in sorted(found["rows"], key=lambda row: _or_first(row["generated"]))
    ]
    everything = tag(
        "tr",
        tag("th", "All together", scope="row"),
        [_decimal_cell(found["pooled"][name]) for name in ("generated", "real")],
        class_="main",
    )
    return tag(
        "section",
        tag("h2", "Do the pictures follow the sound within a class?"),
        tag(
            "p",
            "Rank correlation between a latent cause of the sound and the same measured in the "
            "picture, among sounds of one class; that in the real picture is what can be reached. "
            "The worst first.",
        ),
        report_tables.scroll(
            "Following", ["", "generated", "real"], [tag("tbody", everything, rows)]
        ),
        id="following",
    )


def figures_section(sheets: Mapping[str, np.ndarray], embedder: Embedder) -> Markup:
    """The figures that correspond to the paper's."""
    shown = [_figure(name, sheets, embedder) for name in figures.TITLES if name not in _ELSEWHERE]
    return tag(
        "section",
        tag("h2", "Figures"),
        tag("p", "Drawn at random by the seed, and beside this page as PNG."),
        tag("div", shown, class_="grids"),
        id="figures",
    )


def _figure(name: str, sheets: Mapping[str, np.ndarray], embedder: Embedder) -> Markup:
    if name not in sheets:
        return Markup("")
    sheet = Image.fromarray(sheets[name])
    if sheet.width > _MAX_WIDTH:
        sheet.thumbnail((_MAX_WIDTH, sheet.height))
    uri = embedder.uri(image.encode_jpeg(np.asarray(sheet), quality=85), "image/jpeg")
    if uri is None:
        return Markup("")
    title = figures.TITLES[name]
    return tag("figure", tag("img", src=uri, alt=title), tag("figcaption", title))


def _rate_row(title: str, rate: Mapping[str, Any], num_items: int, chance: float) -> Markup:
    return tag(
        "tr",
        tag(
            "th",
            report_tables.sentence_case(title),
            tag("small", f"n = {num_items}"),
            scope="row",
        ),
        [report_tables.cell(rate[name], chance) for name in ("micro", "macro")],
    )


def _sources(rows: Sequence[Mapping[str, Any]]) -> list[Markup]:
    if not rows:
        return []
    body = [
        tag(
            "tr",
            tag("th", row["source"], tag("small", f"n = {row['num_sounds']}"), scope="row"),
            [report_tables.cell(row[name]) for name in ("accuracy", "left_out")],
        )
        for row in rows
    ]
    return [
        tag(
            "p",
            "By the collection that a sound is from. Collections and classes are partly "
            "confounded: the last column has a probe that heard nothing of that collection, on the "
            "sounds whose class it knows from another one.",
        ),
        report_tables.scroll(
            "Sources", ["", "class heard", "collection left out"], [tag("tbody", body)]
        ),
    ]


def _kid_cell(kid: Mapping[str, Any] | None) -> Markup:
    if kid is None:
        return tag("td", decimal(None))
    return tag(
        "td",
        decimal(kid["value"], 4),
        tag("small", decimal_interval(kid, 4)),
        tag(
            "small",
            f"{kid['subset_mean']:.4f} ± {kid['subset_std']:.4f} of {kid['subset_size']}",
        ),
    )


def _decimal_cell(estimate: Mapping[str, float | None] | None, digits: int = 2) -> Markup:
    estimate = estimate or _NOTHING
    return tag(
        "td",
        decimal(estimate["value"], digits),
        tag("small", decimal_interval(estimate, digits)),
    )


def _missing(metrics: Metrics, part: str) -> Markup:
    return tag("p", f"Not measured: {metrics['missing'][part]}.", class_="missing")


def _or_first(value: float | None) -> float:
    return -2.0 if value is None else value
