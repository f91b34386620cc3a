"""The account of the agreement filter: `refine.json`, and `refine.html` to look at and listen to.

Kept and dropped by reason and by class, what the two classifiers confuse, and sample pairs drawn by
a stable hash, as in the paper's figure 2. The page is one file that opens offline.
"""

import base64
import collections
import dataclasses
import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from s2i_tf import spec, templates
from s2i_tf.data import splits
from s2i_tf.errors import MediaError
from s2i_tf.media import audio, image
from tfrecords_tools.engine import decode, storage
from tfrecords_tools.engine.row_tables import Table
from tfrecords_tools.engine.rows import Item, Pair
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages.refine import AGREE, Verdict

JSON_FILE = "refine.json"
HTML_FILE = "refine.html"
NUM_SAMPLES = 24
_NUM_SHOWN = 40
_MAX_PAGE_BYTES = 20 << 20


def write(settings: Settings, root: str, verdicts: Table, items: Table) -> None:
    """Writes both files of the report into the data set's folder.

    Args:
      settings: settings of the run.
      root: folder that the items' paths are relative to.
      verdicts: the table of the stage `refine`.
      items: the table of the stage `probe`.
    """
    report = account(verdicts.rows(Verdict), settings)
    storage.write_json(storage.join(settings.out, JSON_FILE), report)
    drawn = [Pair(**row["pair"]) for rows in report["samples"].values() for row in rows]
    wanted = {key for pair in drawn for key in pair.item_keys}
    sampled = {item.key: item for item in items.rows(Item) if item.key in wanted}
    storage.write(storage.join(settings.out, HTML_FILE), to_html(report, root, sampled).encode())


def account(verdicts: Iterable[Verdict], settings: Settings) -> dict[str, Any]:
    """What became of all pairs, as JSON values: counts, and samples drawn in the same pass.

    Dropped pairs without a class count under the first label of their picture.

    Args:
      verdicts: all of them, in any order.
      settings: settings of the run.
    """
    reasons, confusions = collections.Counter(), collections.Counter()
    by_class = {"kept": collections.Counter(), "dropped": collections.Counter()}
    drawn: dict[str, list] = {"kept": [], "dropped": []}
    for verdict in verdicts:
        reasons[verdict.reason] += 1
        side = "kept" if verdict.kept else "dropped"
        name = verdict.pair.class_name or next(iter(verdict.image_labels), "without labels")
        by_class[side][name] += 1
        if verdict.sound_labels and verdict.image_labels:
            confusions[verdict.sound_labels[0], verdict.image_labels[0]] += 1
        # A heap of the smallest draws, so that memory does not grow with the data.
        place = splits.stable_fraction(verdict.id, f"{settings.seed}/samples")
        push = heapq.heappush if len(drawn[side]) < NUM_SAMPLES else heapq.heappushpop
        push(drawn[side], (-place, verdict.id, verdict))
    largest = sorted(confusions.items(), key=lambda row: (-row[1], row[0]))[:_NUM_SHOWN]
    return {
        "rule": settings.rule,
        "top_k": settings.top_k,
        "label_sound": settings.label_sound,
        "label_image": settings.label_image,
        "num_pairs": reasons.total(),
        "num_kept": reasons[AGREE],
        "reasons": dict(sorted(reasons.items())),
        "kept_by_class": dict(sorted(by_class["kept"].items())),
        "dropped_by_class": dict(sorted(by_class["dropped"].items())),
        "confusions": [
            {"sound": sound, "image": picture, "num_pairs": count}
            for (sound, picture), count in largest
        ],
        "samples": {
            side: [dataclasses.asdict(verdict) for _, _, verdict in sorted(rows, reverse=True)]
            for side, rows in drawn.items()
        },
    }


def to_html(report: Mapping[str, Any], root: str, items: Mapping[str, Item]) -> str:
    """The report as a page.

    Args:
      report: what `account` gave.
      root: folder that the items' paths are relative to.
      items: the sampled pairs' items by key.
    """
    counts = [
        (name, report["kept_by_class"].get(name, 0), report["dropped_by_class"].get(name, 0))
        for name in report["kept_by_class"] | report["dropped_by_class"]
    ]
    left = [_MAX_PAGE_BYTES]

    def media(pair: Mapping[str, Any]) -> list[tuple[str, str]]:
        sound, picture = Pair(**pair).item_keys
        return [
            (modality, _data_uri(items.get(key), root, left))
            for modality, key in (("image", picture), ("sound", sound))
        ]

    return templates.fill(
        __package__,
        "refine_report.html",
        report=report,
        media=media,
        confusions=[tuple(row.values()) for row in report["confusions"]],
        num_classes=len(counts),
        shown=sorted(counts, key=lambda row: (-row[1], -row[2], row[0]))[:_NUM_SHOWN],
        json_file=JSON_FILE,
    )


def _data_uri(item: Item | None, root: str, left: list[int]) -> str:
    """The picture or sound of an item; its absence, said in words, where it cannot be had.

    Args:
      item: the item, if it was found.
      root: folder that its path is relative to.
      left: how many bytes the page may still grow by; what is taken is taken off.
    """
    if item is None:
        return "unreadable"
    try:
        decoded = decode.load(item, root)
        if item.modality == "image":
            kind, contents = "image/jpeg", image.encode_jpeg(image.square(decoded, spec.IMAGE_SIDE))
        else:
            kind = "audio/mpeg"
            contents = audio.encode_audio(audio.feature_window(decoded), "mp3")
    except MediaError as error:
        return error.reason
    uri = f"data:{kind};base64,{base64.b64encode(contents).decode()}"
    if len(uri) > left[0]:
        return "left out: the page would become too large"
    left[0] -= len(uri)
    return uri
