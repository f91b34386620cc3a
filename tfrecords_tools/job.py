"""All stages in their order: what `s2i prepare` runs.

What lies in OUT/work may be deleted afterwards; while it is there a rerun, also with other
settings, does only what they change.

The stages that choose are cheap and come before anything expensive. If extraction then meets items
that cannot be read, they are left out and the choice is made again, so that balanced classes stay
balanced. It ends because every round has fewer items to choose from.
"""

import dataclasses
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from s2i_tf import features, spec
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError
from tfrecords_tools import finish, outputs, planning
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
    runner.quieten()
    planning.check(settings)
    outputs.check(settings.out, settings.data)
    listing = None if settings.data == FOLEY else planning.list_data(settings, settings.data)
    with outputs.exclusive(settings.out):
        outputs.claim(settings)
        if listing is None:
            listing = planning.list_data(settings, outputs.render_foley(settings))
        try:
            summary = Job(settings, listing, only).run()
        except _Stopped:
            return None
        outputs.save_settings(settings)
        outputs.tidy(settings.out)
        return summary


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
        self._trained_on = trained_on(settings.trained_on)
        # What the stages have made so far; the extraction makes a table in each of its rounds.
        self._items: Table | None = None
        self._labels: Table | None = None
        self._pairs: Table | None = None
        self._rounds: list[Table] = []
        # The keys of items that cannot be used.
        self._bad: frozenset[str] = frozenset()
        # After a bad file, by whichever stage alone was asked for.
        self._chooses_anew = False

    def run(self) -> finish.Summary:
        """Runs the stages in their order."""
        self._items = self._probe()
        if planning.refines(self._settings, self._listing):
            self._labels = self._label()
        try:
            return self._write(self._choose_readable())
        except TooFewLeft as error:
            left_out = finish.left_out(self._settings.out, self._quarantine())
            raise UserError(f"{error}{left_out}") from None

    def _choose_readable(self) -> list[Pair]:
        """Chooses pairs and extracts their features, again until all chosen ones can be read."""
        while True:
            pairs = self._choose().rows(Pair)
            chosen = list(views.with_views(pairs, self._settings.views))
            self._check_left(chosen)
            if not self._extract(chosen):
                break
            self._chooses_anew = True
        if self._only == extract.Extract.name:
            raise _Stopped
        return [row for row in chosen if not self._bad & {*row.item_keys}]

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

    def _label(self) -> Table:
        settings = self._settings
        chosen = features.comparable(settings.label_sound, settings.label_image)
        names = {
            modality: NetName("classifier", name, settings.weights)
            for modality, name in zip(("sound", "image"), chosen, strict=True)
        }
        refine.check_labels(names["sound"].load().labels, names["image"].load().labels)
        stage = label.Label(self._listing.root, tuple(names.items()))
        labels = self._run(stage, self._items, self._folder(stage.name))
        self._bad |= self._items.source_ids() - labels.source_ids()
        return labels

    def _choose(self) -> Table:
        """The stages from pair to split: the pairs that are wanted."""
        settings, by_class = self._settings, self._listing.by_class
        good = Rows(self._items, Item, self._usable)
        if by_class:  # before the draw, or a photo of one side would meet sounds of both
            good = dataclasses.replace(good, table=self._divide(good))
        self._pairs = self._run_choice(
            pair.NAME, [good], pair.pair_items, seed=settings.seed, by_class=by_class
        )
        pairs = Rows(self._pairs, Pair)
        if self._labels is not None:
            verdicts = self._run_choice(
                refine.NAME,
                [pairs, Rows(self._labels, Labels)],
                refine.refine,
                then=lambda found: refine_report.write(
                    settings, self._listing.root, found, self._items
                ),
                rule=settings.rule,
                top_k=settings.top_k,
            )
            pairs = Rows(verdicts, refine.Verdict, refine.kept_pair)
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

    def _usable(self, item: Item) -> Item | None:
        return None if item.key in self._bad else item

    def _check_left(self, chosen: Sequence[Pair]) -> None:
        """Refuses, before anything is extracted, what leaves a model nothing to be evaluated on."""
        if self._trained_on is None or any(row.split == spec.EVAL_SPLIT for row in chosen):
            return
        counts = Counter(item.modality for item in self._items.rows(Item))
        raise TooFewLeft(
            f"--data={self._settings.data}: nothing is left to evaluate: the model was trained on "
            f"these {counts['sound']} sounds or these {counts['image']} photos, or on none of "
            "their classes there are both; allowed: data with recordings and photos that are new "
            "to it"
        )

    def _extract(self, chosen: Sequence[Pair]) -> bool:
        """Extracts what no round before did; returns whether the choice must be made again."""
        done = frozenset().union(*(table.source_ids() for table in self._rounds))
        wanted = {key for row in chosen for key in row.item_keys} - done - self._bad
        if not wanted:
            return False
        round_name = f"round{len(self._rounds)}"
        planned = row_tables.spread(
            self._folder("plan", round_name),
            "items",
            views.view_items(Rows(self._items, Item), chosen, wanted, self._settings.seed),
            by=lambda item: item.id,
        )
        stage = extract.Extract(
            self._listing.root, tuple(self._extractors().items()), self._settings.image_side
        )
        extracted = self._run(stage, planned, self._folder(stage.name, round_name))
        self._rounds.append(extracted)
        bad = wanted - extracted.source_ids()
        self._bad |= bad
        return bool(bad)

    def _write(self, chosen: Sequence[Pair]) -> finish.Summary:
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
            rounds=tuple(self._rounds),
            class_names=tuple(sorted({row.class_name for row in chosen})),
            feature_dtype=settings.feature_dtype,
            fingerprints=tuple(
                (f"{modality}_fingerprint", net.fingerprint.digest)
                for modality, net in nets.items()
            ),
            features_digest=manifest.key_of(files=[table.records() for table in self._rounds]),
        )
        shards = self._run(stage, planned, settings.out)
        return finish.finish(settings, self._listing, stage, shards, nets, self._quarantine())

    def _quarantine(self) -> Mapping[str, int]:
        """Writes down what could not be used; returns how many files were left out, by reason."""
        read = [self._items, *([self._labels] if self._labels else []), *self._rounds]
        unpaired = []
        if self._listing.by_class:
            usable = list(Rows(self._items, Item, self._usable))
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
        settings, may_work = self._settings, self._may_work(stage.name)
        options_for = functools.partial(
            runner.options,
            settings.runner,
            settings.pipeline_options,
            num_workers=settings.num_workers,
        )
        account = parts.run(stage, source.paths, folder, options_for, may_work)
        return self._finished(stage.name, Table(folder, source.part_names), account)

    def _run_choice(
        self,
        stage: str,
        inputs: Sequence[Rows],
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
            storage.write_json(path, account)
        if self._only == stage not in (extract.Extract.name, write.Write.name):
            raise _Stopped
        return table

    def _may_work(self, stage: str) -> bool:
        return self._only in ("", stage) or (self._chooses_anew and stage != write.Write.name)

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
        return TrainedOn()
    return TrainedOn.from_dict(values, model_dir)
