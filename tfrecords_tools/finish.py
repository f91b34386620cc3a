"""The end of a preparation: the quarantine, `dataset_info.json` and the last line."""

import dataclasses
import os
from collections import Counter
from collections.abc import Mapping, Sequence

from s2i_tf import spec
from s2i_tf.data import dataset_info
from s2i_tf.data.dataset_info import DatasetInfo, Shard
from s2i_tf.features.base import Net
from tfrecords_tools.engine import rows, storage
from tfrecords_tools.engine.row_tables import Table
from tfrecords_tools.engine.rows import Quarantined
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages.sources import BESIDE, Listing
from tfrecords_tools.stages.write import Write

QUARANTINE = "quarantine.jsonl"
# How a run was carried out, which changes no record.
_CIRCUMSTANCES = (
    "data",
    "out",
    "trained_on",
    "runner",
    "pipeline_options",
    "num_workers",
    "max_quarantined",
)


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run has written.

    Attributes:
      out: the data set's folder.
      num_pairs: number of pairs of each split.
      num_classes: number of classes of the data set.
      num_shards: number of shards of all splits together.
      reasons: number of files that were left out, by reason.
    """

    out: str
    num_pairs: Mapping[str, int]
    num_classes: int
    num_shards: int
    reasons: Mapping[str, int]

    @property
    def num_quarantined(self) -> int:
        """Files that could not be used; what lies beside the classes was not meant to be."""
        return sum(num for reason, num in self.reasons.items() if reason != BESIDE)

    def last_line(self) -> str:
        """What the command line ends with."""
        pairs = " and ".join(f"{num:,} {split}" for split, num in self.num_pairs.items())
        text = (
            f"prepared {self.out}: {pairs} pairs in {self.num_classes} classes, "
            f"{self.num_shards} shards"
        )
        return text + left_out(self.out, self.reasons)


def left_out(out: str, reasons: Mapping[str, int]) -> str:
    """The end of a line that says how many files could not be used, why, and where they stand."""
    if not reasons:
        return ""
    return (
        f"; {sum(reasons.values()):,} files could not be used ({rows.counted(reasons)}), "
        f"see {storage.join(out, QUARANTINE)}"
    )


def quarantine(
    out: str, listing: Listing, read: Sequence[Table], unpaired: Sequence[Quarantined]
) -> Mapping[str, int]:
    """Writes down what could not be used.

    Args:
      out: the data set's folder.
      listing: what the data were found to hold.
      read: the tables of the stages that open media.
      unpaired: the sounds and pictures that can be read and that no pair could take.

    Returns:
      How many files were left out, by reason.
    """
    found = [row for table in read for part in table.manifests() for row in part.quarantined]
    # Each reason of a file once.
    by_reason = {(row.path, row.reason): row for row in (*found, *listing.missing, *unpaired)}
    unusable = [by_reason[key] for key in sorted(by_reason)]
    storage.write(storage.join(out, QUARANTINE), rows.to_lines(unusable))
    return Counter({row.path: row.reason for row in unusable}.values())


def finish(
    settings: Settings,
    listing: Listing,
    stage: Write,
    shards: Table,
    nets: Mapping[str, Net],
    reasons: Mapping[str, int],
) -> Summary:
    """Writes, last of all, the data set's description.

    Args:
      settings: settings of the run.
      listing: what the data were found to hold.
      stage: stage that wrote the shards.
      shards: table of what it wrote.
      nets: the extractors by modality.
      reasons: number of files that were left out, by reason.
    """
    info = DatasetInfo(
        name=settings.dataset_name,
        class_names=stage.class_names,
        feature_dtype=settings.feature_dtype,
        image_side=settings.image_side,
        fingerprints=dict(stage.fingerprints),
        extractors={modality: net.name for modality, net in nets.items()},
        nets={modality: dataclasses.asdict(net.fingerprint) for modality, net in nets.items()},
        splits={
            split: tuple(_shards(shards, f"{settings.dataset_name}-{split}."))
            for split in spec.SPLITS
        },
        source=os.path.abspath(listing.root) if storage.is_local(listing.root) else listing.root,
        settings={
            name: value
            for name, value in dataclasses.asdict(settings).items()
            if name not in _CIRCUMSTANCES
        },
    )
    description = storage.join(settings.out, dataset_info.FILE_NAME)
    storage.write_json(description, dataclasses.asdict(info))
    return Summary(
        out=settings.out,
        num_pairs={split: info.num_records(split) for split in spec.SPLITS},
        num_classes=info.num_classes,
        num_shards=len(shards.part_names),
        reasons=reasons,
    )


def _shards(table: Table, prefix: str) -> list[Shard]:
    return [
        Shard(name, part.num_rows, part.files[name].num_bytes, part.files[name].sha256)
        for name, part in zip(table.part_names, table.manifests(), strict=True)
        if name.startswith(prefix)
    ]
