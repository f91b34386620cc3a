"""The account of the agreement filter: `refine.json`, and `refine.html` to look at and listen to.

Kept and dropped by reason and by class, what the two classifiers confuse, and sample pairs drawn by
a stable hash, as in the paper's figure 2. The page is one file that opens offline.
"""

import base64
import collections
import dataclasses
import heapq
import json
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import jinja2

from s2i_tf import spec
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


@dataclasses.dataclass
class Account:
    """What became of all pairs.

    Attributes:
      reasons: number of pairs by verdict.
      kept: number of kept pairs by class.
      dropped: number of dropped pairs by class; by the picture's first label where there is none.
      confusions: number of pairs by first label of the sound and first label of the picture.
      samples: drawn pairs, kept and dropped ones.
    """

    reasons: collections.Counter
    kept: collections.Counter
    dropped: collections.Counter
    confusions: collections.Counter
    samples: dict[str, list[Verdict]]

    @property
    def num_pairs(self) -> int:
        """How many pairs were judged."""
        return self.reasons.total()


def account(verdicts: Iterable[Verdict], seed: int, num_samples: int = NUM_SAMPLES) -> Account:
    """Counts the verdicts and draws samples, in one pass.

    Args:
      verdicts: all of them, in any order.
      seed: of the draw.
      num_samples: how many kept and how many dropped pairs to draw.
    """
    found = Account(*(collections.Counter() for _ in range(4)), samples={})
    drawn: dict[str, list] = {"kept": [], "dropped": []}
    for verdict in verdicts:
        found.reasons[verdict.reason] += 1
        side = "kept" if verdict.kept else "dropped"
        name = verdict.pair.class_name or next(iter(verdict.image_labels), "without labels")
        getattr(found, side)[name] += 1
        if verdict.sound_labels and verdict.image_labels:
            found.confusions[verdict.sound_labels[0], verdict.image_labels[0]] += 1
        # A heap of the smallest draws, so that memory does not grow with the data.
        draw = (-splits.stable_fraction(verdict.id, f"{seed}/samples"), verdict.id, verdict)
        push = heapq.heappush if len(drawn[side]) < num_samples else heapq.heappushpop
        push(drawn[side], draw)
    found.samples = {
        side: [verdict for _, _, verdict in sorted(rows, reverse=True)]
        for side, rows in drawn.items()
    }
    return found


def write(settings: Settings, root: str, verdicts: Table, items: Table) -> None:
    """Writes both files of the report into the data set's folder.

    Args:
      settings: of the run.
      root: folder that the items' paths are relative to.
      verdicts: the table of the stage `refine`.
      items: the table of the stage `probe`.
    """
    found = account(verdicts.rows(Verdict), settings.seed)
    wanted = {key for rows in found.samples.values() for row in rows for key in row.pair.item_keys}
    sampled = {item.key: item for item in items.rows(Item) if item.key in wanted}
    text = json.dumps(to_json(found, settings), indent=1)
    storage.write(storage.join(settings.out, JSON_FILE), f"{text}\n".encode())
    page = to_html(found, settings, root, sampled)
    storage.write(storage.join(settings.out, HTML_FILE), page.encode())


def to_json(found: Account, settings: Settings) -> dict[str, Any]:
    """The account as JSON values."""
    return {
        "rule": settings.rule,
        "top_k": settings.top_k,
        "label_sound": settings.label_sound,
        "label_image": settings.label_image,
        "num_pairs": found.num_pairs,
        "num_kept": found.reasons[AGREE],
        "reasons": dict(sorted(found.reasons.items())),
        "kept_by_class": dict(sorted(found.kept.items())),
        "dropped_by_class": dict(sorted(found.dropped.items())),
        "confusions": [
            {"sound": sound, "image": picture, "num_pairs": count}
            for (sound, picture), count in _largest(found.confusions)
        ],
        "samples": {
            side: [dataclasses.asdict(verdict) for verdict in rows]
            for side, rows in found.samples.items()
        },
    }


def to_html(found: Account, settings: Settings, root: str, items: Mapping[str, Item]) -> str:
    """The account as a page.

    Args:
      found: the account.
      settings: the settings of the run.
      root: folder that the items' paths are relative to.
      items: the sampled pairs' items by key.
    """
    classes = sorted(
        found.kept | found.dropped,
        key=lambda name: (-found.kept[name], -found.dropped[name], name),
    )
    left = [_MAX_PAGE_BYTES]

    def media(pair: Pair) -> list[tuple[str, str]]:
        sound, picture = pair.item_keys
        return [
            (modality, _data_uri(items.get(key), root, left))
            for modality, key in (("image", picture), ("sound", sound))
        ]

    template = (pathlib.Path(__file__).with_suffix(".html")).read_text(encoding="utf-8")
    return (
        jinja2.Environment(autoescape=True, trim_blocks=True)
        .from_string(template)
        .render(
            account=found,
            settings=settings,
            kept=found.reasons[AGREE],
            media=media,
            num_classes=len(classes),
            shown=[(name, found.kept[name], found.dropped[name]) for name in classes[:_NUM_SHOWN]],
            confusions=[(*names, count) for names, count in _largest(found.confusions)],
            json_file=JSON_FILE,
        )
    )


def _largest(confusions: collections.Counter) -> list[tuple[tuple[str, str], int]]:
    return sorted(confusions.items(), key=lambda row: (-row[1], row[0]))[:_NUM_SHOWN]


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
