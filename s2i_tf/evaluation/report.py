"""The results as one page that opens offline: no script, no link outwards, nothing to fetch.

Whatever comes from data (names of classes, files and labels) is escaped by `markup.tag`, and a
content security policy forbids the page to load anything, whatever it should contain.
"""

import importlib.resources
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np

from s2i_tf.evaluation import (
    bootstrap,
    report_examples,
    report_pictures,
    report_reverse,
    report_tables,
    summary,
)
from s2i_tf.evaluation.gallery import Example
from s2i_tf.evaluation.markup import Embedder, Markup, join, tag
from s2i_tf.evaluation.summary import Metrics, percent

MAX_MEDIA_BYTES = 9_000_000

_POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
_SECTIONS = {
    "examples": "Examples",
    "retrieval": "Retrieval",
    "label-match": "Label match",
    "class-seen": "Class seen",
    "fidelity": "Fidelity",
    "memorising": "Memorising",
    "reverse": "Photo to sound",
    "classes": "Classes",
    "figures": "Figures",
    "training": "Training",
    "repeat": "Repeat",
    "deviations": "Deviations",
}


def render(
    metrics: Metrics,
    examples: Sequence[Example],
    sheets: Mapping[str, np.ndarray],
    run: str | os.PathLike | None = None,
) -> str:
    """The page.

    Args:
      metrics: as of `evaluate.evaluate`.
      examples: the sounds to show.
      sheets: the figures made of pictures, uint8 [height, width, 3] by file name.
      run: folder of the run that trained the model, if there is one.
    """
    embedder = Embedder(MAX_MEDIA_BYTES)
    style = importlib.resources.files(__package__).joinpath("report.css").read_text("utf-8")
    title = f"Pictures from sounds: {metrics['data']['name']}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", Markup(style)),
    )
    body = tag(
        "body",
        _header(metrics),
        tag(
            "main",
            _headlines(metrics),
            report_examples.gallery_section(metrics, examples, embedder),
            report_tables.retrieval_section(metrics),
            report_tables.match_section(metrics),
            report_pictures.class_section(metrics),
            report_pictures.fidelity_section(metrics),
            report_pictures.memorising_section(metrics, sheets, embedder),
            report_pictures.following_section(metrics),
            report_reverse.reverse_section(metrics),
            report_tables.class_section(metrics),
            report_pictures.figures_section(sheets, embedder),
            report_examples.training_section(run, embedder),
            _repeat_section(metrics),
            _deviations_section(metrics),
        ),
        tag("footer", f"s2i_tf {metrics['versions']['s2i_tf']}"),
    )
    return join(Markup("<!doctype html>\n"), tag("html", head, body, lang="en"))


def _header(metrics: Metrics) -> Markup:
    data = metrics["data"]
    counts = data["splits"]["eval"]
    return tag(
        "header",
        tag("p", "s2i_tf evaluation", class_="kicker"),
        tag("h1", "Pictures from sounds"),
        tag(
            "p",
            f"Data set {data['name']}: {len(data['class_names'])} classes; judged on "
            f"the eval split's {counts['num_sounds']} sounds of {counts['num_groups']} recordings "
            f"and {counts['num_images']} photos.",
            class_="lede",
        ),
        tag("nav", [tag("a", name, href=f"#{key}") for key, name in _SECTIONS.items()]),
    )


def _headlines(metrics: Metrics) -> Markup:
    cards = [
        tag(
            "article",
            tag("h3", headline.title),
            tag(
                "p",
                percent(headline.estimate["value"]),
                tag("small", summary.interval(headline.estimate)),
                class_="figure",
            ),
            report_tables.strip(headline.estimate, headline.chance, headline.paper),
            tag("p", headline.sentence),
        )
        for headline in summary.headlines(metrics)
    ]
    return tag(
        "section",
        tag("h2", "In short"),
        [tag("p", warning, class_="warning") for warning in metrics["warnings"]],
        tag("p", summary.left_out(metrics), class_="note"),
        tag("div", cards, class_="headlines"),
        report_tables.legend("chance, or shuffled pairs"),
        tag(
            "p",
            f"Intervals are 95 % percentile intervals of {metrics['settings']['num_resamples']:,} "
            "draws of whole recordings with replacement; Wilson's where there are fewer than "
            f"{bootstrap.MIN_GROUPS} recordings or all draws agree.",
            class_="note",
        ),
    )


def _repeat_section(metrics: Metrics) -> Markup:
    versions = ", ".join(f"{name} {version}" for name, version in metrics["versions"].items())
    judge = metrics["judge"]
    facts = {
        "Seed": str(metrics["settings"]["seed"]),
        "Versions": versions,
        "Model": metrics["model"]["folder"] or "given as an object",
        "Data": metrics["data"]["folder"],
        "Features": ", ".join(
            f"{key}: {value}" for key, value in metrics["data"]["extractors"].items()
        ),
        "Fingerprints": ", ".join(
            f"{key.removesuffix('_fingerprint')}: {value}"
            for key, value in metrics["data"]["fingerprints"].items()
        ),
        "Judge": f"{judge['name']}, fingerprint {judge['digest']}",
    }
    if (heard_by := metrics["sound_judge"]) is not None:
        facts["Judge of sounds"] = f"{heard_by['name']}, fingerprint {heard_by['digest']}"
    folded = {
        "The training's configuration": metrics["model"]["recipe"],
        "Checksums of the model's files": metrics["model"]["files"],
        "How the data were prepared": metrics["data"]["settings"],
    }
    return tag(
        "section",
        tag("h2", "How to repeat this"),
        tag("pre", metrics["command"]) if metrics["command"] else "",
        tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in facts.items()]),
        [
            tag("details", tag("summary", name), tag("pre", json.dumps(values, indent=2)))
            for name, values in folded.items()
            if values
        ],
        tag("p", "All figures stand in metrics.json beside this page.", class_="note"),
        id="repeat",
    )


def _deviations_section(metrics: Metrics) -> Markup:
    return tag(
        "section",
        tag("h2", "Where this differs from the paper"),
        tag(
            "p",
            "The paper's figures stand in the tables for orientation. They were measured on other "
            "data, so a higher figure here is not by itself a better model.",
        ),
        tag("ul", [tag("li", deviation) for deviation in metrics["deviations"]]),
        id="deviations",
    )
