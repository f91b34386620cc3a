"""The speed benchmarks' frame: processes in turns, ratios, and the table of them."""

import dataclasses
import sys
import types

import pytest

from benchmarks.speed import __main__ as speed
from benchmarks.speed import comparing, tables
from benchmarks.speed.workers import Took, Worker, WorkerFailed
from s2i_tf.errors import UserError

SLEEPER = "tests.benchmarks.sleeper"


def took(seconds, processor_seconds=1.0):
    return Took(seconds, processor_seconds, 0)


class TestWorkers:
    """The sides of a comparison."""

    def test_sides_in_turns(self):
        with (
            Worker(SLEEPER, {"milliseconds": 20}, num_threads=1) as fast,
            Worker(SLEEPER, {"milliseconds": 60}) as slow,
        ):
            assert fast.info == {"sleeps": 20}
            times = comparing.in_turns(fast.take, slow.take, num_rounds=3, num_steps=2)
        row = comparing.compare("fast", "slow", times, goal=2.0)
        assert len(row.ratios) == 3
        assert 1.5 < row.ratio <= 3.1
        assert min(row.seconds) >= 0.02
        assert min(row.against_seconds) >= 0.06

    def test_the_peak_of_memory_is_the_side_s_own(self):
        held = bytearray(256 << 20)
        held[:: 1 << 10] = b"1" * (len(held) >> 10)
        with Worker(SLEEPER, {"milliseconds": 1}) as side:
            assert 0 < side.take(1).peak_bytes < len(held) / 2

    def test_a_side_that_fails_says_why(self):
        with pytest.raises(WorkerFailed, match="RuntimeError: no such net"):
            Worker(SLEEPER, {"milliseconds": 1, "fails": True})


class TestRows:
    """Ratios."""

    def test_median_of_the_rounds(self):
        times = [took(1.0), took(2.0), took(10.0)], [took(3.0), took(3.0), took(5.0)]
        row = comparing.compare("a", "b", times)
        assert row.ratios == [3.0, 1.5, 0.5]
        assert row.ratio == 1.5
        assert row.processor_ratio == 1.0

    def test_more_work_in_the_same_time_is_faster(self):
        times = [took(1.0)], [took(1.0)]
        assert comparing.compare("a", "b", times, work=4.0).ratio == 4.0


class TestRun:
    """All benchmarks."""

    def test_some_anew_and_one_that_cannot_run(self, monkeypatch):
        def missing():
            raise UserError("PyTorch is missing")

        def fast():
            return {"rows": [comparing.compare("a", "b", ([took(1.0)], [took(2.0)]))]}

        for name, measure in (("one", fast), ("two", missing)):
            module = types.ModuleType(f"benchmark_{name}")
            module.measure = measure
            monkeypatch.setitem(sys.modules, module.__name__, module)
        names = {name: f"benchmark_{name}" for name in ("zero", "one", "two")}
        monkeypatch.setattr(speed, "BENCHMARKS", names)
        before = {"zero": {"rows": []}, "two": {"rows": []}}
        first, last = speed.run(["one", "two"], before)
        assert list(last["benchmarks"]) == ["zero", "one", "two"]
        assert first["benchmarks"]["two"] == {"rows": []}
        assert last["benchmarks"]["one"]["rows"][0]["ratio"] == 2.0
        assert last["benchmarks"]["two"]["left_out"] == "PyTorch is missing"
        assert last["machine"]["num_cores"] >= 1


class TestTables:
    """The page's blocks."""

    def test_summary(self):
        row = comparing.compare("ours", "theirs", ([took(0.002)], [took(0.003)]), goal=1.3)
        worse = comparing.compare("ours", "limit", ([took(2.0)], [took(1.0)]), goal=0.9)
        found = {
            "machine": {
                "processor": "P",
                "num_cores": 2,
                "python": "3.11",
                "versions": {"numpy": "2", "torch": None},
                "load_before": 0.1,
            },
            "benchmarks": {
                "step": {"rows": [dataclasses.asdict(row), dataclasses.asdict(worse)]},
                "other": {"left_out": "PyTorch is missing"},
            },
        }
        built = tables.blocks(found, {"step": "benchmarks.speed", "other": "benchmarks.speed"})
        lines = built["summary"].splitlines()
        assert lines[2] == "| 1.50 × | – | ≥ 1.3: reached | ours | theirs | 2 ms | 3 ms |"
        assert "≥ 0.9: missed" in lines[3]
        assert lines[-1] == "Left out: other, as PyTorch is missing"
        assert "torch" not in built["machine"]
