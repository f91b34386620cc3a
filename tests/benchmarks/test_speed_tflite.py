"""The TFLite benchmark: its calibration data, its exports, and its rows with a toy model's."""

import types

import numpy as np
import pytest

from benchmarks.speed import tflite, tflite_sides


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


def test_the_package_s_model_is_exported_in_every_form(tmp_path, monkeypatch):
    from benchmarks.speed import generating_sides
    from s2i_tf.serving import saved_model, tflite_export

    def export(*model_and_net_and_folder, quantization="saved_model", data=None):
        assert model_and_net_and_folder == ("model", "net", tmp_path)
        assert data in (None, tmp_path / "data")
        path = tmp_path / quantization
        return types.SimpleNamespace(folder=path, path=path, num_bytes=9, mean_difference=0.01)

    monkeypatch.setattr(generating_sides, "require_sound_net", lambda: None)
    monkeypatch.setattr(saved_model, "load_with_net", lambda folder: ("model", "net"))
    monkeypatch.setattr(tflite_sides, "write_calibration_data", lambda folder: None)
    for module in (saved_model, tflite_export):
        monkeypatch.setattr(module, "export", export)
    made = tflite_sides.export(tmp_path, ("float32",))
    assert made["saved_model"] == {"path": str(tmp_path / "saved_model")}
    assert made["float32"] == {
        "path": str(tmp_path / "float32"),
        "num_bytes": 9,
        "mean_difference": 0.01,
        "allowed": 1e-4,
    }


@pytest.mark.slow
def test_all_rows(sides_here, exported, float32_file, monkeypatch):
    pytest.importorskip("ai_edge_litert.interpreter")

    def export(folder, quantizations):
        found = {"num_bytes": 9, "mean_difference": 0.01, "allowed": 0.1}
        files = {name: {"path": str(float32_file), **found} for name in quantizations}
        return {"saved_model": {"path": str(exported.folder)}, **files}

    monkeypatch.setattr(tflite_sides, "export", export)
    rows = tflite.measure(num_rounds=1, num_steps=2)["rows"]
    assert [row.goal for row in rows] == [None, 2.0]
    assert all(row.ratio > 0 and row.more["mean_difference"] == 0.01 for row in rows)
