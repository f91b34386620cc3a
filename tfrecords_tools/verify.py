"""`python -m tfrecords_tools.verify FOLDER`: whether a prepared data set is what it claims to be.

Reads every byte: checksums and sizes against `dataset_info.json` and the manifests, every record
against the schema and the fingerprints, and the split for groups, sounds or photos on both sides,
copies under other names, and those encoded without loss, which have the same features.
One line for each fault. Exit status: 0 all is well, 1 faults were found, 2 there is no data set.
"""

import collections
import hashlib
import pathlib
import sys
from collections.abc import Iterator

from s2i_tf import spec, terminal
from s2i_tf.data import damage, dataset_info, schema, source_sounds, tfrecords
from s2i_tf.data.dataset_info import DatasetInfo, Shard
from s2i_tf.errors import UserError, told_by
from tfrecords_tools.engine import manifest

EXIT_FAULTS = 1

_FEATURES_OF = {
    schema.KEY_SOUND_ID: schema.KEY_SOUND_FEATURES,
    schema.KEY_IMAGE_ID: schema.KEY_IMAGE_FEATURES,
}

# What must not stand on both sides of the split.
_APART = ("group", "sound_id", "image_id")


def verify(folder: str) -> list[str]:
    """Finds the faults of a data set.

    Args:
      folder: that `s2i prepare` wrote.

    Returns:
      One sentence for each fault; none if all is well.

    Raises:
      UserError: if there is no data set.
    """
    info = dataset_info.load(folder)
    faults: list[str] = []
    sides = {key: collections.defaultdict(set) for key in _APART}
    alike = {key: collections.defaultdict(dict) for key in _FEATURES_OF}
    seen: collections.Counter[str] = collections.Counter()
    for split, shards in info.splits.items():
        for shard in shards:
            path = pathlib.Path(folder) / shard.file
            claimed = {shard.file: manifest.FileRecord(shard.num_bytes, shard.sha256)}
            if found := manifest.faults(folder, claimed):
                # The records of a damaged file say nothing more than which of them is.
                faults += [*found, *(_damaged_record(path, info) if path.is_file() else ())]
                continue
            try:
                records = _names(path, info, shard)
            except ValueError as error:
                faults += _damaged_record(path, info) or [f"{shard.file}: {error}"]
                continue
            faults += _shard_faults(folder, shard, split, records)
            for names in records:
                seen[names[schema.KEY_ID]] += 1
                for key in _APART:
                    sides[key][names[key]].add(split)
                for key, features in _FEATURES_OF.items():
                    alike[key][names[features]].setdefault(split, set()).add(names[key])
    faults += [f"the id {name} stands {count} times" for name, count in seen.items() if count > 1]
    faults += [*_overlaps(sides), *_copies(alike)]
    return faults


def _damaged_record(path: pathlib.Path, info: DatasetInfo) -> list[str]:
    fault = damage.first_fault(path, info)
    return [fault.removeprefix(f"{path.parent}/")] if fault else []


def _names(path: pathlib.Path, info: DatasetInfo, shard: Shard) -> list[dict[str, str]]:
    """Checks one shard's records; returns the names that each has and its features' digests.

    Raises:
      ValueError: at the first record that does not hold what the data set says.
    """
    found = []
    for record in tfrecords.Records([path] if shard.num_bytes else []):
        values = damage.check_record(record, info, path)
        names = {key: values[key].decode() for key in (schema.KEY_ID, *_APART)}
        digests = {key: hashlib.sha256(values[key]).hexdigest() for key in schema.FEATURES}
        found.append(names | digests)
    return found


def _shard_faults(
    folder: str, shard: Shard, split: str, records: list[dict[str, str]]
) -> Iterator[str]:
    """What is wrong with a shard whose records are well each."""
    sounds = {names[schema.KEY_SOUND_ID] for names in records}
    if split == spec.EVAL_SPLIT and sounds != set(map(source_sounds.original_id, sounds)):
        yield f"{shard.file}: augmented copies, which belong into training alone"
    num, wanted = len(records), shard.num_records
    if num != wanted:
        yield f"{shard.file}: {num} records; {dataset_info.FILE_NAME} says {wanted}"
    found = manifest.load(folder, shard.file)
    if found is None:
        yield f"{shard.file}: its manifest is missing or damaged"
    elif list(found.source_ids) != [names[schema.KEY_ID] for names in records]:
        yield f"{shard.file}: holds other records than its manifest says"


def _overlaps(sides: dict[str, dict[str, set[str]]]) -> Iterator[str]:
    for key, found in sides.items():
        crossing = sorted(value for value, splits in found.items() if len(splits) > 1)
        if crossing:
            some = ", ".join(crossing[:3])
            yield f"{len(crossing)} {key}s stand on both sides of the split, such as {some}"


def _copies(alike: dict[str, dict[str, dict[str, set[str]]]]) -> Iterator[str]:
    """Of names by features and split, those that are another one's on the other side."""
    for key, found in alike.items():
        crossing = [
            [min(names) for names in by_split.values()]
            for by_split in found.values()
            if len(by_split) > 1 and len(set.union(*by_split.values())) > 1
        ]
        if crossing:
            yield (
                f"{len(crossing)} {key}s have a copy of another name on the other side of the "
                f"split, such as {' and '.join(min(crossing))}: the same features; leave one out, "
                "or give both one recording_group in index.csv"
            )


def main(arguments: list[str]) -> int:
    """Prints the faults of the folder that is named; returns the exit status."""
    if terminal.helped(arguments, __doc__, __name__):
        return 0
    with told_by("tfrecords_tools.verify"):
        if len(arguments) != 1:
            raise UserError("usage: python -m tfrecords_tools.verify FOLDER")
        faults = verify(arguments[0])
    for fault in faults:
        print(fault)
    print(f"{arguments[0]}: {len(faults)} faults" if faults else f"{arguments[0]}: all is well")
    return EXIT_FAULTS if faults else 0


if __name__ == "__main__":
    with terminal.any_output():
        status = main(sys.argv[1:])
    sys.exit(status)
