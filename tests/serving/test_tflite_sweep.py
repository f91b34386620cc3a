"""`export/tflite_sweep.py`."""

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf.data import dataset_info
from s2i_tf.features.base import Classifier
from s2i_tf.serving import examples, tflite_export

pytest.importorskip("ai_edge_litert.interpreter")

from export import tflite_sweep


class ShadeJudge(Classifier):
    """Names a picture by its mean shade."""

    name = "shade"
    modality = "image"

    def prepare(self, item):
        return item.mean(dtype=np.float32)

    def __call__(self, batch):
        return -np.abs(batch[:, None] / 13 - np.arange(20, dtype=np.float32))


@pytest.fixture(scope="module")
def sounds():
    photos = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3)).astype(np.uint8)
    return tflite_sweep.Sounds(examples.sounds(6, 3), photos)


def test_the_parts_make_the_chain(toy, sounds):
    parts = tflite_sweep.chain_parts(toy.model, toy.extractor)
    stages = tflite_sweep.intermediate(parts, sounds.windows)
    features = toy.extractor(sounds.windows * np.float32(256))
    np.testing.assert_allclose(stages[1], features, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(stages[-1], toy.model.generate(features), atol=1e-3)


def test_a_part_is_measured_against_keras():
    part = tflite_sweep.Part(lambda given: given * 2 + 1)
    given = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    contents = tflite_sweep.convert_part(part, (), "float32", given, given)
    row, made = tflite_sweep.measure(contents, "serving_default", given, num_runs=2)
    np.testing.assert_allclose(made, given * 2 + 1, rtol=1e-6)
    assert row["mib"] == len(contents) / 2**20
    assert row["ms_1_threads"] > 0 and row["ms_2_threads"] > 0


def test_differences_of_features_are_in_standard_deviations():
    expected = np.array([0.0, 2.0])
    got = np.array([0.0, 2.5])
    assert tflite_sweep.differences(got, expected, False) == {"worst": 0.5, "mean": 0.25}
    doubled = tflite_sweep.differences(2 * got, 2 * expected, False)
    assert doubled == {"worst": 0.5, "mean": 0.25}
    assert tflite_sweep.differences(2 * got, 2 * expected, True) == {"worst": 1.0, "mean": 0.5}


def test_the_match_of_pictures_with_themselves_is_whole(sounds):
    judge = tflite_sweep.Judge(ShadeJudge())
    seen = judge.look(sounds.photos).labels
    whole = tflite_sweep.match(judge, sounds.photos / 255, seen)
    assert set(whole.values()) == {1.0}
    assert tflite_sweep.match(judge, np.zeros(sounds.photos.shape), seen)["top_1"] == 0.0


def test_eval_sounds_come_with_their_photos(dataset_with_sounds):
    folder = dataset_with_sounds("eval", 6)
    found = tflite_sweep.eval_sounds(str(folder), 4)
    assert found.windows.shape == (4, 132_300) and np.abs(found.windows).max() <= 1
    # The made-up photos are of one shade, but for the pixel that tells them apart.
    pixels = found.photos.reshape(4, -1, 3)
    others = (pixels != np.median(pixels, axis=1, keepdims=True)).any(axis=2).sum(axis=1)
    assert found.photos.dtype == np.uint8 and (others <= 1).all()
    assert dataset_info.load(folder).num_records("eval") == 6


def test_the_table_groups_by_part():
    rows = [
        {"part": "whole chain", "quantization": "keras", "top_1": 0.25},
        {"part": "whole chain", "quantization": "float32", "mib": 1.25, "worst": 0.00123},
        {"part": "sound net", "quantization": "float32", "mib": 0.5},
        {"part": "whole chain", "quantization": "float16", "mib": 0.6},
    ]
    lines = tflite_sweep.table(rows).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| whole chain"] * 3 + ["| sound net"]
    assert lines[0].count("|") == lines[2].count("|")
    assert "25.0%" in lines[2] and "0.0012" in lines[3]


@pytest.mark.slow
def test_the_sweep_writes_a_table_and_pictures(toy, small, sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(
        tflite_export, "QUANTIZATIONS", {"float32": tflite_export.QUANTIZATIONS["float32"]}
    )
    rows, pictures = tflite_sweep.sweep(
        small, toy.extractor, ShadeJudge(), sounds, sounds.windows, 2
    )
    tflite_sweep.write(tmp_path, rows, pictures, sounds)
    assert [row["part"] for row in rows] == ["whole chain"] * 2 + [
        "sound net",
        "multimodal layers",
        "feature GAN",
        "image GAN",
    ]
    assert all(row["mean"] < 1e-3 for row in rows[1:])
    assert rows[0]["top_10"] == rows[1]["top_10"]
    sheet = tf.io.decode_png((tmp_path / "pictures.png").read_bytes())
    assert sheet.shape[1] > 3 * 128
    assert "| whole chain | keras |" in (tmp_path / "sweep.md").read_text()
