"""The benchmark's arithmetic by hand, and its order of segments on a clock of our own."""

import numpy as np
import pytest

from benchmarks import training_loop


def test_the_share_is_that_of_the_pairs_with_the_states_shared_out():
    bare = [np.array([90.0, 9.0]), np.array([100.0, 9.0]), np.array([80.0, 9.0])]
    in_loop = [np.array([100.0, 10.0])] * 3
    found = training_loop.summarize(bare, in_loop, np.array([500.0, 0.0]), 100)
    clock, processor = found["clock"], found["processor"]
    assert (clock["bare_ms"], clock["loop_ms"]) == (90.0, 100.0)
    assert clock["share_without_states"] == pytest.approx(0.9)
    assert clock["share"] == pytest.approx(90 / 105)
    assert processor["share"] == pytest.approx(0.9)


def test_segments_alternate_and_the_first_steps_are_not_counted(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(training_loop, "_clocks", lambda: np.array([now[0], 2 * now[0]]))

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
    np.testing.assert_allclose(asked.loop_ms, [[3.0, 6.0]] * 3)
    np.testing.assert_allclose(asked.bare_ms, [[2.0, 4.0]] * 3)
