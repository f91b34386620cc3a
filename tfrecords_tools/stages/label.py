"""Stage 2, label: what a classifier of either modality calls each item (paper section 3).

Rows in: `Item`; rows out: `Labels`, the ten best with their logits, so that the filter's k can
change without another run of the nets.
"""

import dataclasses
from typing import Any

import numpy as np

from tfrecords_tools.engine import nets, parts, rows
from tfrecords_tools.engine.nets import NetName
from tfrecords_tools.engine.rows import Item, Labels

DEPTH = 10


@dataclasses.dataclass(frozen=True)
class Label(parts.Stage):
    """The stage.

    Attributes:
      root: folder that the paths are relative to.
      classifiers: the net for each modality.
    """

    root: str
    classifiers: tuple[tuple[str, NetName], ...]

    name = "label"
    row_type = Item
    seconds_per_row = 0.06

    def config(self) -> dict[str, Any]:
        """The nets' fingerprints and the number of labels kept."""
        return {"depth": DEPTH, **{key: net.config() for key, net in self.classifiers}}

    def run(self, items: list[Item], output: parts.Output) -> list[str]:
        """Labels the items of one part."""
        found = nets.outputs(self.classifiers, items, self.root, self.name, output.quarantine)
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
