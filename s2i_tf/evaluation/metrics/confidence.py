"""Can the probabilities be believed, and does the model tell sounds that are like nothing it knows?

`s2i generate` says both of every sound, so that both are measured: on new recordings of the
sources that it was fitted on, and on sources that it was fitted without, where it is surer than it
should be.
"""

import numpy as np

from s2i_tf import spec
from s2i_tf.evaluation import stats
from s2i_tf.evaluation.inputs import Heard, Predictions
from s2i_tf.evaluation.metrics import tabular
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part
from s2i_tf.evaluation.metrics.tabular import Cell, Row, Table, decimal, number, share
from s2i_tf.training import fit_hearing

_COLUMNS = ("right", "as it says", "calibration error", "if calibrated", "known")
_NUM_DRAWS = 400


class Confidence(Metric):
    """How often the likeliest class is right, and with what probability it is given on average.

    The expected calibration error (Guo et al. 2017) is by how much the two differ, in the mean over
    15 bins of the probability. Of few sounds it is not 0 even where the probabilities are right:
    beside it is what it then is on average. The area under the curve is the
    chance that a sound of a class has a higher known score than one of none; 0.5 is no better than
    guessing. Where the score is cut for "like nothing I know" was set on training sounds and, if
    the training was given any, on sounds of no class, which may be these same.
    """

    heading = "Does it know what it knows?"
    short = "Confidence"

    def measure(self, predictions: Predictions) -> Part:
        heard, found = predictions.heard, predictions.left_out
        if heard is None:
            raise NotMeasured("the model was given nothing to hear with")
        # What is of a class that the model does not have is neither right nor of no class.
        kept = np.flatnonzero(np.isin(predictions.sounds.labels, predictions.own_labels))
        if not len(kept):
            raise NotMeasured("the model has none of the data's classes")
        heard, seed = heard.of(kept), predictions.seed
        labels, groups = predictions.sounds.labels[kept], predictions.sounds.groups[kept]
        rows = [_row("ordinary", "recordings held out", heard, labels, groups, seed)]
        if found is not None:
            unseen, title = found.sounds, "sources never heard"
            rows.append(_row("left_out", title, found.heard, unseen.labels, unseen.sources, seed))
        scores = predictions.unknown_scores
        return {
            "num_bins": fit_hearing.NUM_BINS,
            "threshold": spec.KNOWN_SCORE,
            "rows": rows,
            "unknown": None if scores is None else _unknown(heard, scores, groups, seed),
        }

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        def cells(row: Part) -> list[Cell]:
            shares = [share(row[name]) for name in ("accuracy", "certainty", "known")]
            error = number(row["calibration_error"], 3)
            return [*shares[:2], error, Cell(decimal(row["calibrated_error"], 3)), *shares[2:]]

        rows = tabular.rows(part["rows"], cells, "n = {num_sounds}")
        tables = [Table("Confidence", _COLUMNS, rows)]
        if unknown := part["unknown"]:
            told = [number(unknown["area"]), share(unknown["refused"])]
            row = Row("Sounds of no class", told, f"n = {unknown['num_sounds']}")
            header = ["area under the curve", "“like nothing I know”"]
            tables.append(Table("Unknown sounds", header, [row]))
        return tables


def _row(
    name: str, title: str, heard: Heard, labels: np.ndarray, groups: np.ndarray, seed: int
) -> dict[str, stats.Estimate | str | int | None]:
    """What is heard of some sounds, with intervals by drawing groups anew."""
    right = heard.labels == labels
    measures = {"accuracy": right, "certainty": heard.certainty}
    if heard.known_score is not None:
        measures["known"] = heard.known_score >= spec.KNOWN_SCORE
    rates = stats.rates(measures, labels, groups, seed=seed)
    error = stats.statistic(
        lambda weights: fit_hearing.calibration_errors(heard.certainty, right, weights),
        [groups],
        seed=seed,
    )
    return {
        "name": name,
        "title": title,
        "num_sounds": len(labels),
        "known": None,
        **{measure: rate["micro"] for measure, rate in rates.items()},
        "calibration_error": stats.as_share(error),
        "calibrated_error": _calibrated_error(heard.certainty, seed),
    }


def _calibrated_error(confidence: np.ndarray, seed: int) -> float:
    """The calibration error on average if answers of this confidence are right as often as it says.

    Args:
      confidence: probability of each answer, [answers].
      seed: random seed of what is right.
    """
    draws = np.random.default_rng(seed).random((_NUM_DRAWS, len(confidence))) < confidence
    once = np.ones((1, len(confidence)))
    errors = [fit_hearing.calibration_errors(confidence, right, once) for right in draws]
    return float(np.mean(errors))


def _unknown(
    heard: Heard, scores: np.ndarray, groups: np.ndarray, seed: int
) -> dict[str, stats.Estimate | int]:
    """How far sounds of no class are told from those of a class."""
    names = np.array([f"unknown {number}" for number in range(len(scores))])
    one_class = np.zeros(len(scores), int)
    refused = stats.rates({"": scores < spec.KNOWN_SCORE}, one_class, names, seed=seed)
    area = stats.statistic(
        lambda *weights: fit_hearing.areas_under_curve(heard.known_score, scores, *weights),
        [groups, names],
        seed=seed,
    )
    return {
        "num_sounds": len(scores),
        "area": stats.as_share(area),
        "refused": refused[""]["micro"],
    }
