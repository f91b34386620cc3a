"""All stages in their order: what `s2i prepare` runs.

Everything but the shards, their manifests and the reports lies in OUT/work and may be deleted
afterwards; while it is there a rerun, also with other settings, does only what they change.

The stages that choose are cheap and come before anything expensive. If extraction then meets items
that cannot be read, they are left out and the choice is made again, so that balanced classes stay
balanced. It ends because every round has fewer items to choose from.
"""

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from s2i_tf.errors import UserError
from tfrecords_tools import (
    balance,
    extract,
    files,
    finish,
    label,
    pair,
    parts,
    probe,
    refine,
    rows,
    runner,
    sources,
    split,
    tables,
    write,
)
from tfrecords_tools.finish import Summary
from tfrecords_tools.manifest import Manifest
from tfrecords_tools.nets import NetName
from tfrecords_tools.rows import Item, Labels, Pair, Quarantined
from tfrecords_tools.settings import FOLEY, Settings
from tfrecords_tools.sources import Listing
from tfrecords_tools.tables import Table

logger = logging.getLogger(__name__)

SETTINGS_FILE = "prepare.json"
WORK = "work"
MEDIA = "media"


def prepare(settings: Settings, only: str = "") -> Summary | None:
    """Runs the stages.

    Args:
      settings: validated ones.
      only: name of a single stage to run; those before it must be done already.

    Returns:
      What was written; None if `only` named a stage before the last.

    Raises:
      UserError: if something is wrong that the user can mend.
    """
    runner.quieten()
    _claim(settings)
    with _exclusive(settings.out):
        return Job(settings, only).run()


class Job:
    """One run over all stages, or over one of them.

    Args:
      settings: what to do.
      only: as in `prepare`.
    """

    def __init__(self, settings: Settings, only: str = ""):
        self._settings = settings
        self._only = only
        self._work = files.join(settings.out, WORK)
        self._listing = list_data(settings)
        self._refines = refines(settings, self._listing)
        self._bad: set[str] = set()
        self._quarantined: list[Quarantined] = list(self._listing.missing)

    def run(self) -> Summary | None:
        """Runs the stages in their order."""
        items = self._probe()
        if self._only == probe.Probe.name:
            return None
        labels = self._label(items) if self._refines else None
        if self._only == label.Label.name:
            return None
        rounds: list[extract.Round] = []
        while True:
            pairs = self._choose(items, labels)
            if pairs is None:
                return None
            chosen = [row for row in pairs.rows(Pair) if self._can_be_read(row)]
            done = self._extract(items, chosen, rounds)
            if self._only == extract.Extract.name:
                return None
            if done or self._only:
                break
        return self._write([row for row in chosen if self._can_be_read(row)], rounds)

    def _probe(self) -> Table:
        settings = self._settings
        stage = probe.Probe(
            root=self._listing.root,
            min_seconds=settings.min_seconds,
            max_seconds=settings.max_seconds,
            windows_per_video=settings.windows_per_video,
            window_seconds=settings.window_seconds,
        )
        listed = tables.spread(
            files.join(self._work, "list"), "files", self._listing.sources, lambda row: row.path
        )
        return self._run_parts(stage, listed, files.join(self._work, stage.name))

    def _label(self, items: Table) -> Table:
        wanted = (("sound", self._settings.label_sound), ("image", self._settings.label_image))
        names = {
            modality: NetName("classifier", name, self._settings.weights) for modality, name in wanted
        }
        refine.check_labels(names["sound"].load().labels, names["image"].load().labels)
        stage = label.Label(self._listing.root, tuple(names.items()))
        labels = self._run_parts(stage, items, files.join(self._work, stage.name))
        self._bad |= items.source_ids() - labels.source_ids()
        return labels

    def _choose(self, items: Table, labels: Table | None) -> Table | None:
        """From items to the pairs that are wanted; None if `only` ends on the way."""
        table = items
        for stage in self._choosing_stages():
            table = self._run_choice(stage, table, labels)
            if self._only == stage:
                return None
        return table

    def _choosing_stages(self) -> list[str]:
        stages = [pair.NAME]
        if self._refines:
            stages.append(refine.NAME)
        stages.append(balance.NAME)
        # Sounds and photos that a draw pairs must not cross the split; pairs by nature cannot.
        return [split.NAME, *stages] if self._listing.by_class else [*stages, split.NAME]

    def _run_choice(self, stage: str, source: Table, labels: Table | None) -> Table:
        settings = self._settings
        transforms = {
            split.NAME: lambda: split.Split(settings.seed, settings.train_share),
            pair.NAME: lambda: pair.PairItems(settings.seed, self._listing.by_class),
            refine.NAME: lambda: refine.Refine(settings.rule, settings.top_k),
            balance.NAME: lambda: balance.Balance(
                settings.seed,
                settings.train_share,
                settings.num_classes,
                settings.instances_per_class,
                settings.max_pairs_per_class,
            ),
        }
        transform = transforms[stage]()
        bad = frozenset(self._bad)

        def build(pipeline: beam.Pipeline) -> beam.PCollection:
            if source.stage in (probe.Probe.name, split.NAME) and stage in (split.NAME, pair.NAME):
                found = pipeline | tables.Read(source, Item)
                return found | beam.Filter(lambda item: item.key not in bad) | transform
            if source.stage == refine.NAME:
                verdicts = pipeline | tables.Read(source, refine.Verdict)
                kept = verdicts | "Kept" >> beam.Filter(lambda verdict: verdict.kept)
                return kept | beam.Map(lambda verdict: verdict.pair) | transform
            pairs = pipeline | tables.Read(source, Pair)
            if stage == refine.NAME:
                return (pairs, pipeline | "Labels" >> tables.Read(labels, Labels)) | transform
            return pairs | transform
