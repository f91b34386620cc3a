import math

import numpy as np
import pytest

from s2i_tf.evaluation.inputs import Heard
from s2i_tf.evaluation.metrics.confidence import Confidence
from s2i_tf.evaluation.metrics.metric import NotMeasured
from tests.evaluation.conftest import make_items, make_predictions

LABELS = np.arange(40) % 2


def measured(heard, unknown=None, own_labels=(0, 1)):
    sounds = make_items(LABELS)
    return Confidence().measure(
        make_predictions(
            sounds, sounds, heard=heard, unknown_scores=unknown, own_labels=np.array(own_labels)
        )
    )


def test_one_that_says_what_is_true_has_no_calibration_error():
    wrong = np.arange(40) % 10 == 0
    certainty = np.full(40, 0.9)
    part = measured(Heard(np.where(wrong, 1 - LABELS, LABELS), certainty, np.ones(40)))
    (row,) = part["rows"]
    assert [row[name]["value"] for name in ("accuracy", "certainty")] == pytest.approx([0.9, 0.9])
    assert row["calibration_error"]["value"] == pytest.approx(0)
    assert row["known"]["value"] == 1 and part["unknown"] is None
    surer = measured(Heard(np.where(wrong, 1 - LABELS, LABELS), np.ones(40), np.ones(40)))
    error = surer["rows"][0]["calibration_error"]
    assert error["value"] == pytest.approx(0.1) and error["low"] < 0.1 < error["high"]
    # Of 40 answers that are right with a chance of 0.9, the mean deviation from 36, as a share.
    chances = [math.comb(40, k) * 0.9**k * 0.1 ** (40 - k) for k in range(41)]
    expected = sum(chance * abs(k - 36) / 40 for k, chance in enumerate(chances))
    assert row["calibrated_error"] == pytest.approx(expected, rel=0.1)
    assert surer["rows"][0]["calibrated_error"] == 0


def test_sounds_of_no_class_are_told_by_their_score():
    scores = np.where(np.arange(40) < 30, 0.9, 0.2)
    part = measured(Heard(LABELS, np.ones(40), scores), np.array([0.1] * 9 + [0.95]))
    assert part["rows"][0]["known"]["value"] == pytest.approx(0.75)
    assert part["unknown"]["area"]["value"] == pytest.approx(0.9)
    assert part["unknown"]["refused"]["value"] == pytest.approx(0.9)
    assert part["unknown"]["num_sounds"] == 10
    of_sounds, of_unknown = Confidence().tables(part, {})
    assert [cell.text for cell in of_unknown.rows[0].cells] == ["0.90", "90.0\u202f%"]
    assert of_sounds.rows[0].detail == "n = 40"


def test_bounds_are_of_what_a_share_can_be():
    part = measured(Heard(LABELS, np.ones(40), np.ones(40)), np.zeros(5))
    (row,) = part["rows"]
    for estimate in (row["accuracy"], row["known"], part["unknown"]["refused"]):
        assert estimate["value"] == estimate["high"] == 1 and 0.4 < estimate["low"] < 1
    assert row["calibration_error"]["low"] >= 0
    assert part["unknown"]["area"]["value"] == 1
    assert part["unknown"]["area"]["low"] is None, "five sounds are too few to tell"


def test_a_class_that_the_model_does_not_have_is_no_mistake():
    part = measured(Heard(0 * LABELS, np.full(40, 0.9), np.ones(40)), own_labels=(0, -1))
    (row,) = part["rows"]
    assert row["num_sounds"] == 20 and row["accuracy"]["value"] == 1
    with pytest.raises(NotMeasured, match="none of the data's classes"):
        measured(Heard(0 * LABELS, np.full(40, 0.9), np.ones(40)), own_labels=(-1,))


def test_a_model_without_an_ear_is_not_measured():
    with pytest.raises(NotMeasured, match="nothing to hear with"):
        measured(None)
