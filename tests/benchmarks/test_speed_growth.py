"""The benchmark of growth at toy size."""

import pytest
import tensorflow as tf

from benchmarks.speed import growth, growth_sides
from s2i_tf.data import dataset_info


def test_many_shards_of_one_file_are_read_as_a_data_set(tmp_path):
    growth_sides.write_dataset(tmp_path / "data", 3, 4)
    info = dataset_info.load(tmp_path / "data")
    assert info.num_records("train") == 12
    for balanced in (False, True):
        step, opening = growth_sides.build(
            "reading", folder=str(tmp_path / "data"), batch_size=5, balanced=balanced
        )
        assert step()["sound_features"].shape == (5, 4096)
        assert opening["open_seconds"] > 0


@pytest.mark.parametrize("size", [{"side": 64}, {"filters": 4}, {"batch_size": 1}])
def test_a_step_of_any_size(size):
    settings = {"side": 32, "filters": 2, "batch_size": 2, **size}
    step, info = growth_sides.build("training", **settings)
    assert all(tf.math.is_finite(value) for value in step().values())
    assert info["num_weights"] > 1000


@pytest.mark.slow
def test_sweeps_tables_and_pictures(tmp_path, sides_here):
    found = growth.measure(
        base={"side": 32, "filters": 2, "batch_size": 2},
        step_sweeps={"batch_size": (1, 2), "filters": (2,)},
        many_records=(40,),
        many_shards=(1, 2),
        balanced_records=(40,),
        num_shards=2,
        num_records=80,
        turn_seconds=0.01,
    )
    sweeps = found["sweeps"]
    assert sweeps["batch_size"][1]["seconds"] == sweeps["filters"][0]["seconds"]
    built = growth.blocks(found)
    assert list(built) == ["batch_size", "filters", "records", "balanced", "shards"]
    assert len(built["shards"].splitlines()) == 4
    growth.draw(found, tmp_path / "speed")
    for name in ("growth_training.png", "growth_reading.png"):
        assert (tmp_path / "speed" / name).stat().st_size > 10_000
