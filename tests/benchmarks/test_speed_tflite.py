"""The TFLite benchmark: its calibration data, and all of it where the sound net is."""

import numpy as np
import pytest

from benchmarks.speed import tflite, tflite_sides
from s2i_tf.features import weights


def test_the_calibration_data_has_its_sounds(tmp_path, monkeypatch):
    from s2i_tf.serving import tflite_export

    monkeypatch.setattr(tflite_sides, "_NUM_CALIBRATION_RECORDS", 3)
    tflite_sides.write_calibration_data(tmp_path / "data")
    windows = tflite_export.training_windows(tmp_path / "data", 3)
    assert windows.shape == (3, 132_300)
    assert np.abs(windows).max(axis=1).min() > 0.001


def test_size_and_accuracy_are_tabled():
    more = {"num_bytes": 3 << 20, "mean_difference": 0.0123, "allowed": 0.1}
    text = tflite.blocks({"rows": [{"what": "TFLite, dynamic int8", "more": more}]})["accuracy"]
    assert text.splitlines()[-1] == "| TFLite, dynamic int8 | 3.0 MiB | 0.012 | 0.1 |"


@pytest.mark.apart
@pytest.mark.weights
@pytest.mark.slow
def test_all_rows(sides_here):
    pytest.importorskip("ai_edge_litert.interpreter")
    if not weights.path("soundnet").exists():
        pytest.skip("SoundNet is not in the cache; `s2i weights fetch soundnet` brings it")
    rows = tflite.measure(num_rounds=1, num_steps=2)["rows"]
    assert [row.goal for row in rows] == [None, 2.0]
    assert all(row.more["mean_difference"] <= row.more["allowed"] for row in rows)
