"""Does the nearest sound of a photo have the photo's class (paper section 5.3)?

Multimodal vectors of one modality are queries, those of the other are targets, and each query ranks
all targets by distance, see `neighbors.rank`. A sound or photo that forms several pairs counts
once, whether it seeks or is found.
"""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from s2i_tf import spec
from s2i_tf.evaluation import neighbors, stats
from s2i_tf.evaluation.inputs import Predictions, Training
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Headline, Row, Table, percent, plain, share
from s2i_tf.evaluation.report import charts

LAYERS = ("before", "after")
DIRECTIONS = {
    "image_to_sound": "photo → nearest sound",
    "sound_to_image": "sound → nearest photo",
}

# Section 5.3, image → sound by Euclidean distance, keyed by split and layer.
PAPER_TOP_1 = {
    ("train", "before"): 0.282,
    ("eval", "before"): 0.163,
    ("train", "after"): 0.471,
    ("eval", "after"): 0.253,
}


class Retrieval(Metric):
    """Each photo looks for its nearest sound by multimodal vectors, and each sound for its photo.

    By Euclidean distance, among all those of the same split (section 5.3 of the paper). A photo
    or a sound that forms several pairs counts once, whether it seeks or is found. The intervals are
    for these very items to be found among: others would move the figures more.
    """

    heading = "Does the nearest sound have the photo's class?"
    short = "Retrieval"
    chart_files = ("retrieval.png",)

    def measure(self, predictions: Predictions) -> Part:
        if predictions.sound_vectors is None:
            raise NotMeasured("there are no multimodal vectors")
        sides = {spec.TRAIN_SPLIT: predictions.training, spec.EVAL_SPLIT: predictions}
        return [
            row
            for split, side in sides.items()
            if side is not None
            for direction in DIRECTIONS
            for row in _rows(predictions, split, side, direction)
        ]

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        titles = {spec.EVAL_SPLIT: "Eval split", spec.TRAIN_SPLIT: "Training split"}
        rows = {
            title: [
                _table_row(part, split, direction, layer)
                for direction in DIRECTIONS
                for layer in reversed(LAYERS)
            ]
            for split, title in titles.items()
            if row_of(part, split) is not None
        }
        header = ("right class nearest", "macro", "cosine", "in 5", "MRR", "targets hit")
        return [
            Table(
                "Retrieval",
                (*header, "chance", "paper"),
                rows,
                legend="chance: the class's share of the targets",
                after="Macro: every class counts the same. Cosine: the first figure by cosine "
                "distance. In 5: the class is among the five nearest. MRR: mean of one over the "
                "rank of the first of the class. Targets hit: share of all targets that are the "
                "nearest of anything; in brackets, what even draws would hit; far fewer mean that "
                "a few hubs answer for all.",
                brief=("right class nearest", "macro", "chance", "paper"),
            )
        ]

    def charts(self, part: Part, metrics: Metrics) -> list[Figure]:
        return [charts.dots(self.tables(part, metrics)[0], ["right class nearest"])]

    def headlines(self, part: Part, metrics: Metrics) -> list[Headline]:
        found = []
        for direction, title, what in (
            ("image_to_sound", "A photo finds a sound of its class", "photos"),
            ("sound_to_image", "A sound finds a photo of its class", "sounds"),
        ):
            row = row_of(part, spec.EVAL_SPLIT, direction)
            estimate, chance = row["measures"]["top_1"]["micro"], row["chance"]["top_1"]["micro"]
            sentence = (
                f"Of {row['num_queries']} {what} of the eval split, {percent(estimate['value'])} "
                f"have one of their own class as the nearest: "
                f"{tabular.verdict(estimate, chance, 'chance')}."
            )
            found.append(Headline(title, estimate, chance, row["paper_top_1"], sentence))
        return found

    def rates(self, part: Part) -> dict[str, stats.Rate]:
        return {
            title: row_of(part, spec.EVAL_SPLIT, direction)["measures"]["top_1"]
            for direction, title in DIRECTIONS.items()
        }


