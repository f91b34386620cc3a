import json

import numpy as np
import pytest

from s2i_tf.data import dataset_info, pipeline
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
    with pytest.raises(UserError, match="not a shard of this data set"):
        pipeline.build_dataset(damaged, "train", 2)


def test_a_wrong_folder_and_an_unknown_split_are_refused(tiny_dataset, tmp_path):
    with pytest.raises(UserError, match="no prepared data set here"):
        pipeline.load_split(tmp_path, "train")
    with pytest.raises(UserError, match="unknown split 'test'; known: eval, train"):
        pipeline.load_split(tiny_dataset, "test")
