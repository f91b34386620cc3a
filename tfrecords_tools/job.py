"""All stages in their order: what `s2i prepare` runs.

Everything but the shards, their manifests and the reports lies in OUT/work and may be deleted
afterwards; while it is there a rerun, also with other settings, does only what they change.

The stages that choose are cheap and come before anything expensive. If extraction then meets items
that cannot be read, they are left out and the choice is made again, so that balanced classes stay
balanced. It ends because every round has fewer items to choose from.
"""

import dataclasses
import functools
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions

from s2i_tf import features, logs, spec
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError, unknown_name, without_effect
from tfrecords_tools import finish, outputs
from tfrecords_tools.engine import manifest, parts, row_tables, runner, storage
from tfrecords_tools.engine.nets import NetName
from tfrecords_tools.engine.row_tables import Rows, Table
from tfrecords_tools.engine.rows import Item, Labels, Pair, TooFewLeft
from tfrecords_tools.settings import FOLEY, Settings
from tfrecords_tools.stages import (
    balance,
    extract,
    label,
    pair,
    probe,
    refine,
    refine_report,
    sources,
    split,
    views,
    write,
)
from tfrecords_tools.stages.sources import Listing


class _Stopped(Exception):
    """The only stage that was asked for is done."""


def prepare(settings: Settings, only: str = "") -> finish.Summary | None:
    """Runs the stages.

    Args:
      settings: settings that were validated.
      only: name of a single stage to run; those before it must be done already.

    Returns:
      What was written; None if `only` named a stage before the last.

    Raises:
      UserError: if something is wrong that the user can mend.
    """
    check_names(settings)
    runner.quieten()
    runner.check(settings.runner, settings.pipeline_options)
    outputs.check(settings.out, settings.data)
    listing = None if settings.data == FOLEY else list_data(settings, settings.data)
    with outputs.exclusive(settings.out):
        outputs.claim(settings)
        if listing is None:
            listing = list_data(settings, outputs.render_foley(settings))
        try:
            summary = Job(settings, listing, only).run()
        except _Stopped:
            return None
        outputs.save_settings(settings)
        outputs.tidy(settings.out)
        return summary


def check_names(settings: Settings) -> None:
    """Refuses, before anything is done, names that nothing has, and flags without effect.

    Raises:
      UserError: naming the flag, and what is known.
    """
    for flag, known, has in (
        ("rule", refine.RULES, refine.RULES.__contains__),
        ("sound_extractor", features.EXTRACTORS, features.has_extractor),
        ("image_extractor", features.EXTRACTORS, features.has_extractor),
        ("label_sound", features.CLASSIFIERS, features.has_classifier),
        ("label_image", features.CLASSIFIERS, features.has_classifier),
    ):
        if not has(name := getattr(settings, flag)):
            raise unknown_name(f"--{flag}", name, known)
    if settings.top_k > label.DEPTH:
        raise UserError(f"--top_k={settings.top_k}; allowed: 1 to {label.DEPTH}")
    if settings.data == FOLEY:  # what it holds is known before it is rendered
        refuse_unused(settings, by_class=True, labelled=settings.refine == "on")


def refuse_unused(settings: Settings, by_class: bool, labelled: bool) -> None:
    """Refuses settings that were given though they have no effect on the data.

    Args:
      settings: settings of the run.
      by_class: whether the data are a folder by class.
      labelled: whether the agreement filter is on.

    Raises:
      UserError: naming the flag.
    """
    for unused, names, case in (
        (settings.data != FOLEY, ("num_per_class",), "without --data=foley"),
        (by_class, ("windows_per_video", "window_seconds"), "on a folder by class"),
        (
            not labelled,
            ("top_k", "rule", "label_sound", "label_image"),
            "while the agreement filter is off",
        ),
        (settings.runner != Settings.runner, ("num_workers",), "beside another --runner"),
    ):
        for name in names if unused else ():
            if getattr(settings, name) != getattr(Settings, name):
                raise without_effect(name, case)


