"""`python -m tfrecords_tools.holdout`: a validation part out of the training recordings.

    python -m tfrecords_tools.holdout --data=DATA --out=DATA2 --share=0.15 --seed=0

For choosing between models without a look at the eval split: reads the training split of a prepared
data set alone and makes another data set of it, whose eval split is the share that is held out.
Sounds are split by recording and photos by file (frames of films by recording, copies together),
each class apart, and paired anew within the class as stage 3 pairs them; with `--keep_pairs`, for
pairs that belong together by nature, the photo goes with its sound instead. The training split must
fit into memory (27 MB for 1,000 pairs).
"""

import dataclasses
import hashlib
import logging
import pathlib
import sys
from collections.abc import Iterable, Mapping, Sequence

from absl import flags

from s2i_tf import files, logs, spec, terminal
from s2i_tf.data import damage, dataset_info, source_sounds, splits, tfrecords
from s2i_tf.data.dataset_info import DatasetInfo, Shard
from s2i_tf.errors import UserError, told_by
from tfrecords_tools.engine import availability, manifest
from tfrecords_tools.engine.rows import Item, Pair
from tfrecords_tools.stages.split import merge_groups

DEFAULT_SHARE = 0.15

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class _Source:
    """What a training split holds, each sound and photo once.

    Attributes:
      records: the parsed features of a record that holds the item, by the item's key.
      items: the sounds and photos.
      pairs: the pairs as they stand in the data set.
    """

    records: Mapping[str, Mapping]
    items: Sequence[Item]
    pairs: Sequence[Pair]


def hold_out(
    data: str, out: str, share: float = DEFAULT_SHARE, seed: int = 0, *, keep_pairs: bool = False
) -> DatasetInfo:
    """Writes a data set of the training split of another.

    Args:
      data: folder that `s2i prepare` wrote.
      out: the new folder; must not exist.
      share: share of each class's recordings, and of its photos, for the new eval split.
      seed: random seed of the split, the pairs and their order.
      keep_pairs: whether to leave the pairs as they are instead of pairing anew.

    Returns:
      The description of the new data set.

    Raises:
      UserError: if the data set is unusable, `out` exists, or a side would be empty or, with
        `keep_pairs`, share a photo with the other.
    """
    if not 0 < share < 1:
        raise UserError(f"share is {share}; allowed: between 0 and 1")
    if pathlib.Path(out).exists():
        raise UserError(f"{out}: exists; choose a new folder")
    info = dataset_info.load(data)
    with damage.named(data, spec.TRAIN_SPLIT):
        source = _read(data, info)
    pairs = _keep(source, share, seed) if keep_pairs else _pair_anew(source, share, seed)
    origin = [shard.sha256 for shard in info.splits[spec.TRAIN_SPLIT]]
    settings = {"share": share, "seed": seed, "keep_pairs": keep_pairs, "train_sha256": origin}
    with files.new_folder(out, "refuse") as folder:
        info = dataclasses.replace(
            info,
            splits=_write(folder, info, source, pairs, seed),
            settings={**info.settings, "holdout": settings},
        )
        info.save(folder)
    return info


def _read(data: str, info: DatasetInfo) -> _Source:
    records, items, pairs, contents, heard = {}, {}, [], {}, {}
    shards = damage.checked_shards(data, info, spec.TRAIN_SPLIT)
    for record in map(tfrecords.parse_example, tfrecords.Records(shards)):
        text = {key: record[key].decode() for key in ("id", "group", "sound_id", "image_id")}
        class_name = info.class_names[record["label"]]
        contents[text["image_id"]] = content = hashlib.sha256(record["image"]).hexdigest()
        heard[text["sound_id"]] = hashlib.sha256(record["sound_features"]).hexdigest()
        for modality in ("sound", "image"):
            item_id = text[f"{modality}_id"]
            item = Item(item_id, modality, item_id, text["group"], content, class_name)
            items.setdefault(item.key, item)
            records.setdefault(item.key, record)
        pairs.append(Pair(**text, class_name=class_name))
    groups = {"sound": _sound_groups(heard, pairs), "image": _photo_groups(contents, pairs)}
    grouped = [
        dataclasses.replace(item, group=groups[item.modality][item.id]) for item in items.values()
    ]
    return _Source(records, grouped, pairs)


def _sound_groups(contents: Mapping[str, str], pairs: Iterable[Pair]) -> dict[str, str]:
    """The group of each sound: its recording, or the first of those that have the same features.

    Args:
      contents: the digest of each sound's features, by its id.
      pairs: all pairs of the data.
    """
    recordings = {pair.sound_id: pair.group for pair in pairs}
    any_of = {content: recordings[sound] for sound, content in contents.items()}
    joined = merge_groups((any_of[contents[sound]], group) for sound, group in recordings.items())
    return {sound: joined[group] for sound, group in recordings.items()}


