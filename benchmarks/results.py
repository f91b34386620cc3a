"""`python -m benchmarks.results`: the results page, written from the figures of an evaluation.

    python -m benchmarks.results --evaluation=OUT --out=docs/results.md

OUT is what `s2i evaluate` wrote. With `--paper_recipe=OUT2`, the evaluation of the paper's own
recipe on the same data, its figures stand beside. Pictures go to a folder beside the page that is
named after it. No figure is typed in: what the page says follows from `metrics.json` alone, but for
the paper's figures and the goals, which stand here.
"""

import dataclasses
import json
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from absl import flags

from s2i_tf import files
from s2i_tf.errors import EXIT_MISTAKE, UserError
from s2i_tf.evaluation import evaluate, figures, summary, tables
from s2i_tf.evaluation.label_match import PAPER_MATCH
from s2i_tf.evaluation.retrieval import PAPER_TOP_1
from s2i_tf.evaluation.summary import Metrics, decimal, decimal_interval, interval, percent

Estimate = Mapping[str, float | None]

_NOTHING: Estimate = {"value": None, "low": None, "high": None}
_LABEL_MATCH_GOALS = {1: 0.13, 3: 0.25, 5: 0.38, 10: 0.58}


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure that was aimed at.

    Attributes:
      title: what it is.
      read: from the metrics to the estimate.
      goal: to be reached or passed.
      paper: the paper's figure, on its own data.
      is_share: shown in per cent, else as a number.
    """

    title: str
    read: Callable[[Metrics], Estimate]
    goal: float
    paper: float | None = None
    is_share: bool = True


def _retrieval(direction: str, layer: str, mean: str) -> Callable[[Metrics], Estimate]:
    def read(metrics: Metrics) -> Estimate:
        row = summary.retrieval_row(metrics, "eval", direction, layer)
        return row["measures"]["top_1"][mean]

    return read


def _match(k: int) -> Callable[[Metrics], Estimate]:
    def read(metrics: Metrics) -> Estimate:
        row = summary.row_named(metrics["label_match"]["rows"], "generated")
        return row["match"][str(k)]["micro"]

    return read


def _seen(metrics: Metrics) -> Estimate:
    if metrics["class_seen"] is None:
        return _NOTHING
    return summary.row_named(metrics["class_seen"]["rows"], "generated")["accuracy"]["macro"]


def _diversity(metrics: Metrics) -> Estimate:
    return summary.row_named(metrics["diversity"]["rows"], "generated")["ratio"]


def _memorising(metrics: Metrics) -> Estimate:
    found = metrics["memorising"]
    return _NOTHING if found is None else found["features"]["ratio"]


_AFTER, _BEFORE = PAPER_TOP_1["eval", "after"], PAPER_TOP_1["eval", "before"]
GOALS = (
    Goal("photo → sound, after, all", _retrieval("image_to_sound", "after", "micro"), 0.9, _AFTER),
    Goal("photo → sound, after, macro", _retrieval("image_to_sound", "after", "macro"), 0.9),
    Goal("sound → photo, after, macro", _retrieval("sound_to_image", "after", "macro"), 0.8),
    Goal("photo → sound, before", _retrieval("image_to_sound", "before", "micro"), 0.85, _BEFORE),
    *(
        Goal(f"label match, top {k}", _match(k), goal, PAPER_MATCH[k])
        for k, goal in _LABEL_MATCH_GOALS.items()
    ),
    Goal("class seen in the picture, macro", _seen, 0.55),
    Goal("diversity, generated : real", _diversity, 0.7, is_share=False),
    Goal("distance to training photos, generated : unseen", _memorising, 0.7, is_share=False),
)


def render(metrics: Metrics, paper_recipe: Metrics | None, pictures: Sequence[str]) -> str:
    """The page.

    Args:
      metrics: of the evaluation.
      paper_recipe: of the paper's recipe on the same data, or None.
      pictures: the figures that there are, as links from the page.
    """
    parts = [
        _head(metrics),
        _goals(metrics, paper_recipe),
        _pictures(metrics, pictures),
        _retrieval_table(metrics),
        _match_table(metrics),
        _picture_table(metrics),
        _reverse(metrics),
        _classes(metrics),
        _sources(metrics),
        _further(pictures),
        _tail(metrics, paper_recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(metrics: Metrics) -> str:
    data = metrics["data"]
    counts = data["splits"]["eval"]
    judge = metrics["judge"]["name"]
    lines = [
        "# Results",
        "",
        f"On {counts['num_sounds']} sounds of {counts['num_groups']} recordings and "
        f"{counts['num_images']} photos of the data set {data['name']} "
        f"({len(data['class_names'])} classes) that the model was not trained on. "
        f"{summary.left_out(metrics)} Judge: {judge}. In brackets are 95 % intervals, by drawing "
        "whole recordings anew. The paper's figures are on other data, with another judge and 52 "
        "classes, so they tell little about which is better.",
        "",
        "Written by a command, see the end.",
    ]
    return "\n".join([*lines, *(f"\n**{warning}**" for warning in metrics["warnings"])])


def _goals(metrics: Metrics, paper_recipe: Metrics | None) -> str:
    header = [
        "measure",
        "paper",
        *(["its recipe here"] if paper_recipe else []),
        "here",
        "goal",
        "",
    ]
    rows = []
    for goal in GOALS:
        show = _share if goal.is_share else _ratio
        found = goal.read(metrics)
        value = found["value"]
        reached = "–" if value is None else "reached" if value >= goal.goal else "missed"
        if reached == "missed":
            gap = goal.goal - value
            reached += f" by {100 * gap:.1f} points" if goal.is_share else f" by {gap:.2f}"
        rows.append(
            [
                goal.title,
                percent(goal.paper),
                *([show(goal.read(paper_recipe))] if paper_recipe else []),
                show(found),
                f"≥ {percent(goal.goal) if goal.is_share else decimal(goal.goal)}",
                reached,
            ]
        )
    return "\n".join(["## Goals", "", *_table(header, rows)])


def _pictures(metrics: Metrics, pictures: Sequence[str]) -> str:
    found = metrics["qualities"]
    if found is None:
        return ""
    total = sum(found.values())
    seed = metrics["settings"]["seed"]
    lines = [
        "## Good, middling and bad",
        "",
        f"Drawn at random (seed {seed}) out of each kind. Each picture was generated from a sound "
        "that the model was not trained on; where photos are shown, that of its pair is above.",
    ]
    for quality in figures.QUALITIES:
        link = next((p for p in pictures if pathlib.Path(p).name == f"{quality}.png"), None)
        title = figures.TITLES[f"{quality}.png"]
        lines += ["", f"{title}: {found[quality]} of {total} ({percent(found[quality] / total)})."]
        lines += ["", f"![{title}]({link})"] if link else []
    return "\n".join(lines)


def _retrieval_table(metrics: Metrics) -> str:
    rows = []
    for row in metrics["retrieval"]:
        if row["distance"] == "euclidean":
            key = (row["split"], row["direction"], row["layer"], "cosine")
            cosine = summary.retrieval_row(metrics, *key)["measures"]["top_1"]["micro"]
            measures, hit = row["measures"], row["targets_hit"]
            rows.append(
                [
                    f"{row['split']}, {row['layer']}, {row['direction'].replace('_to_', ' → ')}",
                    _share(measures["top_1"]["micro"]),
                    percent(measures["top_1"]["macro"]["value"]),
                    percent(cosine["value"]),
                    percent(measures["top_5"]["micro"]["value"]),
                    decimal(measures["mrr"]["micro"]["value"]),
                    f"{percent(hit['share'])} of {percent(hit['share_if_even'])}",
                    percent(row["chance"]["top_1"]["micro"]),
                    percent(row["paper_top_1"]),
                ]
            )
    header = ["", "nearest has the class", "macro", "cosine", "in 5", "MRR", "targets hit"]
    text = "Targets hit: share of all targets that are ever the nearest, of what even draws hit."
    return "\n".join(["## Retrieval", "", text, "", *_table([*header, "chance", "paper"], rows)])


def _match_table(metrics: Metrics) -> str:
    match = metrics["label_match"]
    ks = list(match["random"])
    rows = [
        [row["title"], *(_share(row["match"][k]["micro"]) for k in ks)] for row in match["rows"]
    ]
    rows.append(["two random sets of labels", *(percent(match["random"][k]) for k in ks)])
    rows.append(["the paper, on its own data", *(percent(match["paper"][k]) for k in ks)])
    text = (
        "Whether the judge's first k labels of picture and photo meet. One picture a class can be "
        "high here, as the fixed photo shows, so this counts only beside the next table. The class "
        "heard is the one that a linear probe on the sound features names."
    )
    return "\n".join(
        ["## Label match", "", text, "", *_table(["", *(f"top {k}" for k in ks)], rows)]
    )


def _picture_table(metrics: Metrics) -> str:
    seen = {row["name"]: row for row in (metrics["class_seen"] or {"rows": []})["rows"]}
    diverse = {row["name"]: row["ratio"] for row in metrics["diversity"]["rows"]}
    rows = []
    for row in metrics["fidelity"]["rows"]:
        accuracy = seen[row["name"]]["accuracy"] if row["name"] in seen else {}
        kid = row["kid"] or _NOTHING
        shares = [row[name]["micro"] if row[name] else _NOTHING for name in ("precision", "recall")]
        rows.append(
            [
                row["title"],
                *(_share(accuracy.get(mean, _NOTHING)) for mean in ("micro", "macro")),
                _ratio(diverse.get(row["name"]) or _NOTHING),
                _ratio(kid, 4),
                decimal(row["fid"], 0),
                *(percent(share["value"]) for share in shares),
            ]
        )
    header = ["", "class seen", "macro", "diversity", "KID", "FID", "precision", "recall"]
    lines = [
        "## Class, diversity and fidelity",
        "",
        "Class seen: a linear probe on the judge's features, fitted on training photos, names the "
        "class. Diversity: mean distance of two pictures of a class, over that of real photos. KID "
        "and FID: distance to the photos of the eval split; FID depends on the number of pictures, "
        "so compare it with the last row, of as many real photos.",
        "",
        *_table(header, rows),
    ]
    if metrics["class_heard"] is not None:
        heard = metrics["class_heard"]["accuracy"]
        lines += [
            "",
            f"A linear probe on the sound's own features names {_share(heard['micro'])} of the "
            f"classes, macro {_share(heard['macro'])}: no generator can show more.",
        ]
    samples = metrics["diversity"]["samples"]
    if samples is not None:
        lines += [
            "",
            f"Distance between samples of one sound, over that between real photos of a class: "
            f"{_ratio(samples['ratio'])}.",
        ]
    return "\n".join([*lines, *_memorising_lines(metrics), *_following_lines(metrics)])


def _memorising_lines(metrics: Metrics) -> Iterator[str]:
    found = metrics["memorising"]
    if found is not None:
        yield ""
        for key, digits in (("features", 2), ("pixels", 3)):
            yield (
                f"Median distance to the nearest of {found['num_training_photos']} training photos "
                f"in {key}: {_ratio(found[key]['generated'], digits)}, of photos never seen "
                f"{_ratio(found[key]['held_out'], digits)}, ratio {_ratio(found[key]['ratio'])}."
            )


def _following_lines(metrics: Metrics) -> Iterator[str]:
    found = metrics["following"]
    if found is not None:
        yield ""
        yield (
            "Rank correlation between a cause of the sound and its measure in the picture, within "
            f"a class: {_ratio(found['pooled']['generated'])}; in the real picture "
            f"{_ratio(found['pooled']['real'])}."
        )


def _reverse(metrics: Metrics) -> str:
    found = metrics["reverse"]
    if found is None:
        return ""
    rows = [
        [
            row["title"],
            *(_share((row["accuracy"] or {}).get(mean, _NOTHING)) for mean in ("micro", "macro")),
            "–" if row["num_hit"] is None else f"{row['num_hit']} of {found['num_sounds']}",
        ]
        for row in found["class_found"]
    ]
    rows.append(["chance", *(percent(found["chance"][mean]) for mean in ("micro", "macro")), ""])
    lines = [
        "## From photo to sound",
        "",
        f"For the sound features made of each of {found['num_photos']} photos stands the nearest "
        "training sound. Sounds hit: how many different ones are ever the nearest.",
        "",
        *_table(["", "has the photo's class", "macro", "sounds hit"], rows),
    ]
    match = found["label_match"]
    if match is not None:
        ks = list(match["random"])
        rows = [
            [row["title"], *(_share((row["match"][k] or {}).get("micro", _NOTHING)) for k in ks)]
            for row in match["rows"]
        ]
        rows.append(["two random sets of labels", *(percent(match["random"][k]) for k in ks)])
        lines += [
            "",
            f"Whether the first k labels that {match['judge']}, a judge of sounds, gives to the "
            "sound found and to the real sound of the pair meet.",
            "",
            *_table(["", *(f"top {k}" for k in ks)], rows),
        ]
    for part, why in found["missing"].items():
        lines += ["", f"Not measured, {part.replace('_', ' ')}: {why}."]
    return "\n".join(lines)


def _classes(metrics: Metrics) -> str:
    match = summary.row_named(metrics["label_match"]["rows"], "generated")["match"]["10"]
    columns = {"label match, top 10": match["per_class"]}
    if metrics["class_seen"] is not None:
        row = summary.row_named(metrics["class_seen"]["rows"], "generated")
        columns = {"class seen": row["accuracy"]["per_class"], **columns}
        columns["class heard"] = metrics["class_heard"]["accuracy"]["per_class"]
    for direction in tables.DIRECTIONS:
        row = summary.retrieval_row(metrics, "eval", direction, "after")
        columns[direction.replace("_to_", " → ")] = row["measures"]["top_1"]["per_class"]
    sizes = metrics["data"]["splits"]["eval"]["classes"]
    names = [name for name, counts in sizes.items() if counts["num_sounds"]]

    def badness(name: str) -> list[float]:
        values = [column.get(name, _NOTHING)["value"] for column in columns.values()]
        return [float("inf") if value is None else value for value in values]

    rows = [
        [
            f"{name} ({sizes[name]['num_sounds']} sounds, {sizes[name]['num_images']} photos)",
            *(percent(column.get(name, _NOTHING)["value"]) for column in columns.values()),
        ]
        for name in sorted(names, key=badness)
    ]
    return "\n".join(["## By class, the worst first", "", *_table(["", *columns], rows)])


def _sources(metrics: Metrics) -> str:
    rows = (metrics["class_heard"] or {"by_source": []})["by_source"]
    if not rows:
        return ""
    lines = [
        [
            f"{row['source']} ({row['num_sounds']} sounds)",
            _share(row["accuracy"]),
            f"{_share(row['left_out'])} of {row['num_left_out']}",
        ]
        for row in rows
    ]
    text = (
        "Classes and the collections that their sounds are from are partly confounded. The last "
        "column: a probe that heard nothing of that collection, on the sounds whose class it knows "
        "from another one."
    )
    header = ["collection", "class heard", "collection left out"]
    return "\n".join(["## By collection", "", text, "", *_table(header, lines)])


def _further(pictures: Sequence[str]) -> str:
    lines = ["## Figures"]
    own = [f"{quality}.png" for quality in figures.QUALITIES]
    for link in pictures:
        name = pathlib.Path(link).name
        if name not in own:
            title = figures.TITLES.get(name, name.removesuffix(".png").replace("_", " "))
            lines += ["", f"**{title}**", "", f"![{title}]({link})"]
    return "\n".join(lines) if len(lines) > 1 else ""


def _tail(metrics: Metrics, paper_recipe: Metrics | None) -> str:
    missing = [f"- not measured, {part}: {why}" for part, why in metrics["missing"].items()]
    commands = [metrics["command"] or "s2i evaluate"]
    flag, of_paper = "", []
    if paper_recipe:
        commands.append(paper_recipe["command"].replace("--out=OUT", "--out=OUT2"))
        flag = " --paper_recipe=OUT2"
        of_paper = [
            f"- The paper's recipe as it was trained here. {deviation}"
            for deviation in paper_recipe["deviations"]
            if deviation.startswith("Training")
        ]
    return "\n".join(
        [
            "## Where this differs from the paper",
            "",
            *(f"- {deviation}" for deviation in metrics["deviations"]),
            *of_paper,
            "",
            "## How to repeat this",
            "",
            "```",
            *commands,
            f"python -m benchmarks.results --evaluation=OUT{flag} --out=docs/results.md",
            "```",
            *([""] if missing else []),
            *missing,
        ]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"|{'---|' * len(header)}"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |"


def _cell(text: str) -> str:
    """Without what would end a cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def _share(estimate: Estimate) -> str:
    bounds = interval(estimate)
    return percent(estimate["value"]) + (f" ({bounds})" if bounds else "")


