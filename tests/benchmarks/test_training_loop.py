"""The benchmark's arithmetic by hand, and its order of segments on a clock of our own."""

import pytest

from benchmarks import training_loop


def test_the_share_is_that_of_the_pairs_with_the_states_shared_out():
    found = training_loop.summarize([90.0, 100.0, 80.0], [100.0, 100.0, 100.0], 500.0, 100)
    assert (found["bare_ms"], found["loop_ms"]) == (90.0, 100.0)
    assert found["share_without_states"] == pytest.approx(0.9)
    assert found["share"] == pytest.approx(90 / 105)


def test_segments_alternate_and_the_first_steps_are_not_counted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(training_loop.time, "perf_counter", lambda: now[0])

    def bare_step():
        now[0] += 0.002

    asked = training_loop.Interleaved(bare_step, num_pairs=3, segment=5)
    num_steps = 0
    while True:
        now[0] += 0.003 if num_steps % 15 >= 10 else 1.0  # reading ahead makes no difference
        num_steps += 1
        if asked():
            break
    assert num_steps == 3 * 15
    assert asked.loop_ms == pytest.approx([3.0] * 3)
    assert asked.bare_ms == pytest.approx([2.0] * 3)
