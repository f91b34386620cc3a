import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.data import damage, dataset_info, pipeline, schema
from s2i_tf.errors import UserError


def ids(dataset, num):
    return [batch["id"].numpy().tolist() for batch in dataset.take(num)]


def test_batches_have_the_documented_shapes(tiny_dataset):
    batch = next(iter(pipeline.build_dataset(tiny_dataset, "train", 4)))
    assert batch["sound_features"].shape == batch["image_features"].shape == (4, 4096)
    assert batch["image"].shape == (4, 128, 128, 3)
    assert batch["image"].dtype == np.uint8


def test_one_epoch_holds_every_record_once(tiny_dataset):
    seen = sum(ids(pipeline.build_dataset(tiny_dataset, "train", 4), 3), [])
    assert len(set(seen)) == len(seen) == 12


def test_the_order_depends_on_the_seed_and_changes_between_epochs(tiny_dataset):
    one = ids(pipeline.build_dataset(tiny_dataset, "train", 4, seed=1), 6)
    assert one == ids(pipeline.build_dataset(tiny_dataset, "train", 4, seed=1), 6)
    assert one != ids(pipeline.build_dataset(tiny_dataset, "train", 4, seed=2), 6)
    assert one[:3] != one[3:]


def test_skipping_goes_on_where_another_run_stopped(tiny_dataset):
    whole = ids(pipeline.build_dataset(tiny_dataset, "train", 4, seed=1), 7)
    rest = pipeline.build_dataset(tiny_dataset, "train", 4, seed=1, skip_batches=5)
    assert ids(rest, 2) == whole[5:]


def test_a_batch_larger_than_the_data_is_filled_from_the_next_epoch(tiny_dataset):
    assert len(ids(pipeline.build_dataset(tiny_dataset, "eval", 20), 1)[0]) == 20


def test_a_split_in_memory_keeps_its_order_and_has_text_as_str(tiny_dataset):
    columns = pipeline.load_split(tiny_dataset, "eval")
    assert list(columns["id"]) == [f"eval/{index}" for index in range(6)]
    assert columns["image"].shape == (6, 128, 128, 3)


def balanced(folder, num, batch_size=6, **settings):
    dataset = pipeline.build_balanced_dataset(folder, "train", batch_size, **settings)
    return [{key: value.numpy() for key, value in batch.items()} for batch in dataset.take(num)]


@pytest.mark.parametrize("with_image", [True, False])
@pytest.mark.parametrize("repair_pairs", [True, False])
def test_balanced_batches_have_the_documented_keys_types_and_shapes(
    tiny_dataset, with_image, repair_pairs
):
    settings = {"with_image": with_image}
    plain = next(iter(pipeline.build_dataset(tiny_dataset, "train", 6, **settings)))
    dataset = pipeline.build_balanced_dataset(
        tiny_dataset, "train", 6, repair_pairs=repair_pairs, **settings
    )
    assert dataset.element_spec.keys() == plain.keys()
    batch = next(iter(dataset))
    for key, value in plain.items():
        assert (batch[key].dtype, batch[key].shape) == (value.dtype, value.shape)


@pytest.mark.parametrize("batch_size", [2, 3, 7])
def test_balanced_batches_hold_each_class_as_often_as_the_others(uneven_dataset, batch_size):
    total = np.zeros(3, int)
    for batch in balanced(uneven_dataset, 60, batch_size, with_image=False):
        counts = np.bincount(batch["label"], minlength=3)
        assert counts.max() - counts.min() <= 1
        total += counts
    assert total.min() > 0.8 * total.mean()


@pytest.fixture(scope="module")
def uneven_dataset(make_dataset, tmp_path_factory):
    """Classes of 5, 4 and 4 records."""
    return make_dataset(tmp_path_factory.mktemp("data") / "uneven", num_train=13)


def test_without_repairing_a_balanced_batch_holds_whole_records(tiny_dataset):
    whole = pipeline.load_split(tiny_dataset, "train")
    row_of = {record_id: row for row, record_id in enumerate(whole["id"])}
    for batch in balanced(tiny_dataset, 3):
        rows = [row_of[record_id.decode()] for record_id in batch["id"]]
        for key in ("sound_features", "image_features", "image", "label"):
            np.testing.assert_array_equal(batch[key], whole[key][rows])