class Job:
    """One run over all stages, or over one of them.

    Args:
      settings: settings of the run.
      listing: what the data were found to hold.
      only: name of a single stage to run, as in `prepare`.
    """

    def __init__(self, settings: Settings, listing: Listing, only: str = ""):
        self._settings = settings
        self._listing = listing
        self._only = only
        self._bad: frozenset[str] = frozenset()
        self._pairs: Table | None = None
        # After a bad file, by whichever stage alone was asked for.
        self._chooses_anew = False
        self._trained_on = trained_on(settings.trained_on)

    def run(self) -> finish.Summary:
        """Runs the stages in their order."""
        items = self._probe()
        labels = self._label(items) if refines(self._settings, self._listing) else None
        rounds: list[Table] = []
        try:
            return self._rest(items, labels, rounds)
        except TooFewLeft as error:
            reasons = self._quarantine(items, labels, rounds)
            left_out = finish.left_out(self._settings.out, reasons)
            raise UserError(f"{error}{left_out}") from None

    def _rest(self, items: Table, labels: Table | None, rounds: list[Table]) -> finish.Summary:
        """What comes after the stages that look at all files; adds to `rounds`."""
        while True:
            chosen = list(
                views.with_views(self._choose(items, labels).rows(Pair), self._settings.views)
            )
            self._check_left(chosen, items)
            if not self._extract(items, chosen, rounds):
                break
            self._chooses_anew = True
        if self._only == extract.Extract.name:
            raise _Stopped
        readable = [row for row in chosen if not self._bad & {*row.item_keys}]
        return self._write(readable, items, labels, rounds)

    def _probe(self) -> Table:
        settings = self._settings
        stage = probe.Probe(
            root=self._listing.root,
            min_seconds=settings.min_seconds,
            max_seconds=settings.max_seconds,
            windows_per_video=settings.windows_per_video,
            window_seconds=settings.window_seconds,
            audio_track=settings.audio_track,
        )
        listed = row_tables.spread(
            self._folder("list"), "files", self._listing.sources, by=lambda row: row.path
        )
        return self._run(stage, listed, self._folder(stage.name))

    def _label(self, items: Table) -> Table:
        settings = self._settings
        chosen = features.comparable(settings.label_sound, settings.label_image)
        names = {
            modality: NetName("classifier", name, settings.weights)
            for modality, name in zip(("sound", "image"), chosen, strict=True)
        }
        refine.check_labels(names["sound"].load().labels, names["image"].load().labels)
        stage = label.Label(self._listing.root, tuple(names.items()))
        labels = self._run(stage, items, self._folder(stage.name))
        self._bad |= items.source_ids() - labels.source_ids()
        return labels

    def _choose(self, items: Table, labels: Table | None) -> Table:
        """The stages from pair to split: the pairs that are wanted."""
        settings, by_class = self._settings, self._listing.by_class
        good = Rows(items, Item, lambda item: item.key not in self._bad)
        if by_class:  # before the draw, or a photo of one side would meet sounds of both
            good = dataclasses.replace(good, table=self._divide(good))
        self._pairs = self._run_choice(
            pair.NAME, [good], pair.pair_items, seed=settings.seed, by_class=by_class
        )
        pairs = Rows(self._pairs, Pair)
        if labels is not None:
            verdicts = self._run_choice(
                refine.NAME,
                [pairs, Rows(labels, Labels)],
                refine.refine,
                then=lambda found: refine_report.write(settings, self._listing.root, found, items),
                rule=settings.rule,
                top_k=settings.top_k,
            )
            pairs = refine.Kept(verdicts)
        balanced = self._run_choice(
            balance.NAME,
            [pairs],
            balance.balance,
            seed=settings.seed,
            train_share=settings.train_share,
            num_classes=settings.num_classes,
            instances_per_class=settings.instances_per_class,
            max_pairs_per_class=settings.max_pairs_per_class,
        )
        return balanced if by_class else self._divide(Rows(balanced, Pair))

    def _divide(self, rows: Rows) -> Table:
        return self._run_choice(
            split.NAME,
            [rows],
            functools.partial(split.split, trained_on=self._trained_on),
            seed=self._settings.seed,
            train_share=self._settings.train_share,
            by_source=self._settings.split_by == "source",
        )

    def _check_left(self, chosen: Sequence[Pair], items: Table) -> None:
        """Refuses, before anything is extracted, what leaves a model nothing to be evaluated on."""
        if self._trained_on is None or any(row.split == spec.EVAL_SPLIT for row in chosen):
            return
        counts = Counter(item.modality for item in items.rows(Item))
        raise TooFewLeft(
            f"--data={self._settings.data}: nothing is left to evaluate: the model was trained on "
            f"these {counts['sound']} sounds or these {counts['image']} photos, or on none of "
            "their classes there are both; allowed: data with recordings and photos that are new "
            "to it"
        )

    def _extract(self, items: Table, chosen: Sequence[Pair], rounds: list[Table]) -> bool:
        """Extracts what no round before did; returns whether the choice must be made again."""
        done = frozenset().union(*(table.source_ids() for table in rounds))
        wanted = {key for row in chosen for key in row.item_keys} - done - self._bad
        if not wanted:
            return False
        folder = self._folder(extract.Extract.name, f"round{len(rounds)}")
        planned = row_tables.spread(
            self._folder("plan", f"round{len(rounds)}"),
            "items",
            views.view_items(Rows(items, Item), chosen, wanted, self._settings.seed),
            by=lambda item: item.id,
        )
        stage = extract.Extract(
            self._listing.root, tuple(self._extractors().items()), self._settings.image_side
        )
        rounds.append(self._run(stage, planned, folder))
        bad = wanted - rounds[-1].source_ids()
        self._bad |= bad
        return bool(bad)

    def _write(
        self, chosen: Sequence[Pair], items: Table, labels: Table | None, rounds: Sequence[Table]
    ) -> finish.Summary:
        settings = self._settings
        dealt = write.deal(
            chosen,
            settings.dataset_name,
            settings.num_shards,
            settings.feature_dtype,
            settings.image_side,
            settings.seed,
            needed=spec.SPLITS if self._trained_on is None else (spec.EVAL_SPLIT,),
        )
        planned = write.plan(dealt, self._folder("plan", "shards"))
        nets = {modality: name.load() for modality, name in self._extractors().items()}
        stage = write.Write(
            rounds=tuple(rounds),
            class_names=tuple(sorted({row.class_name for row in chosen})),
            feature_dtype=settings.feature_dtype,
            fingerprints=tuple(
                (f"{modality}_fingerprint", net.fingerprint.digest)
                for modality, net in nets.items()
            ),
            features_digest=manifest.key_of(files=[table.records() for table in rounds]),
        )
        shards = self._run(stage, planned, settings.out)
        reasons = self._quarantine(items, labels, rounds)
        return finish.finish(settings, self._listing, stage, shards, nets, reasons)

    def _quarantine(
        self, items: Table, labels: Table | None, rounds: Sequence[Table]
    ) -> Mapping[str, int]:
        read = [items, *([labels] if labels else []), *rounds]
        unpaired = []
        if self._listing.by_class:
            usable = [item for item in items.rows(Item) if item.key not in self._bad]
            unpaired = pair.unpaired(usable, self._pairs.rows(Pair))
        return finish.quarantine(self._settings.out, self._listing, read, unpaired)

    def _extractors(self) -> dict[str, NetName]:
        settings = self._settings
        return {
            "sound": NetName("extractor", settings.sound_extractor, settings.weights),
            "image": NetName("extractor", settings.image_extractor, settings.weights),
        }

    def _run(self, stage: parts.Stage, source: Table, folder: str) -> Table:
        """Runs a stage that opens media, runs nets or writes shards."""
        may_work = self._may_work(stage.name)
        account = parts.run(stage, source.paths, folder, self._options, may_work)
        return self._finished(stage.name, Table(folder, source.part_names), account)

    def _run_choice(
        self,
        stage: str,
        inputs: Sequence[Rows | refine.Kept],
        choose: Callable[..., Iterable[Any]],
        then: Callable[[Table], None] = lambda table: None,
        **settings: Any,
    ) -> Table:
        """Runs a stage that chooses among rows, `choose(*inputs, **settings)`.

        `then` makes its report.
        """
        sources = [rows.table for rows in inputs]
        target = row_tables.target_for(self._folder(stage), "rows", sources[0].num_rows())
        config = {**settings, "left_out": sorted(self._bad)}
        if self._trained_on is not None:
            config["trained_on"] = manifest.key_of(**self._trained_on.as_dict())
        build = functools.partial(choose, *inputs, **settings)
        account = row_tables.run(stage, config, sources, target, build, self._may_work(stage))
        then(target)
        return self._finished(stage, target, account)

    def _finished(self, stage: str, table: Table, account: dict[str, Any] | None) -> Table:
        if account:
            path = storage.join(self._folder(outputs.ACCOUNTS), f"{stage}.json")
            storage.write(path, json.dumps(account, indent=1).encode())
        if self._only == stage not in (extract.Extract.name, write.Write.name):
            raise _Stopped
        return table

    def _may_work(self, stage: str) -> bool:
        return self._only in ("", stage) or (self._chooses_anew and stage != write.Write.name)

    def _options(self, num_parts: int, seconds: float) -> PipelineOptions:
        settings = self._settings
        return runner.options(
            settings.runner,
            settings.pipeline_options,
            num_workers=settings.num_workers,
            num_parts=num_parts,
            seconds=seconds,
        )

    def _folder(self, *names: str) -> str:
        return storage.join(self._settings.out, outputs.WORK, *names)


