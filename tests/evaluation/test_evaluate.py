import json

import numpy as np
import pytest

from s2i_tf.data import dataset_info, schema
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate, summary


@pytest.fixture
def run(tiny_dataset, fake_model, judge, tmp_path):
    def call(data_dir=tiny_dataset, out=tmp_path / "out", model=None, **kwargs):
        model = model or fake_model(data_dir, **kwargs)
        return evaluate.evaluate(model, data_dir, judge=judge, out=out, num_gallery=6)

    return call


def top_1(metrics, direction="image_to_sound", split="eval"):
    row = summary.retrieval_row(metrics, split, direction, "after")
    return row["measures"]["top_1"]["micro"]["value"], row["chance"]["top_1"]["micro"]


def match(metrics, name, k):
    row = next(row for row in metrics["label_match"]["rows"] if row["name"] == name)
    return row["match"][str(k)]["micro"]["value"]


def estimates(values):
    if isinstance(values, dict):
        if set(values) == {"value", "low", "high"}:
            yield values
        else:
            for value in values.values():
                yield from estimates(value)
    elif isinstance(values, list):
        for value in values:
            yield from estimates(value)


def test_a_perfect_model_scores_one(run):
    metrics = run()
    for direction in ("image_to_sound", "sound_to_image"):
        for split in ("train", "eval"):
            assert top_1(metrics, direction, split)[0] == 1
    for k in (1, 3, 5, 10):
        assert match(metrics, "generated", k) == match(metrics, "rebuilt", k) == 1


def test_a_constant_model_scores_chance(run):
    metrics = run(pictures="constant", vectors="constant")
    value, chance = top_1(metrics)
    assert value == pytest.approx(chance) == pytest.approx(1 / 3)
    for k in (1, 3, 5, 10):
        assert match(metrics, "generated", k) == pytest.approx(match(metrics, "shuffled", k))
    row = summary.retrieval_row(metrics, "eval", "image_to_sound", "after")
    assert row["targets_hit"]["num"] == 1


@pytest.mark.parametrize("pictures", ["perfect", "constant"])
def test_every_estimate_is_in_its_range(run, pictures):
    found = list(estimates(run(pictures=pictures, vectors=pictures)))
    assert len(found) > 100
    for estimate in found:
        if estimate["value"] is not None:
            assert 0 <= estimate["low"] <= estimate["high"] <= 1
            assert 0 <= estimate["value"] <= 1


def test_the_files_are_whole_and_the_same_each_time(run, tmp_path):
    metrics = run(out=tmp_path / "one")
    run(out=tmp_path / "two")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {
        "metrics.json",
        "report.html",
        "retrieval.png",
        "label_match.png",
        "pictures.png",
    }
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert json.loads((tmp_path / "one" / "metrics.json").read_text()) == metrics


def test_an_earlier_evaluation_is_replaced(run, tmp_path):
    run()
    (tmp_path / "out" / ".tmp_report.html").write_text("left by one that was killed")
    before = (tmp_path / "out" / "metrics.json").read_text()
    run(pictures="constant")
    assert (tmp_path / "out" / "metrics.json").read_text() != before


def test_a_stochastic_model_shows_further_samples(run, tmp_path):
    run(stochastic=True)
    assert "from the sound, sample 3" in (tmp_path / "out" / "report.html").read_text()


@pytest.fixture
def rewritten(make_dataset, tmp_path):
    """A data set whose eval records went through a function."""

    def make(change):
        import tensorflow as tf

        folder = make_dataset(tmp_path / "data")
        info = dataset_info.load(folder)
        shard = info.splits["eval"][0]
        path = folder / shard.file
        records = [example.numpy() for example in tf.data.TFRecordDataset(str(path))]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for index, record in enumerate(records):
                example = tf.train.Example.FromString(record)
                change(index, example.features.feature)
                writer.write(example.SerializeToString())
        shard = dataset_info.Shard(path.name, len(records), path.stat().st_size, "")
        splits = {"train": info.splits["train"], "eval": (shard,)}
        dataset_info.DatasetInfo(**{**vars(info), "splits": splits}).save(folder)
        return folder

    return make


def test_a_sound_of_several_pairs_counts_once(rewritten, run):
    def one_sound_a_class(index, feature):
        feature[schema.KEY_SOUND_ID].bytes_list.value[0] = f"sound{index % 3}".encode()

    metrics = run(rewritten(one_sound_a_class))
    assert metrics["data"]["splits"]["eval"]["num_sounds"] == 3
    assert metrics["data"]["splits"]["eval"]["classes"]["class0"]["num_images"] == 2
    assert metrics["label_match"]["num_sounds"] == 3
    assert metrics["label_match"]["num_pairs"] == 6
    row = summary.retrieval_row(metrics, "eval", "sound_to_image", "after")
    assert (row["num_queries"], row["num_targets"]) == (3, 6)


def test_what_stands_on_both_sides_is_reported(rewritten, run, tmp_path):
    def photos_of_training(index, feature):
        feature[schema.KEY_IMAGE_ID].bytes_list.value[0] = f"images/train{index}.png".encode()

    metrics = run(rewritten(photos_of_training))
    assert metrics["data"]["overlap"] == {"num_groups": 0, "num_sounds": 0, "num_images": 6}
    assert metrics["warnings"][0].startswith("6 photos of the eval split also stand")
    assert metrics["warnings"][0] in (tmp_path / "out" / "report.html").read_text()


def test_a_model_of_other_nets_is_refused_and_nothing_written(run, fake_model, tmp_path):
    model = fake_model()
    model.fingerprints = {**model.fingerprints, "sound_fingerprint": "other"}
    message = "sound features of the data come from soundnet_pool5 s; allowed: soundnet_pool5 other"
    with pytest.raises(UserError, match=message):
        run(model=model)
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_not_finite_are_refused_and_nothing_written(run, tmp_path):
    with pytest.raises(UserError, match="not finite"):
        run(pictures="broken")
    assert not (tmp_path / "out").exists()


def test_a_judge_of_sounds_is_refused(run, judge, monkeypatch):
    monkeypatch.setattr(type(judge), "modality", "sound")
    with pytest.raises(UserError, match="judge 'shades' judges a sound; allowed: an image"):
        run()


def test_an_unknown_judge_is_refused_by_name(fake_model, tiny_dataset, tmp_path):
    with pytest.raises(UserError, match="unknown classifier 'nobody'; known: .*efficientnet_lite0"):
        evaluate.evaluate(fake_model(), tiny_dataset, judge="nobody", out=tmp_path / "out")


def test_a_folder_with_something_else_is_left_alone(run, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"holds something else \(thesis.tex\)"):
        run()
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_a_file_instead_of_a_folder_is_refused(run, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UserError, match="not a folder"):
        run()


def test_what_the_terminal_shows_fits_its_width(run):
    lines = summary.as_text(run()).splitlines()
    assert max(map(len, lines)) <= 82
    assert sum(line.startswith("  eval") for line in lines) == 4
    assert not np.any(["nan" in line for line in lines])
