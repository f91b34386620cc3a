"""`verify` finds what is wrong, `inspect` shows what is there."""

import dataclasses
import io
import json
import pathlib
import runpy
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from s2i_tf.data import dataset_info
from tfrecords_tools import inspect, verify
from tfrecords_tools.engine import manifest


def first_shard(folder: pathlib.Path, split: str) -> pathlib.Path:
    return folder / dataset_info.load(folder).splits[split][0].file


def rewrite(folder: pathlib.Path, split: str, records: list[bytes]) -> None:
    """Puts records into a shard and makes all checksums fit: only the contents can tell."""
    path = first_shard(folder, split)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    measured = manifest.FileRecord.of(str(path))
    info = dataset_info.load(folder)
    first, *others = info.splits[split]
    changed = dataclasses.replace(first, num_bytes=measured.num_bytes, sha256=measured.sha256)
    dataclasses.replace(info, splits={**info.splits, split: (changed, *others)}).save(folder)


def records_of(folder: pathlib.Path, split: str) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(first_shard(folder, split))).as_numpy_iterator())


def changed(record: bytes, **values: bytes | int) -> bytes:
    example = tf.train.Example.FromString(record)
    for key, value in values.items():
        feature = example.features.feature[key]
        (feature.int64_list if isinstance(value, int) else feature.bytes_list).value[0] = value
    return example.SerializeToString()


def test_a_good_data_set_is_well(prepared, capsys):
    assert verify.verify(str(prepared)) == []
    assert verify.main([str(prepared)]) == 0
    assert capsys.readouterr().out == f"{prepared}: all is well\n"


@pytest.mark.parametrize("position", [0.01, 0.5, 0.99])
def test_a_flipped_bit_is_found(prepared, position, capsys):
    path = first_shard(prepared, "train")
    contents = bytearray(path.read_bytes())
    contents[int(position * len(contents))] ^= 16
    path.write_bytes(contents)
    assert verify.main([str(prepared)]) == verify.EXIT_FAULTS
    assert f"{path.name}: SHA-256 differs" in capsys.readouterr().out


def test_a_missing_and_a_shortened_shard_are_found(prepared):
    first_shard(prepared, "eval").unlink()
    path = first_shard(prepared, "train")
    path.write_bytes(path.read_bytes()[:-7])
    faults = verify.verify(str(prepared))
    assert any(fault.endswith("missing") for fault in faults)
    assert any("bytes; the manifest says" in fault for fault in faults)


@pytest.mark.parametrize("key", ["group", "sound_id", "image_id"])
def test_what_stands_on_both_sides_is_found(prepared, key):
    train, held_out = records_of(prepared, "train"), records_of(prepared, "eval")
    shared = tf.train.Example.FromString(train[0]).features.feature[key].bytes_list.value[0]
    rewrite(prepared, "eval", [changed(held_out[0], **{key: shared}), *held_out[1:]])
    (fault,) = verify.verify(str(prepared))
    assert fault.startswith(f"1 {key}s stand on both sides of the split, such as {shared.decode()}")


@pytest.mark.parametrize("kind", ["sound", "image"])
def test_a_copy_on_the_other_side_is_known_by_its_features(prepared, kind):
    train, held_out = records_of(prepared, "train"), records_of(prepared, "eval")
    values = tf.train.Example.FromString(train[0]).features.feature
    features = values[f"{kind}_features"].bytes_list.value[0]
    rewrite(prepared, "eval", [changed(held_out[0], **{f"{kind}_features": features})])
    name = values[f"{kind}_id"].bytes_list.value[0].decode()
    assert any(
        fault.startswith(f"1 {kind}_ids have a copy of another name") and name in fault
        for fault in verify.verify(str(prepared))
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sound_fingerprint": b"0123456789abcdef"}, "sound_fingerprint '0123456789abcdef'"),
        ({"version": 99}, "version 99"),
        ({"label": 17}, "has label 17 of 3 classes"),
        ({"image": b"no picture"}, "cannot be parsed"),
        ({"sound_features": b"\xff\x7f" * 4096}, "sound_features that are not finite"),
    ],
)
def test_records_that_do_not_belong_are_found(prepared, values, message):
    records = records_of(prepared, "train")
    rewrite(prepared, "train", [changed(records[0], **values), *records[1:]])
    assert any(message in fault for fault in verify.verify(str(prepared)))


def test_doubled_and_lost_records_are_found(prepared):
    records = records_of(prepared, "train")
    rewrite(prepared, "train", [*records, records[0]])
    faults = verify.verify(str(prepared))
    assert any("stands 2 times" in fault for fault in faults)
    assert any(f"{len(records) + 1} records" in fault for fault in faults)
    assert any("holds other records than its manifest" in fault for fault in faults)


def test_wrong_folders_have_their_own_exit_status(tmp_path, capsys):
    for main in (verify.main, inspect.main):
        for arguments in ([str(tmp_path)], []):
            with pytest.raises(SystemExit) as exit_:
                main(arguments)
            assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "no prepared data set" in error and "usage:" in error


def test_inspect_counts_and_shows(prepared, capsys):
    inspect.main([str(prepared), "3"])
    text = capsys.readouterr().out
    assert "train: 15 pairs in 4 shards" in text
    assert "bell: 5 train, 1 eval" in text
    assert "sound: fake_sound, spectrum, weights none" in text
    sheet = np.asarray(Image.open(prepared / inspect.SHEET))
    assert sheet.shape[1] > 3 * 128
    assert sheet.std() > 5


def test_inspect_prints_on_any_terminal(prepared, monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii"))
    monkeypatch.setattr(sys, "argv", ["inspect", str(prepared), "1"])
    monkeypatch.delitem(sys.modules, inspect.__name__)  # it runs as a command does
    runpy.run_module(inspect.__name__, run_name="__main__")
    assert b"+-" in shown.getvalue()


def test_manifests_account_for_every_record(prepared, class_folder):
    info = dataset_info.load(prepared)
    for shard in (shard for shards in info.splits.values() for shard in shards):
        values = json.loads((prepared / f"{shard.file}.manifest.json").read_text())
        assert values["num_rows"] == shard.num_records == len(values["source_ids"])
        assert values["files"][shard.file]["sha256"] == shard.sha256
        assert values["config"]["sound_fingerprint"] == info.fingerprints["sound_fingerprint"]
        assert len(values["key"]) == 64


@pytest.mark.parametrize("split", ["train", "eval"])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("label", b"one", "has label as bytes; allowed: int"),
        ("id", 7, "has id as int; allowed: bytes"),
        ("image", 7, "has image as int; allowed: bytes"),
        ("id", b"\xff", "has id that is not UTF-8"),
        ("group", b"\xff", "has group that is not UTF-8"),
    ],
)
def test_values_of_another_type_are_named(prepared, split, key, value, message, capsys):
    first, *others = records_of(prepared, split)
    example = tf.train.Example.FromString(first)
    del example.features.feature[key]
    feature = example.features.feature[key]
    (feature.int64_list if isinstance(value, int) else feature.bytes_list).value.append(value)
    rewrite(prepared, split, [example.SerializeToString(), *others])
    assert any(message in fault for fault in verify.verify(str(prepared)))
    with pytest.raises(SystemExit):
        inspect.main([str(prepared)])
    assert capsys.readouterr().err.count("\n") == 1