def _ratio(estimate: Estimate, digits: int = 2) -> str:
    bounds = decimal_interval(estimate, digits)
    return decimal(estimate["value"], digits) + (f" ({bounds})" if bounds else "")


def load(folder: str) -> dict[str, Any]:
    """The metrics of an evaluation.

    Raises:
      UserError: if the folder holds none, or those of another version.
    """
    path = pathlib.Path(folder) / evaluate.METRICS_FILE
    try:
        metrics = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}; `s2i evaluate` writes it") from None
    if metrics.get("version") != evaluate.METRICS_VERSION:
        raise UserError(
            f"{path}: version {metrics.get('version')!r}; allowed: {evaluate.METRICS_VERSION}"
        )
    return metrics


def write(evaluation: str, out: str, paper_recipe: str = "") -> pathlib.Path:
    """Writes the page and copies the figures into a folder beside it.

    Args:
      evaluation: folder of an evaluation.
      out: the page, a Markdown file.
      paper_recipe: folder of the evaluation of the paper's recipe, if there is one.

    Raises:
      UserError: as `load`, or if the two are of other data or another judge.
    """
    metrics = load(evaluation)
    other = load(paper_recipe) if paper_recipe else None
    if other is not None:
        for part, key in (("data", "splits"), ("judge", "digest")):
            if metrics[part][key] != other[part][key]:
                raise UserError(f"{paper_recipe}: another {part} than that of {evaluation}")
    page = pathlib.Path(out)
    names = [name for name in evaluate.FIGURE_FILES if (pathlib.Path(evaluation) / name).is_file()]
    with files.new_folder(page.with_suffix("")) as folder:
        for name in names:
            shutil.copyfile(pathlib.Path(evaluation) / name, folder / name)
    links = [f"{page.stem}/{name}" for name in names]
    return files.write(page, render(metrics, other, links))


def main() -> None:
    """Reads the flags and writes the page. Always ends in `SystemExit`."""
    flags.DEFINE_string("evaluation", None, "Folder that `s2i evaluate` wrote.")
    flags.DEFINE_string("paper_recipe", "", "The same of the paper's recipe, to stand beside.")
    flags.DEFINE_string("out", "docs/results.md", "The page.")
    values = flags.FLAGS
    try:
        values(sys.argv)
        if not values.evaluation:
            raise UserError("--evaluation=FOLDER is missing")
        path = write(values.evaluation, values.out, values.paper_recipe)
    except (UserError, flags.Error) as error:
        print(f"benchmarks.results: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(EXIT_MISTAKE)
    print(f"results: {path}")
    sys.exit(0)


if __name__ == "__main__":
    main()
