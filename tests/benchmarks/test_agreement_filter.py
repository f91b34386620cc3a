"""The filter's precision, recall and lift against numbers counted by hand."""

import pytest

from benchmarks import agreement_filter
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages.refine import AGREE, DISAGREE, Verdict

# Four true pairs, three kept; four false ones, one kept.
KEPT = {"0": True, "1": True, "2": True, "3": False, "4": True, "5": False, "6": False, "7": False}


def test_precision_recall_and_lift():
    truth = {
        f"{name}.mp4": {"sound": "bell", "picture": "bell" if int(name) < 4 else "drum"}
        for name in KEPT
    }
    verdicts = [
        Verdict(f"{name}.mp4#0", None, AGREE if kept else DISAGREE) for name, kept in KEPT.items()
    ]
    found = agreement_filter.judge(Settings(rule="sets_meet", top_k=3), verdicts, truth)
    assert found["kept"] == 4
    assert found["precision"] == pytest.approx(3 / 4)
    assert found["recall"] == pytest.approx(3 / 4)
    assert found["lift"] == pytest.approx(1.5)
    low, high = found["precision_95"]
    assert 0 < low < 3 / 4 < high < 1
    assert (found["rule"], found["top_k"]) == ("sets_meet", 3)


def test_a_filter_that_keeps_nothing_has_no_precision():
    truth = {"a.mp4": {"sound": "x", "picture": "x"}, "b.mp4": {"sound": "x", "picture": "y"}}
    verdicts = [Verdict(f"{name}#0", None, DISAGREE) for name in truth]
    found = agreement_filter.judge(Settings(), verdicts, truth)
    assert (found["kept"], found["precision"], found["recall"]) == (0, 0, 0)