def test_repaired_pairs_are_of_one_class_and_reach_every_sound_with_every_photo(tiny_dataset):
    whole = pipeline.load_split(tiny_dataset, "train")
    label_of = dict(zip(whole["sound_id"], whole["label"], strict=True))
    label_of |= dict(zip(whole["image_id"], whole["label"], strict=True))
    sounds = dict(zip(whole["sound_id"], whole["sound_features"], strict=True))
    images = dict(zip(whole["image_id"], whole["image_features"], strict=True))
    groups = dict(zip(whole["sound_id"], whole["group"], strict=True))
    seen = set()
    for batch in balanced(tiny_dataset, 60, with_image=False, repair_pairs=True):
        for row, label in enumerate(batch["label"]):
            sound, image = (batch[f"{kind}_id"][row].decode() for kind in ("sound", "image"))
            assert label_of[sound] == label_of[image] == label
            assert batch["id"][row].decode() == f"{sound}|{image}"
            assert batch["group"][row].decode() == groups[sound]
            np.testing.assert_array_equal(batch["sound_features"][row], sounds[sound])
            np.testing.assert_array_equal(batch["image_features"][row], images[image])
            seen.add((sound, image))
    assert len(seen) == 3 * 4 * 4


@pytest.mark.parametrize("repair_pairs", [True, False])
def test_a_balanced_batch_follows_from_the_seed_and_its_number(tiny_dataset, repair_pairs):
    def drawn(num, **settings):
        batches = balanced(tiny_dataset, num, with_image=False, **settings)
        return [batch["id"].tolist() for batch in batches]

    settings = {"repair_pairs": repair_pairs}
    whole = drawn(7, seed=1, **settings)
    assert whole == drawn(7, seed=1, **settings)
    assert drawn(2, seed=1, skip_batches=5, **settings) == whole[5:]
    assert drawn(7, seed=2, **settings) != whole
    assert len({str(ids) for ids in whole}) == 7


def test_a_photo_of_two_sounds_is_drawn_as_often_as_the_others(make_dataset, tmp_path):
    """Rows repeat the smaller side; repaired pairs draw items, not rows."""
    folder = make_dataset(tmp_path / "data", num_train=4, num_classes=1)
    path = next(folder.glob("*-train.*"))
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    records = [record.replace(b"images/train1.", b"images/train0.") for record in records]
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)
    batches = balanced(folder, 100, 6, with_image=False, repair_pairs=True)
    images, counts = np.unique(
        np.concatenate([batch["image_id"] for batch in batches]), return_counts=True
    )
    assert len(images) == 3
    assert counts.min() > 150


@pytest.fixture
def damaged(make_dataset, tmp_path):
    return make_dataset(tmp_path / "data")


def test_a_missing_shard_is_named(damaged):
    next(damaged.glob("*-train.*")).unlink()
    with pytest.raises(UserError, match="train.tfrecord-00000-of-00001: the shard is missing"):
        pipeline.build_dataset(damaged, "train", 2)


def test_a_shortened_shard_is_named(damaged):
    path = next(damaged.glob("*-eval.*"))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(UserError, match="bytes; dataset_info.json says"):
        pipeline.load_split(damaged, "eval")


def test_a_shard_of_another_net_is_refused_when_the_pipeline_is_built(damaged):
    path = damaged / dataset_info.FILE_NAME
    values = json.loads(path.read_text())
    values["fingerprints"]["image_fingerprint"] = "another"
    path.write_text(json.dumps(values))
    with pytest.raises(UserError, match="image_fingerprint 'i'; allowed: 'another'"):
        pipeline.build_dataset(damaged, "train", 2)


def test_a_shard_of_noise_is_refused(damaged):
    path = next(damaged.glob("*-train.*"))
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(UserError, match="record 0 at byte 0 is damaged"):
        pipeline.build_dataset(damaged, "train", 2)


@pytest.fixture
def sharded(damaged):
    """A data set of 30 shards, all the same, and their paths."""
    info = dataset_info.load(damaged)
    (shard,) = info.splits["train"]
    shards = [dataclasses.replace(shard, file=f"{number:02}.tfrecord") for number in range(30)]
    for copy in shards:
        shutil.copy(damaged / shard.file, damaged / copy.file)
    info.splits["train"] = tuple(shards)
    info.save(damaged)
    return damaged, [damaged / copy.file for copy in shards]


