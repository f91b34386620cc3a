"""What settings ask for: whether it can be done, the listing of the data, and the estimate."""

import os
from collections import Counter

from s2i_tf import features, logs
from s2i_tf.errors import UserError, unknown_name, without_effect
from tfrecords_tools.engine import runner
from tfrecords_tools.settings import FOLEY, Settings
from tfrecords_tools.stages import extract, label, probe, refine, sources, write
from tfrecords_tools.stages.sources import Listing


def check(settings: Settings) -> None:
    """Refuses names that nothing has, flags without effect, and a runner that is not here.

    Raises:
      UserError: naming the flag, and what is known.
    """
    if settings.rule not in refine.RULES:
        raise unknown_name("--rule", settings.rule, refine.RULES)
    for flag, modality, table, has in (
        ("sound_extractor", "sound", features.EXTRACTORS, features.has_extractor),
        ("image_extractor", "image", features.EXTRACTORS, features.has_extractor),
        ("label_sound", "sound", features.CLASSIFIERS, features.has_classifier),
        ("label_image", "image", features.CLASSIFIERS, features.has_classifier),
    ):
        if not has(name := getattr(settings, flag), modality):
            raise unknown_name(f"--{flag}", name, features.known(table, modality))
    if settings.top_k > label.DEPTH:
        raise UserError(f"--top_k={settings.top_k}; allowed: 1 to {label.DEPTH}")
    if settings.data == FOLEY:  # what it holds is known before it is rendered
        _refuse_unused(settings, by_class=True, labelled=settings.refine == "on")
    runner.check(settings.runner, settings.pipeline_options)


def _refuse_unused(settings: Settings, by_class: bool, labelled: bool) -> None:
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
    _refuse_unused(settings, listing.by_class, labelled)
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


def plan(settings: Settings) -> str:
    """What `job.prepare` would do, for people; reads the listing and nothing else."""
    check(settings)
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