def _photo_groups(contents: Mapping[str, str], pairs: Iterable[Pair]) -> dict[str, str]:
    """The group of each photo: those of one recording, or of the same pixels, have the same one.

    Args:
      contents: the digest of each photo's pixels, by its id.
      pairs: all pairs of the data.
    """
    recordings = source_sounds.groups_of_photos(
        contents, *zip(*((pair.sound_id, pair.group) for pair in pairs), strict=True)
    )
    # The mark comes before any other name, so that a group is called after one of its contents.
    marked = {photo: f"\0{content}" for photo, content in contents.items()}
    joined = merge_groups(zip(marked.values(), recordings, strict=True))
    return {photo: joined[content][1:] for photo, content in marked.items()}


def _divided(source: _Source, modality: str, share: float, seed: int) -> list[Item]:
    """The sounds or the photos with their side of the split, each class keeping its share.

    Of augmented copies, on which nothing is evaluated, only those for training.
    """
    items = [item for item in source.items if item.modality == modality]
    if copies := sum(source_sounds.original_id(item.id) != item.id for item in items):
        logger.warning(
            "%d augmented copies: under those that train, recordings that are held out may lie",
            copies,
        )
    groups = ((item.group, item.class_name) for item in items)
    sides = splits.split_strata(groups, f"{seed}/holdout", 1 - share)
    return [
        dataclasses.replace(item, split=sides[item.group])
        for item in items
        if sides[item.group] == spec.TRAIN_SPLIT or source_sounds.original_id(item.id) == item.id
    ]


def _pair_anew(source: _Source, share: float, seed: int) -> list[Pair]:
    from tfrecords_tools.stages import pair

    items = [
        item for modality in ("sound", "image") for item in _divided(source, modality, share, seed)
    ]
    pairs = list(pair.pair_items(items, f"{seed}/holdout", by_class=True))
    if left := pair.unpaired(items, pairs):
        logger.warning(
            "left out: %d sounds and photos, such as %s: %s",
            len(left),
            left[0].path,
            left[0].message,
        )
    return pairs


def _keep(source: _Source, share: float, seed: int) -> list[Pair]:
    sides = {item.id: item.split for item in _divided(source, "sound", share, seed)}
    pairs = [
        dataclasses.replace(pair, split=sides[pair.sound_id])
        for pair in source.pairs
        if pair.sound_id in sides
    ]
    groups = {item.id: item.group for item in source.items if item.modality == "image"}
    seen: dict[str, str] = {}
    for pair in pairs:
        if seen.setdefault(groups[pair.image_id], pair.split) != pair.split:
            raise UserError(
                f"{pair.image_id}, or the same pixels, would stand on both sides: these pairs were "
                "drawn by class; leave --keep_pairs away"
            )
    return pairs


def _write(
    folder: pathlib.Path, info: DatasetInfo, source: _Source, pairs: list[Pair], seed: int
) -> dict[str, tuple[Shard, ...]]:
    """Writes the shards of both splits with their manifests."""
    from tfrecords_tools.stages import write

    dealt = write.deal(pairs, info.name, 0, info.feature_dtype, info.image_side, seed)
    return {
        split: tuple(
            _write_shard(folder, name, info, source, some) for name, some in shards.items()
        )
        for split, shards in dealt.items()
    }


def _write_shard(
    folder: pathlib.Path, name: str, info: DatasetInfo, source: _Source, pairs: Sequence[Pair]
) -> Shard:
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(folder / name)) as writer:
        for pair in pairs:
            writer.write(_record(pair, source))
    measured = manifest.FileRecord.of(str(folder / name))
    ids = tuple(pair.id for pair in pairs)
    key = manifest.key_of(ids=ids, fingerprints=info.fingerprints)
    manifest.Manifest(name, key, {}, {name: measured}, len(ids), ids).save(str(folder))
    return Shard(name, len(ids), measured.num_bytes, measured.sha256)


def _record(pair: Pair, source: _Source) -> bytes:
    """A pair's record: the bytes of its sound and of its photo as they stand in theirs."""
    sound, image = (source.records[key] for key in pair.item_keys)
    of_image = {key: value for key, value in image.items() if key.startswith("image")}
    return tfrecords.serialize_example({**sound, **of_image, "id": pair.id})


def main() -> None:
    """Reads the flags and writes the data set."""
    logs.show("tfrecords_tools")
    flags.DEFINE_string("data", None, "Prepared data set whose training split is split.")
    flags.DEFINE_string("out", None, "New folder.")
    flags.DEFINE_float("share", DEFAULT_SHARE, "Share of the recordings and photos held out.")
    flags.DEFINE_integer("seed", 0, "Random seed of the split, the pairs and their order.")
    flags.DEFINE_bool("keep_pairs", False, "Leave pairs as they are: they belong together.")
    values = flags.FLAGS
    if terminal.helped(sys.argv[1:], __doc__, __name__):
        return
    with told_by("tfrecords_tools.holdout", flags.Error):
        _, *more = values(sys.argv)
        if more:
            raise UserError(f"takes no arguments, got {more[0]!r}")
        for name in ("data", "out"):
            if not values[name].value:
                raise UserError(f"--{name}=FOLDER is missing")
        availability.require_beam()
        info = hold_out(
            values.data, values.out, values.share, values.seed, keep_pairs=values.keep_pairs
        )
    counts = " and ".join(f"{info.num_records(split):,} {split}" for split in spec.SPLITS)
    print(f"held out: {values.out}: {counts} pairs")


if __name__ == "__main__":
    with terminal.any_output():
        main()
