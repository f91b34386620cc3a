"""`python -m benchmarks.results`: the results page, written from the figures of an evaluation.

    python -m benchmarks.results --evaluation=OUT --out=docs/results.md

OUT is what `s2i evaluate` wrote. With `--paper_recipe=OUT2`, the evaluation of the paper's own
recipe on the same data, its figures stand beside. Pictures go to a folder beside the page that is
named after it. No figure is typed in: what the page says follows from `metrics.json` alone, but for
the paper's figures and the goals, which stand here.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import pages
from s2i_tf import files
from s2i_tf.errors import UserError, told_by
from s2i_tf.evaluation import evaluate, provenance
from s2i_tf.evaluation.metrics import METRICS, qualities, retrieval
from s2i_tf.evaluation.metrics.label_match import PAPER_MATCH
from s2i_tf.evaluation.metrics.metric import Metrics
from s2i_tf.evaluation.metrics.retrieval import PAPER_TOP_1
from s2i_tf.evaluation.metrics.tabular import (
    Cell,
    Table,
    decimal,
    number,
    percent,
    row_named,
    share,
)
from s2i_tf.evaluation.report import breakdown, figures
from s2i_tf.evaluation.stats import NOTHING, Estimate

_LABEL_MATCH_GOALS = {1: 0.22, 3: 0.48, 5: 0.60, 10: 0.76}


@dataclasses.dataclass(frozen=True)
class Goal:
    """A figure that was aimed at.

    Attributes:
      title: what it is.
      read: from the metrics to the estimate.
      goal: to be reached.
      paper: the paper's figure, on its own data.
      is_share: shown in per cent, else as a number.
      at_most: whether less is better.
      digits: shown of a number that is no share.
    """

    title: str
    read: Callable[[Metrics], Estimate]
    goal: float
    paper: float | None = None
    is_share: bool = True
    at_most: bool = False
    digits: int = 2

    def shown(self, value: float) -> str:
        """A figure as text."""
        return percent(value) if self.is_share else decimal(value, self.digits)

    def with_interval(self, estimate: Estimate) -> str:
        """An estimate as text."""
        return _text(share(estimate) if self.is_share else number(estimate, self.digits))


def _retrieval(direction: str, layer: str, mean: str) -> Callable[[Metrics], Estimate]:
    return lambda metrics: retrieval.row_of(metrics["retrieval"], "eval", direction, layer)[
        "measures"
    ]["top_1"][mean]


def _unseen(name: str, mean: str, side: str = "left_out") -> Callable[[Metrics], Estimate]:
    """Reads a figure of sounds of unseen sources, or beside it of the ordinary split."""

    def read(metrics: Metrics) -> Estimate:
        found = metrics["unseen_sources"]
        return NOTHING if found is None else row_named(found["rows"], name)[side][mean]

    return read


def _generated(part: str, *path: str) -> Callable[[Metrics], Estimate]:
    """Reads a figure of the row of generated pictures; nothing where it was not measured."""

    def read(metrics: Metrics) -> Estimate:
        if metrics[part] is None:
            return NOTHING
        found = row_named(metrics[part]["rows"], "generated")
        for key in path:
            found = found[key]
        return found

    return read


def _confidence(metrics: Metrics, name: str) -> Estimate:
    found = metrics["confidence"]
    if found is None:
        return NOTHING
    if name == "area":
        return found["unknown"]["area"] if found["unknown"] else NOTHING
    return row_named(found["rows"], "ordinary")[name]


def _memorization(metrics: Metrics) -> Estimate:
    found = metrics["memorization"]
    return NOTHING if found is None else found["features"]["ratio"]


_AFTER, _BEFORE = PAPER_TOP_1["eval", "after"], PAPER_TOP_1["eval", "before"]
GOALS = (
    Goal("class heard, sources never heard, all", _unseen("class_heard", "micro"), 0.88),
    Goal("class heard, sources never heard, macro", _unseen("class_heard", "macro"), 0.88),
    Goal("class heard, eval split", _unseen("class_heard", "micro", "ordinary"), 0.94),
    Goal(
        "known or not, area under the curve",
        lambda found: _confidence(found, "area"),
        0.92,
        is_share=False,
    ),
    Goal(
        "calibration error",
        lambda found: _confidence(found, "calibration_error"),
        0.05,
        is_share=False,
        at_most=True,
        digits=3,
    ),
    Goal("photo → sound, after, all", _retrieval("image_to_sound", "after", "micro"), 0.9, _AFTER),
    Goal("photo → sound, after, macro", _retrieval("image_to_sound", "after", "macro"), 0.93),
    Goal("sound → photo, after, macro", _retrieval("sound_to_image", "after", "macro"), 0.9),
    Goal("photo → sound, before", _retrieval("image_to_sound", "before", "micro"), 0.85, _BEFORE),
    *(
        Goal(
            f"label match, top {k}",
            _generated("label_match", "match", str(k), "micro"),
            goal,
            PAPER_MATCH[k],
        )
        for k, goal in _LABEL_MATCH_GOALS.items()
    ),
    Goal("class seen in the picture, macro", _generated("class_seen", "accuracy", "macro"), 0.8),
    Goal("KID", _generated("fidelity", "kid"), 0.02, is_share=False, at_most=True, digits=4),
    Goal("diversity, generated : real", _generated("diversity", "ratio"), 0.8, is_share=False),
    Goal("distance to training photos, generated : unseen", _memorization, 0.7, is_share=False),
)


def render(metrics: Metrics, paper_recipe: Metrics | None, pictures: Sequence[str]) -> str:
    """The page.

    Args:
      metrics: what the evaluation measured.
      paper_recipe: what was measured of the paper's recipe on the same data, or None.
      pictures: the figures that there are, as links from the page.
    """
    parts = [
        _head(metrics),
        _goals(metrics, paper_recipe),
        _pictures(metrics, pictures),
        *(_section(metrics, name) for name in METRICS if name != "qualities"),
        *(
            "\n".join([f"## {table.title}, the worst first", "", _markdown(table)])
            for table in breakdown.breakdowns(metrics)
        ),
        _further(pictures),
        _tail(metrics, paper_recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(metrics: Metrics, name: str) -> str:
    """The tables of a metric, as the page of the evaluation has them."""
    if metrics[name] is None:
        return ""
    metric = METRICS[name]
    intro = metric.intro(metrics)
    lines = [f"## {metric.short}", ""]
    lines += [f"{metric.heading} {intro}".strip(), ""]
    for table in metric.tables(metrics[name], metrics):
        lines += [line for line in (table.before, "") if table.before]
        lines += [_markdown(table), ""]
        lines += [line for line in (table.after, "") if table.after]
    return "\n".join(lines).rstrip()


def _markdown(table: Table) -> str:
    rows = [
        [", ".join(filter(None, (group, row.title, row.detail))), *map(_text, row.cells)]
        for group, rows in table.groups.items()
        for row in rows
    ]
    return pages.table(["", *table.header], rows)


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
        f"{provenance.left_out(metrics)} Judge: {judge}. In brackets are 95 % intervals, by "
        "drawing whole recordings anew. The paper's figures are on other data, with another judge "
        "and 52 classes, so they tell little about which is better.",
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
        found = goal.read(metrics)
        value = found["value"]
        reached = "–"
        if value is not None:
            gap = value - goal.goal if goal.at_most else goal.goal - value
            reached = "reached"
            if gap > 0:
                text = f"{100 * gap:.1f} points" if goal.is_share else goal.shown(gap)
                reached = f"missed by {text}"
        rows.append(
            [
                goal.title,
                percent(goal.paper),
                *([goal.with_interval(goal.read(paper_recipe))] if paper_recipe else []),
                goal.with_interval(found),
                f"{'≤' if goal.at_most else '≥'} {goal.shown(goal.goal)}",
                reached,
            ]
        )
    return "\n".join(["## Goals", "", pages.table(header, rows)])


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
    for quality, title in qualities.TITLES.items():
        link = next((p for p in pictures if pathlib.Path(p).name == f"{quality}.png"), None)
        lines += ["", f"{title}: {found[quality]} of {total} ({percent(found[quality] / total)})."]
        lines += ["", f"![{title}]({link})"] if link else []
    return "\n".join(lines)


def _further(pictures: Sequence[str]) -> str:
    lines = ["## Figures"]
    own = [f"{quality}.png" for quality in qualities.TITLES]
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


def _text(cell: Cell) -> str:
    return f"{cell.text} ({cell.notes[0].strip('()')})" if cell.notes else cell.text


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
    names = [
        name for name in evaluate.figure_files() if (pathlib.Path(evaluation) / name).is_file()
    ]
    with files.new_folder(page.with_suffix("")) as folder:
        for name in names:
            shutil.copyfile(pathlib.Path(evaluation) / name, folder / name)
    links = [f"{page.stem}/{name}" for name in names]
    return files.write(page, render(metrics, other, links))


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--evaluation", required=True, help="folder that `s2i evaluate` wrote")
    parser.add_argument("--paper_recipe", default="", help="the same of the paper's recipe")
    parser.add_argument("--out", default="docs/results.md", help="the page")
    given = parser.parse_args()
    with told_by("benchmarks.results"):
        print(f"results: {write(given.evaluation, given.out, given.paper_recipe)}")


if __name__ == "__main__":
    main()