def trained_on(model_dir: str) -> TrainedOn | None:
    """What a model was trained on, as far as it says; None where no model is named.

    Raises:
      UserError: if there is no model, or it is damaged.
    """
    if not model_dir:
        return None
    from s2i_tf import model_folder

    values = model_folder.read_trained_on(model_dir)
    if values is None:
        return TrainedOn(frozenset(), frozenset(), frozenset(), 0, 0)
    return TrainedOn.from_dict(values, model_dir)


def plan(settings: Settings) -> str:
    """What `prepare` would do, for people; reads the listing and nothing else."""
    check_names(settings)
    runner.check(settings.runner, settings.pipeline_options)
    if settings.data == FOLEY:
        from s2i_tf.data import foley

        num_items = {
            kind: settings.num_per_class * len(foley.CLASSES) for kind in ("sound", "image")
        }
        lines = [f"renders {settings.num_per_class} pairs each of {len(foley.CLASSES)} classes"]
        labelled = settings.refine == "on"
    else:
        listing = list_data(settings, settings.data)
        kinds = Counter(source.kind for source in listing.sources)
        num_videos = kinds.pop("video", 0) * settings.windows_per_video
        num_items = {kind: kinds[kind] + num_videos for kind in ("sound", "image")}
        classes = {source.class_name for source in listing.sources} - {""}
        lines = [
            f"{settings.data}: {len(listing.sources):,} files, {len(listing.missing)} left out; "
            f"at most {num_items['sound']:,} sounds and {num_items['image']:,} pictures "
            f"of {len(classes)} classes"
        ]
        labelled = refines(settings, listing)
    stages = [probe.Probe, *([label.Label] if labelled else []), extract.Extract, write.Write]
    seconds = sum(sum(num_items.values()) * stage.seconds_per_row for stage in stages)
    num_workers = settings.num_workers or os.cpu_count() or 1
    lines += [
        f"agreement filter: {'on' if labelled else 'off'}",
        f"about {logs.duration(seconds / num_workers)} of work for {num_workers} workers, "
        "if every item is wanted",
        f"would write to {settings.out}",
    ]
    return "\n".join(lines)


def list_data(settings: Settings, data: str) -> Listing:
    """Lists the data as far as the settings want it."""
    listing = sources.list_data(
        data,
        max_items=settings.max_items,
        seed=settings.seed,
        split_by=settings.split_by,
        window_seconds=settings.window_seconds,
    )
    labelled = refines(settings, listing)
    refuse_unused(settings, listing.by_class, labelled)
    if not labelled:
        nameless = [source.path for source in listing.sources if not source.class_name]
        if 0 < len(nameless) < len(listing.sources):
            raise UserError(
                f"--refine={settings.refine}: nothing names the class of {len(nameless)} of "
                f"{len(listing.sources)} files, such as {nameless[0]}; label them, or leave the "
                "filter on"
            )
    return listing


def refines(settings: Settings, listing: Listing) -> bool:
    """Whether the agreement filter is on."""
    return settings.refine == "on" or (settings.refine == "auto" and not listing.has_classes)
