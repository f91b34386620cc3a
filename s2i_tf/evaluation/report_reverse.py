"""The report on the direction from image to sound; what its figures mean is told in `reverse`."""

from collections.abc import Mapping
from typing import Any

from s2i_tf.evaluation import report_tables
from s2i_tf.evaluation.markup import Markup, tag
from s2i_tf.evaluation.summary import Metrics, percent

_NOTHING = {"value": None, "low": None, "high": None}


def reverse_section(metrics: Metrics) -> Markup:
    """The class of the sound found for each photo, and what a judge of sounds hears in it."""
    found = metrics["reverse"]
    if found is None:
        body = [_not_measured(metrics["missing"]["reverse"])]
    else:
        body = [_class_table(found), report_tables.legend("chance"), *_match_part(found)]
        if "nearest_sound" in found["missing"]:
            reason = found["missing"]["nearest_sound"]
            body.append(_not_measured(f"the nearest sound by multimodal features, {reason}"))
    return tag(
        "section",
        tag("h2", "From photo to sound: is it a sound of the class?"),
        tag(
            "p",
            "The feature GAN of section 5.4 with the modalities swapped makes sound features of "
            "each photo of the eval split; for them stands the training sound nearest to them.",
        ),
        body,
        id="reverse",
    )


def _class_table(found: Mapping[str, Any]) -> Markup:
    rows = [
        tag(
            "tr",
            tag(
                "th",
                report_tables.sentence_case(row["title"]),
                tag("small", f"n = {found['num_photos']}"),
                scope="row",
            ),
            [
                report_tables.cell((row["accuracy"] or {}).get(mean, _NOTHING), chance)
                for mean, chance in found["chance"].items()
            ],
            tag(
                "td",
                "–" if row["num_hit"] is None else f"{row['num_hit']} of {found['num_sounds']}",
            ),
            class_="main" if row["name"] == "generated" else "",
        )
        for row in found["class_found"]
    ]
    header = ["", *("all" if mean == "micro" else mean for mean in found["chance"]), "sounds hit"]
    return report_tables.scroll("Class found", header, [tag("tbody", rows)])


def _match_part(found: Mapping[str, Any]) -> list[Markup]:
    """What the judge hears, beside shuffled pairs."""
    match = found["label_match"]
    if match is None:
        return [_not_measured(f"what a judge hears, {found['missing']['label_match']}")]
    ks = list(match["random"])
    by_name = {row["name"]: row["match"] for row in match["rows"]}
    rows = [
        tag(
            "tr",
            tag("th", report_tables.sentence_case(row["title"]), scope="row"),
            [
                report_tables.cell(
                    (row["match"][k] or {}).get("micro", _NOTHING),
                    by_name["shuffled"][k]["micro"]["value"],
                )
                for k in ks
            ],
            class_="main" if row["name"] == "generated" else "",
        )
        for row in match["rows"]
    ]
    random = tag(
        "tr",
        tag("th", "Two random sets of labels", scope="row"),
        [tag("td", percent(share)) for share in match["random"].values()],
        class_="plain",
    )
    return [
        tag(
            "p",
            f"{match['judge']} names the likeliest of its labels for the sound found and for the "
            "real sound of the pair. They match at top k if their k likeliest have one in common. "
            f"{match['num_pairs']} pairs; a photo with several sounds has their mean.",
        ),
        report_tables.scroll(
            "Label match of sounds", ["", *(f"top {k}" for k in ks)], [tag("tbody", rows, random)]
        ),
        report_tables.legend("shuffled pairs"),
    ]


def _not_measured(reason: str) -> Markup:
    return tag("p", f"Not measured: {reason}.", class_="missing")
