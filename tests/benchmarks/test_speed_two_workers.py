"""The benchmark of two workers at toy size: both sides train the same networks."""

import dataclasses

import pytest

from benchmarks.speed import two_workers, two_workers_sides, workers
from tests.benchmarks.conftest import SideHere


def test_one_worker_takes_steps():
    step, info = two_workers_sides.build(side=32, filters=2, batch_size=2)
    step()
    step()
    assert info["num_weights"] > 1000


@pytest.mark.slow
def test_two_workers_beside_one(monkeypatch):
    def worker(module, settings, **kwargs):
        """Workers that wait for one another are processes; the one alone needs none of its own."""
        kind = workers.Worker if "addresses" in settings else SideHere
        return kind(module, settings, **kwargs)

    monkeypatch.setattr(two_workers, "Worker", worker)
    rows = two_workers.measure(picture_side=32, filters=2, batch_sizes=(4,), num_rounds=1)["rows"]
    assert rows[0].goal == 1.7
    assert rows[0].ratio > 0
    built = two_workers.blocks({"rows": [dataclasses.asdict(row) for row in rows]})
    assert built["profile"].splitlines()[-1].startswith("| 4 | 0 MB |")
