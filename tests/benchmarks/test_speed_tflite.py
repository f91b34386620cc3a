"""The TFLite benchmark: its exports, and its rows with a toy model's."""

import types

import pytest

from benchmarks.speed import tflite, tflite_sides


def test_size_and_accuracy_are_tabled():
    more = {"num_bytes": 3 << 20, "mean_difference": 0.0123, "allowed": 0.1}
    text = tflite.blocks({"rows": [{"what": "TFLite, float16", "more": more}]})["accuracy"]
    assert text.splitlines()[-1] == "| TFLite, float16 | 3.0 MiB | 0.012 | 0.1 |"


def test_the_package_s_model_is_exported_in_every_form(tmp_path, monkeypatch):
    from benchmarks.speed import generating_sides
    from s2i_tf.serving import saved_model, tflite_export

    def export(*model_and_net_and_folder, quantization="saved_model"):
        assert model_and_net_and_folder == ("model", "net", tmp_path)
        path = tmp_path / quantization
        return types.SimpleNamespace(folder=path, path=path, num_bytes=9, mean_difference=0.01)

    monkeypatch.setattr(generating_sides, "require_sound_net", lambda: None)
    monkeypatch.setattr(saved_model, "load_with_net", lambda folder: ("model", "net"))
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
    assert len(rows) == 2
    assert all(row.ratio > 0 and row.more["mean_difference"] == 0.01 for row in rows)