def test_opening_reads_first_records_alone_and_builds_no_pipeline(sharded, monkeypatch):
    folder, paths = sharded
    monkeypatch.setattr(tf.data, "TFRecordDataset", None)
    before = bytes_read()
    info = dataset_info.load(folder)
    assert damage.checked_shards(folder, info, "train") == paths
    # Of the 12 records of a shard one, and the description of all.
    assert bytes_read() - before < sum(path.stat().st_size for path in paths) / 9


@pytest.mark.parametrize("first_bad", [0, 5, 14])
@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (lambda shard: b"x" * len(shard), "record 0 at byte 0 is damaged: its .* another checksum"),
        (lambda shard: b"", "not a shard of this data set: it is empty"),
        (
            lambda shard: shard.replace(b"image_fingerprint", b"image_fingerqrint"),
            "record 0 at byte 0 is damaged: its .* another checksum",
        ),
    ],
)
def test_of_many_shards_the_first_bad_one_is_named(sharded, first_bad, contents, message):
    folder, paths = sharded
    for number in (first_bad, first_bad + 1, 29):
        paths[number].write_bytes(contents(paths[number].read_bytes()))
    info = dataset_info.load(folder)
    shards = [
        dataclasses.replace(shard, num_bytes=(folder / shard.file).stat().st_size)
        for shard in info.splits["train"]
    ]
    info.splits["train"] = tuple(shards)
    with pytest.raises(UserError, match=f"{first_bad:02}.tfrecord: {message}"):
        damage.checked_shards(folder, info, "train")


def test_of_many_shards_the_first_of_another_net_is_named(sharded, make_dataset, tmp_path):
    folder, paths = sharded
    other = make_dataset(
        tmp_path / "other", fingerprints={"sound_fingerprint": "s", "image_fingerprint": "j"}
    )
    for number in (20, 25):
        shutil.copy(next(other.glob("*-train.*")), paths[number])
    with pytest.raises(UserError, match="20.tfrecord: record with image_fingerprint 'j'"):
        pipeline.build_dataset(folder, "train", 2)


def test_the_description_is_read_once(tiny_dataset, monkeypatch):
    read = []
    load = dataset_info.load
    monkeypatch.setattr(dataset_info, "load", lambda folder: read.append(folder) or load(folder))
    pipeline.build_dataset(tiny_dataset, "train", 2)
    assert read == [tiny_dataset]


def test_a_wrong_folder_and_an_unknown_split_are_refused(tiny_dataset, tmp_path):
    with pytest.raises(UserError, match="no prepared data set here"):
        pipeline.load_split(tmp_path, "train")
    with pytest.raises(UserError, match="unknown split 'test'; known: eval, train"):
        pipeline.load_split(tiny_dataset, "test")


def bytes_read():
    """That this process has read so far; the kernel counts them."""
    counts = pathlib.Path("/proc/self/io")
    if not counts.exists():
        pytest.skip("only Linux counts what a process reads")
    return int(counts.read_text().split()[1])


@pytest.mark.parametrize("build", [pipeline.load_split, pipeline.build_balanced_dataset])
def test_reading_a_split_reads_each_byte_once(make_dataset, tmp_path, build):
    folder = make_dataset(tmp_path / "data", num_train=90)
    num_bytes = sum(path.stat().st_size for path in folder.glob("*-train.*"))
    settings = {} if build is pipeline.load_split else {"batch_size": 8}
    before = bytes_read()
    build(folder, "train", **settings)
    # The rest is the description, and the first record again.
    assert num_bytes <= bytes_read() - before < 1.1 * num_bytes


def test_pictures_that_are_not_asked_for_are_not_even_copied(tiny_dataset):
    path = next(tiny_dataset.glob("*-train.*"))
    serialized = next(iter(tf.data.TFRecordDataset(str(path)).batch(4)))
    assert "image" not in schema.parse_columns(serialized, "float16", with_image=False)
    columns = schema.parse_columns(serialized, "float16")
    assert columns["image"].dtype == tf.string
    assert columns["sound_features"].dtype == tf.float16
