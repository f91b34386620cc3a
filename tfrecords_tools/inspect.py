"""`python -m tfrecords_tools.inspect FOLDER [NUM]`: what is in a prepared data set.

Prints the schema, the counts by class and split, the nets and NUM records (8 unless told), and
writes the pictures of these records to FOLDER/inspect.png. Exit status: 0, or 2 if there is no data
set.
"""

import collections
import pathlib
import sys

from s2i_tf import files, spec, terminal
from s2i_tf.data import damage, dataset_info
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.errors import UserError, told_by

SHEET = "inspect.png"
_NUM_RECORDS = 8


def describe(info: DatasetInfo) -> list[str]:
    """What the data set's description says, line by line."""
    lines = [
        f"{info.name}: {info.num_classes} classes, source {info.source}",
        f"features: {spec.FEATURE_SIZE} × {info.feature_dtype}, "
        f"pictures: {info.image_side}×{info.image_side} JPEG",
    ]
    for modality, name in info.extractors.items():
        net = info.nets[modality]
        lines.append(
            f"{modality}: {name}, {net['layer']}, weights {net['weights_sha256'][:16]}, "
            f"fingerprint {info.fingerprints[f'{modality}_fingerprint']}"
        )
    for split, shards in info.splits.items():
        num_bytes = sum(shard.num_bytes for shard in shards)
        lines.append(
            f"{split}: {info.num_records(split):,} pairs in {len(shards)} shards, "
            f"{num_bytes / 1e6:.1f} MB"
        )
    return lines


def inspect(folder: str, num_records: int = _NUM_RECORDS) -> list[str]:
    """Describes a data set and writes its contact sheet.

    Args:
      folder: that `s2i prepare` wrote.
      num_records: how many records to show, of the training split if it has some.

    Returns:
      The lines to print.

    Raises:
      UserError: if there is no data set, or it is damaged.
    """
    from s2i_tf.data import pipeline
    from s2i_tf.media import image, sheet

    info = dataset_info.load(folder)
    lines = describe(info)
    counts = {
        split: collections.Counter(pipeline.load_split(folder, split, with_image=False)["label"])
        for split in spec.SPLITS
    }
    for label, name in enumerate(info.class_names):
        lines.append(f"  {name}: " + ", ".join(f"{counts[s][label]} {s}" for s in spec.SPLITS))
    split = next(filter(info.num_records, spec.SPLITS), spec.TRAIN_SPLIT)
    batch_size = max(1, min(num_records, info.num_records(split)))
    with damage.named(folder, split):
        batch = next(iter(pipeline.build_dataset(folder, split, batch_size)))
    records = {key: value.numpy() for key, value in batch.items()}
    captions = []
    for row, record_id in enumerate(records["id"]):
        name = info.class_names[records["label"][row]]
        sound, picture = records["sound_features"][row], records["image_features"][row]
        captions.append(name)
        lines.append(
            f"{record_id.decode()}: {name}, group {records['group'][row].decode()}, "
            f"sound features {sound.mean():.3f} ± {sound.std():.3f}, "
            f"image features {picture.mean():.3f} ± {picture.std():.3f}"
        )
    path = pathlib.Path(folder) / SHEET
    files.write(path, image.encode_png(sheet.contact_sheet(list(records["image"]), captions)))
    return [*lines, f"pictures: {path}"]


def main(arguments: list[str]) -> None:
    """Prints what the folder holds."""
    if terminal.helped(arguments, __doc__, __name__):
        return
    folder, *numbers = arguments or [""]
    with told_by("tfrecords_tools.inspect"):
        if not folder or len(numbers) > 1 or not all(number.isdecimal() for number in numbers):
            raise UserError("usage: python -m tfrecords_tools.inspect FOLDER [NUM]")
        print("\n".join(inspect(folder, *map(int, numbers))))


if __name__ == "__main__":
    with terminal.any_output():
        main(sys.argv[1:])