def row_of(
    part: list[dict[str, Any]],
    split: str,
    direction: str = "image_to_sound",
    layer: str = "after",
    distance: str = "euclidean",
) -> dict[str, Any] | None:
    """One row of the part, or None where the split has none."""
    wanted = (split, direction, layer, distance)
    keys = ("split", "direction", "layer", "distance")
    return next((row for row in part if tuple(row[key] for key in keys) == wanted), None)


def chance(query_labels: np.ndarray, target_labels: np.ndarray) -> dict[str, np.ndarray]:
    """The measures of a ranking that knows nothing: every target equally near.

    Args:
      query_labels: int [queries], the classes of the queries.
      target_labels: int [targets], the classes of the targets.

    Returns:
      Float [queries] by measure.
    """
    by_label = {}
    for label in np.unique(query_labels):
        num_own = int(np.sum(target_labels == label))
        by_label[label] = neighbors.credit(0, num_own, len(target_labels) - num_own)
    columns = np.array([by_label[label] for label in query_labels]).T
    return dict(zip(neighbors.MEASURES, columns, strict=True))


def expected_targets_hit(num_queries: int, num_targets: int) -> float:
    """How many distinct targets are the nearest of some query, if each is drawn evenly."""
    return num_targets * (1 - (1 - 1 / num_targets) ** num_queries)


def _rows(
    predictions: Predictions, split: str, side: Predictions | Training, direction: str
) -> list[dict[str, Any]]:
    """The rows of one direction of a split: layers × distances."""
    sides = [(side.images, side.image_vectors), (side.sounds, side.sound_vectors)]
    if direction == "sound_to_image":
        sides.reverse()
    (queries, query_vectors), (targets, target_vectors) = sides
    rankings = {}
    for layer in LAYERS:
        vectors = getattr(query_vectors, layer), getattr(target_vectors, layer)
        ranked = neighbors.rank(vectors[0], queries.labels, vectors[1], targets.labels)
        rankings |= {(layer, distance): ranking for distance, ranking in ranked.items()}
    # One call for all of them: the draws are the same, and drawing is what takes the time.
    rates = predictions.rates(
        {
            (*key, name): values
            for key, ranking in rankings.items()
            for name, values in ranking.measures.items()
        },
        queries,
    )
    by_chance = {
        name: stats.micro_and_macro(values, queries.labels)
        for name, values in chance(queries.labels, targets.labels).items()
    }
    rows = []
    for (layer, distance), ranking in rankings.items():
        num_hit = len(np.unique(ranking.nearest))
        expected = expected_targets_hit(len(queries), len(targets))
        from_paper = direction == "image_to_sound" and distance == "euclidean"
        rows.append(
            {
                "split": split,
                "direction": direction,
                "layer": layer,
                "distance": distance,
                "num_queries": len(queries),
                "num_targets": len(targets),
                "num_groups": len(np.unique(queries.groups)),
                "measures": {name: rates[layer, distance, name] for name in neighbors.MEASURES},
                "chance": by_chance,
                "targets_hit": {
                    "num": num_hit,
                    "share": num_hit / len(targets),
                    "share_if_even": expected / len(targets),
                },
                "paper_top_1": PAPER_TOP_1[split, layer] if from_paper else None,
            }
        )
    return rows


def _table_row(part: list[dict[str, Any]], split: str, direction: str, layer: str) -> Row:
    row = row_of(part, split, direction, layer)
    cosine = row_of(part, split, direction, layer, "cosine")
    measures, hit = row["measures"], row["targets_hit"]
    by_chance = row["chance"]["top_1"]["micro"]
    return Row(
        DIRECTIONS[direction],
        [
            share(measures["top_1"]["micro"], by_chance, row["paper_top_1"]),
            share(measures["top_1"]["macro"]),
            share(cosine["measures"]["top_1"]["micro"]),
            share(measures["top_5"]["micro"]),
            tabular.Cell(tabular.decimal(measures["mrr"]["micro"]["value"])),
            plain(hit["share"], f"({percent(hit['share_if_even'])})"),
            plain(by_chance),
            plain(row["paper_top_1"]),
        ],
        detail=f"{layer} the activation, n = {row['num_queries']}",
        kind="main" if (split, layer) == ("eval", "after") else "",
        brief=f"{split:<5} {layer:<6} {direction.replace('_to_', ' → ')}",
    )
