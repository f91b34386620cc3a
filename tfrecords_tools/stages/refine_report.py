"""The account of the agreement filter: `refine.json`, and `refine.html` to look at and listen to.

Kept and dropped by reason and by class, what the two classifiers confuse, and sample pairs drawn by
a stable hash, as in the paper's figure 2. The page is one file that opens offline.
"""

import collections
import dataclasses
import heapq
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from s2i_tf import spec
from s2i_tf.data import splits
from s2i_tf.errors import MediaError
from s2i_tf.evaluation.markup import Embedder, Markup, join, tag
from s2i_tf.media import audio, image
from tfrecords_tools.engine import decode, storage
from tfrecords_tools.engine.row_tables import Table
from tfrecords_tools.engine.rows import Item, item_key
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages.refine import AGREE, Verdict

JSON_FILE = "refine.json"
HTML_FILE = "refine.html"
NUM_SAMPLES = 24
_NUM_SHOWN = 40
_MAX_PAGE_BYTES = 20 << 20
_STYLE = """
body { font: 15px/1.5 sans-serif; max-width: 62rem; margin: 2rem auto; color: #222 }
table { border-collapse: collapse }
td, th { padding: .2rem .8rem; text-align: left }
tr { border-bottom: 1px solid #ddd } td.num { text-align: right }
.pairs { display: flex; flex-wrap: wrap; gap: 1rem } .pair { width: 14rem; font-size: 13px }
.pair img { width: 128px; display: block } .pair audio { width: 14rem }
"""


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
      settings: of the run.
      root: folder that the items' paths are relative to.
      items: the sampled pairs' items by key.
    """
    kept = found.reasons[AGREE]
    share = kept / max(found.num_pairs, 1)
    classes = sorted(
        found.kept | found.dropped,
        key=lambda name: (-found.kept[name], -found.dropped[name], name),
    )
    embedder = Embedder(_MAX_PAGE_BYTES)
    body = join(
        tag("h1", f"Agreement filter: {kept:,} of {found.num_pairs:,} pairs kept ({share:.1%})"),
        tag(
            "p",
            f"A pair is kept when the first {settings.top_k} labels of {settings.label_sound} "
            f"(sound) and of {settings.label_image} (picture) agree by the rule {settings.rule}.",
        ),
        tag("h2", "By reason"),
        _table(("reason", "pairs"), sorted(found.reasons.items())),
        *(_samples(side, rows, root, items, embedder) for side, rows in found.samples.items()),
        tag("h2", "By class"),
        tag(
            "p",
            "Dropped pairs without a class stand under the first label of their picture. "
            f"{min(_NUM_SHOWN, len(classes))} of {len(classes)}; all are in {JSON_FILE}.",
        ),
        _table(
            ("class", "kept", "dropped"),
            [(name, found.kept[name], found.dropped[name]) for name in classes[:_NUM_SHOWN]],
        ),
        tag("h2", "What the two classifiers say first"),
        _table(
            ("sound", "picture", "pairs"),
            [(*names, count) for names, count in _largest(found.confusions)],
        ),
    )
    head = join(
        tag("meta", charset="utf-8"), tag("title", "Agreement filter"), tag("style", Markup(_STYLE))
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', body), lang='en')}\n"


def _largest(confusions: collections.Counter) -> list[tuple[tuple[str, str], int]]:
    return sorted(confusions.items(), key=lambda row: (-row[1], row[0]))[:_NUM_SHOWN]


def _table(header: Sequence[str], table: Iterable[Sequence[Any]]) -> Markup:
    rows = [tag("tr", (tag("th", name) for name in header))]
    for row in table:
        cells = (
            tag("td", f"{value:,}", class_="num") if isinstance(value, int) else tag("td", value)
            for value in row
        )
        rows.append(tag("tr", cells))
    return tag("table", rows)


def _samples(
    side: str, rows: Sequence[Verdict], root: str, items: Mapping[str, Item], embedder: Embedder
) -> Markup:
    pairs = []
    for verdict in rows:
        picture, sound = (
            _embedded(items.get(item_key(modality, item_id)), root, embedder)
            for modality, item_id in (
                ("image", verdict.pair.image_id),
                ("sound", verdict.pair.sound_id),
            )
        )
        pairs.append(
            tag(
                "div",
                picture,
                sound,
                tag("div", f"sound: {', '.join(verdict.sound_labels[:3]) or '–'}"),
                tag("div", f"picture: {', '.join(verdict.image_labels[:3]) or '–'}"),
                tag("div", verdict.id),
                class_="pair",
            )
        )
    return join(
        tag("h2", f"{len(rows)} {side} pairs, drawn at random"), tag("div", pairs, class_="pairs")
    )


def _embedded(item: Item | None, root: str, embedder: Embedder) -> Markup:
    """The picture or player of an item; its absence, said in words, where it cannot be had."""
    if item is None:
        return tag("div", "unreadable")
    try:
        decoded = decode.load(item, root)
        if item.modality == "image":
            picture = image.encode_jpeg(image.square(decoded, spec.IMAGE_SIDE))
            uri, media_type = embedder.uri(picture, "image/jpeg"), "img"
        else:
            heard = audio.encode_audio(audio.feature_window(decoded), "mp3")
            uri, media_type = embedder.uri(heard, "audio/mpeg"), "audio"
    except MediaError as error:
        return tag("div", error.reason)
    if uri is None:
        return tag("div", "left out: the page would become too large")
    if media_type == "img":
        return tag("img", src=uri, alt="")
    return tag("audio", src=uri, controls="controls", preload="none")
