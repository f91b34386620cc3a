"""The reading benchmark at toy size: every side gives what it should."""

import numpy as np
import pytest

from benchmarks.speed import reading, reading_sides
from s2i_tf.data import pipeline

BATCH_SIZE = 4


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("reading")
    reading_sides.write_dataset(root / "shards", "float16", 2, 10)
    reading_sides.write_lists(root / "lists", 8)
    return root


@pytest.mark.parametrize("side", ["batches", "pictures"])
def test_our_sides_give_whole_batches(folders, side):
    step, info = reading_sides.build(side, str(folders / "shards"), BATCH_SIZE)
    batch = step()
    assert batch["sound_features"].shape == (BATCH_SIZE, 4096)
    assert ("image" in batch) == (side == "pictures")
    total = sum(path.stat().st_size for path in (folders / "shards").glob("*.tfrecord*"))
    assert info["record_bytes"] == pytest.approx(total / 20, rel=0.05)


@pytest.mark.parametrize("side", ["batches", "pictures"])
def test_our_sides_give_what_the_pipeline_gives(folders, side):
    step, _ = reading_sides.build(side, str(folders / "shards"), BATCH_SIZE)
    batches = pipeline.build_dataset(
        folders / "shards", "train", BATCH_SIZE, with_image=side == "pictures"
    )
    for expected in batches.take(3):
        batch = step()
        assert batch.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_array_equal(batch[key], values)


def test_the_file_is_read_on_and_on_and_each_step_as_much_as_a_batch_has(folders):
    step, info = reading_sides.build("file", str(folders / "shards"), BATCH_SIZE)
    assert {step() for _ in range(8)} == {BATCH_SIZE * info["record_bytes"]}


def test_lists_one_at_a_time_are_the_same_features(folders):
    batch = reading_sides.build("one_by_one", str(folders / "lists"), BATCH_SIZE)[0]()
    expected = np.random.default_rng(0).standard_normal((2, 4096), np.float32)
    np.testing.assert_array_equal(batch["sound_features"][0], expected[0])
    np.testing.assert_array_equal(batch["image_features"][0], expected[1])


def test_a_step_earlier_are_columns_and_records(folders):
    columns = reading_sides.build("columns", str(folders / "shards"), BATCH_SIZE)[0]()
    records = reading_sides.build("records", str(folders / "shards"), BATCH_SIZE)[0]()
    assert columns["sound_features"].dtype == np.float16
    assert records.shape == (BATCH_SIZE,)


def test_shares_of_a_batch_add_up():
    seconds = {"file": [1.0], "records": [3.0], "columns": [4.0], "batches": [5.0]}
    lines = reading.blocks({"seconds": seconds})["shares"].splitlines()[2:]
    assert [line.split("|")[-2].strip() for line in lines] == ["20%", "40%", "20%", "20%", "100%"]


def test_the_pictures_are_decoded_alone(folders):
    step, _ = reading_sides.build("jpeg", str(folders / "shards"), BATCH_SIZE)
    assert step().shape == (BATCH_SIZE, 128, 128, 3)


@pytest.mark.slow
def test_all_rows(sides_here):
    found = reading.measure(
        num_shards=2, records_per_shard=16, batch_size=4, num_rounds=1, num_steps=16
    )
    rows = found["rows"]
    assert set(reading.blocks(found)) == {"shares"}
    assert [row.goal for row in rows] == [0.5, 0.5, 20.0, None]
