"""Stage 2, label: what a classifier of either modality calls each item (paper section 3).

Rows in: `Item`; rows out: `Labels`, the ten best with their logits, so that the filter's k can
change without another run of the nets.
"""

from typing import Any

import numpy as np

from tfrecords_tools.engine import nets, parts, rows
from tfrecords_tools.engine.rows import Item, Labels

DEPTH = 10


class Label(nets.NetStage):
    """The stage; its nets are classifiers."""

    name = "label"
    seconds_per_row = 0.06

    def config(self) -> dict[str, Any]:
        """The nets' fingerprints and the number of labels kept."""
        return {"depth": DEPTH, **super().config()}

    def run(self, items: list[Item], output: parts.Output) -> list[str]:
        """Labels the items of one part."""
        found = self.outputs(items, output)
        labels = [best_labels(item, scores, net.labels) for net, item, scores in found]
        output.write(".jsonl", rows.to_lines(labels))
        return [row.key for row in labels]


def best_labels(item: Item, scores: np.ndarray, names: tuple[str, ...]) -> Labels:
    """The best labels by their raw scores, float32 [len(names)]; ties go to the first."""
    order = np.argsort(-scores, kind="stable")[:DEPTH]
    return Labels(
        item_id=item.id,
        modality=item.modality,
        names=tuple(names[index] for index in order),
        scores=tuple(round(float(scores[index]), 4) for index in order),
    )
