"""The benchmark's arithmetic by hand, and its order of segments on a clock of our own."""

import numpy as np
import pytest

from benchmarks.speed import loop


def test_the_ratio_is_that_of_the_pairs_with_the_states_shared_out():
    bare = [np.array([90.0, 9.0]), np.array([100.0, 9.0]), np.array([80.0, 9.0])]
    in_loop = [np.array([100.0, 10.0])] * 3
    found = loop.summarize(bare, in_loop, np.array([5.0, 0.0]))
    (row,) = found["rows"]
    assert row.ratio == pytest.approx(90 / 105)
    assert row.processor_ratio == pytest.approx(0.9)
    assert row.goal == 0.97
    clock = found["parts"]["clock"]
    assert clock["the step"] == 90.0
    assert clock["reading, decoding, logs"] == pytest.approx(10.0)
    table = loop.blocks(found)["profile"]
    assert "| the step | 90 s (85.7%) | 9 s (90.0%) |" in table


def test_segments_alternate_and_the_first_steps_are_not_counted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(loop, "_clocks", lambda: np.array([now[0], 2 * now[0]]))

    def bare_step():
        now[0] += 0.002

    asked = loop.Interleaved(bare_step, num_pairs=3, segment=5)
    num_steps = 0
    while True:
        now[0] += 0.003 if num_steps % 15 >= 10 else 1.0  # reading ahead makes no difference
        num_steps += 1
        if asked():
            break
    assert num_steps == 3 * 15
    np.testing.assert_allclose(asked.in_loop, [[0.003, 0.006]] * 3)
    np.testing.assert_allclose(asked.bare, [[0.002, 0.004]] * 3)
