"""How many pictures are good, middling and bad, so that a page can show some of each.

Good: the labels of picture and photo meet within the first ten, and the probe sees the class;
middling: one of the two; bad: neither. Pictures of a class that the probe does not know are none.
"""

import numpy as np

from s2i_tf.evaluation.inputs import Predictions
from s2i_tf.evaluation.metrics import class_seen, label_match
from s2i_tf.evaluation.metrics.metric import Metric, Metrics, NotMeasured, Part, not_learnt
from s2i_tf.evaluation.metrics.tabular import Cell, Row, Table, percent

TITLES = {
    "good": "Good: the labels meet within the first ten, and the class is seen",
    "middling": "Middling: one of the two",
    "bad": "Bad: neither",
}


class Qualities(Metric):
    """The number of pictures of each quality."""

    heading = "Good, middling and bad"
    short = "Qualities"

    def measure(self, predictions: Predictions) -> Part:
        found = {name: int(chosen.sum()) for name, chosen in qualities(predictions).items()}
        if not any(found.values()):
            raise NotMeasured(not_learnt(predictions, class_seen.NOT_LEARNT))
        return found

    def tables(self, part: Part, metrics: Metrics) -> list[Table]:
        total = sum(part.values())
        rows = [
            Row(title, [Cell(str(part[name])), Cell(percent(part[name] / total))])
            for name, title in TITLES.items()
        ]
        return [Table("Qualities", ["pictures", "share"], rows)]


def first_matches(predictions: Predictions) -> np.ndarray:
    """The smallest k at which the labels of picture and photo meet, int [sounds]; 0 for none."""
    photos = predictions.judged.labels[predictions.photo_of_sound]
    found = np.zeros(len(photos), np.int64)
    meets = label_match.meets(photos, predictions.generated.labels)
    for k, meet in reversed(meets.items()):
        found[meet] = k
    return found


def qualities(predictions: Predictions) -> dict[str, np.ndarray]:
    """Which pictures are good, middling and bad, bool [sounds] each.

    Raises:
      NotMeasured: if there is no probe for the class.
    """
    if predictions.training is None:
        raise NotMeasured(predictions.no_training)
    probe, features = predictions.training.class_seen, predictions.generated.features
    seen = probe.right(features, predictions.sounds.labels)
    num_right = (first_matches(predictions) > 0).astype(int) + seen
    return {name: num_right == 2 - place for place, name in enumerate(TITLES)}
