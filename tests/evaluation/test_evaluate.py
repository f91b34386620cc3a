import json
import shutil

import numpy as np
import pytest

from s2i_tf.data import dataset_info, pipeline, schema, trained_on
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate, predictions, source_folds
from s2i_tf.evaluation.metrics import METRICS, photo_to_sound, retrieval
from s2i_tf.evaluation.metrics.tabular import row_named
from s2i_tf.evaluation.report import terminal
from s2i_tf.media import image
from tests.evaluation.conftest import LoudnessJudge, write_sound, write_sources


@pytest.fixture
def run(tiny_dataset, fake_model, judge, tmp_path, undrawn):
    def call(data_dir=tiny_dataset, out=tmp_path / "out", model=None, given=(), **kwargs):
        model = model or fake_model(data_dir, **kwargs)
        return evaluate.evaluate(
            model, data_dir, judge=judge, out=out, num_gallery=6, **dict(given)
        )

    return call


def top_1(metrics, direction="image_to_sound", split="eval"):
    row = retrieval.row_of(metrics["retrieval"], split, direction)
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


def test_a_perfect_model_scores_one(perfect):
    metrics, _ = perfect
    for direction in ("image_to_sound", "sound_to_image"):
        for split in ("train", "eval"):
            assert top_1(metrics, direction, split)[0] == 1
    for k in (1, 3, 5, 10):
        assert match(metrics, "generated", k) == match(metrics, "rebuilt", k) == 1


def test_a_constant_model_scores_chance(constant):
    metrics, _ = constant
    value, chance = top_1(metrics)
    assert value == pytest.approx(chance) == pytest.approx(1 / 3)
    for k in (1, 3, 5, 10):
        assert match(metrics, "generated", k) == pytest.approx(match(metrics, "shuffled", k))
    row = retrieval.row_of(metrics["retrieval"], "eval")
    assert row["targets_hit"]["num"] == 1


def test_sounds_of_sources_left_out_lead(make_dataset, run, perfect, tmp_path):
    folder = make_dataset(tmp_path / "data")
    assert run(folder, refitted=True)["missing"]["unseen_sources"] == source_folds.NO_SOURCES
    write_sources(folder, ("of one", "of two", "of three"), in_a_row=1)  # of one class each
    assert run(folder, refitted=True)["missing"]["unseen_sources"] == source_folds.NO_SOURCES
    assert perfect[0]["missing"]["unseen_sources"] == source_folds.NO_REFIT
    write_sources(folder)
    metrics = run(folder, refitted=True)
    found = metrics["unseen_sources"]
    assert (found["num_sounds"], found["num_sources"], found["num_alone"]) == (18, 2, 0)
    for row in found["rows"]:
        assert row["left_out"]["micro"]["value"] == row["ordinary"]["micro"]["value"] == 1
    lines = terminal.as_text(metrics, METRICS).splitlines()
    assert lines[0].startswith("Sources never heard") and max(map(len, lines)) <= 82
    page = (tmp_path / "out" / "report.html").read_text()
    assert page.index("<h3>A sound of a source never heard is named") < page.index("A photo finds")


def test_sounds_of_no_class_are_measured_where_there_are_some(
    make_dataset, run, tmp_path, monkeypatch
):
    folder = make_dataset(tmp_path / "data")
    write_sources(folder)
    strange = pipeline.load_split(folder, "eval")["sound_features"]
    monkeypatch.setattr(evaluate.features, "load_same_extractor", lambda *given: None)
    monkeypatch.setattr(evaluate.fit_hearing, "features_of", lambda folder, extractor: strange)
    found = run(folder, refitted=True, given={"unknown_sounds": "other"})["confidence"]
    assert [row["name"] for row in found["rows"]] == ["ordinary", "left_out"]
    assert found["unknown"]["num_sounds"] == len(strange)
    assert found["unknown"]["area"]["value"] == 0.5, "they are the known ones themselves"


SHARES = ("retrieval", "label_match", "class_seen", "class_heard")


def test_every_share_is_in_its_range(perfect, constant):
    for metrics, _ in (perfect, constant):
        precisions = [row["precision"] for row in metrics["fidelity"]["rows"]]
        found = list(estimates([metrics[part] for part in SHARES] + precisions))
        assert len(found) > 300
        for estimate in found:
            if estimate["value"] is not None:
                assert 0 <= estimate["low"] <= estimate["high"] <= 1
                assert 0 <= estimate["value"] <= 1


def picture_row(metrics, part, name):
    return row_named(metrics[part]["rows"], name)


def test_what_pictures_show_is_told_from_what_they_repeat(perfect):
    """The tiny photos are all alike within a class, so a perfect model gives copies of them."""
    metrics, _ = perfect
    for name in ("generated", "real", "fixed_photo", "class_mean", "nearest_photo"):
        accuracy = picture_row(metrics, "class_seen", name)["accuracy"]
        assert accuracy["micro"]["value"] == accuracy["macro"]["value"] == 1, name
    constant = picture_row(metrics, "class_seen", "constant_photo")["accuracy"]
    assert constant["micro"]["value"] == pytest.approx(1 / 3)
    assert metrics["class_heard"]["accuracy"]["macro"]["value"] == 1
    assert np.array_equal(metrics["class_seen"]["confusion"]["generated"], 2 * np.eye(3))
    assert picture_row(metrics, "fidelity", "generated")["fid"] == pytest.approx(0, abs=1e-9)
    assert metrics["memorization"]["features"]["generated"]["value"] == 0
    assert metrics["memorization"]["pixels"]["generated"]["value"] == 0
    assert (
        metrics["cause_correlation"] is None
        and "embedded" in metrics["missing"]["cause_correlation"]
    )
    assert metrics["judge"]["features"] == {"layer": "logits", "size": 64}


def test_a_constant_model_shows_no_class(constant):
    metrics, _ = constant
    accuracy = picture_row(metrics, "class_seen", "generated")["accuracy"]
    assert accuracy["micro"]["value"] == pytest.approx(metrics["class_seen"]["chance"])
    assert picture_row(metrics, "fidelity", "generated")["fid"] > 0.1
    assert metrics["memorization"]["pixels"]["generated"]["value"] > 0


def test_without_a_training_split_its_figures_are_null_with_a_reason(
    make_dataset, run, tmp_path, fake_model
):
    folder = make_dataset(tmp_path / "data")
    model = fake_model(folder)
    info = dataset_info.load(folder)
    dataset_info.DatasetInfo(**{**vars(info), "splits": {**info.splits, "train": ()}}).save(folder)
    metrics = run(folder, model=model)
    for part in ("class_seen", "class_heard", "memorization"):
        assert metrics[part] is None
        assert metrics["missing"][part] == "the data set has no training split"
    assert match(metrics, "nearest_photo", 10) is None
    assert match(metrics, "generated", 10) == 1
    assert {row["split"] for row in metrics["retrieval"]} == {"eval"}
    assert picture_row(metrics, "fidelity", "real")["kid"] is None
    assert not (tmp_path / "out" / "closest.png").exists()
    assert "no training split" in (tmp_path / "out" / "report.html").read_text()
    assert "None" not in terminal.as_text(metrics, METRICS)


def knows(**kwargs):
    def hashed(kind, names):
        return sorted(trained_on._hash(kind, name) for name in names)

    empty = {"num_sounds": 1, "num_images": 1, "recordings": [], "contents": [], "paths": []}
    hashes = {
        "recordings": hashed("recording", kwargs.get("recordings", ())),
        "paths": hashed("image", kwargs.get("photos", ()))
        + hashed("sound", kwargs.get("sounds", ())),
    }
    return {"version": trained_on.VERSION, "salt": trained_on.SALT, **empty, **hashes}


def test_what_the_model_was_trained_on_is_left_out(run, fake_model):
    model = fake_model()
    model.trained_on = knows(
        recordings=["eval0", *(f"train{index}" for index in range(12))],
        photos=["images/eval1.png", *(f"images/train{index}.png" for index in range(12))],
    )
    metrics = run(model=model)
    assert metrics["data"]["left_out"] == {
        "known": True,
        "trained_on": {"num_sounds": 1, "num_images": 1},
        "num_sounds": 13,
        "num_images": 13,
        "num_eval_pairs": 2,
    }
    assert metrics["data"]["splits"]["eval"]["num_pairs"] == 4
    assert metrics["data"]["splits"]["train"]["num_pairs"] == 12
    assert any("2 pairs of the eval split are left out" in text for text in metrics["warnings"])
    assert "13 sounds and 13 photos" in terminal.as_text(metrics, METRICS)


def test_a_training_split_that_the_model_never_saw_is_none(run, fake_model):
    model = fake_model()
    model.trained_on = knows(recordings=["elsewhere"])
    metrics = run(model=model)
    assert metrics["memorization"] is None
    assert metrics["missing"]["memorization"].startswith("nothing in the data is known to have")
    assert metrics["data"]["splits"]["eval"]["num_pairs"] == 6


def test_a_class_that_was_not_trained_on_is_not_counted_and_named(run, fake_model, tmp_path):
    model, trained = fake_model(), [index for index in range(12) if index % 3 < 2]
    model.trained_on = knows(
        recordings=[f"train{index}" for index in trained],
        photos=[f"images/train{index}.png" for index in trained],
    )
    metrics = run(model=model)
    seen = [picture_row(metrics, "class_seen", name)["accuracy"] for name in ("generated", "real")]
    for accuracy in (*seen, metrics["class_heard"]["accuracy"]):
        assert accuracy["micro"]["value"] == accuracy["macro"]["value"] == 1
        assert accuracy["per_class"]["class2"]["value"] is None
    assert metrics["class_seen"]["chance"] == 0.5
    assert sum(metrics["qualities"].values()) == 4
    page, text = (tmp_path / "out" / "report.html").read_text(), terminal.as_text(metrics, METRICS)
    for warning in (
        "Class seen does not count 2 sounds and 2 photos: no probe could learn their class, and "
        "tell it from another, by other photos (class2).",
        "Class heard does not count 2 sounds: no training sound is of their class (class2).",
    ):
        assert warning in metrics["warnings"] and warning in page
        assert warning in " ".join(text.split())
    assert "None" not in text and "nan" not in text


def test_classes_are_the_model_s_whatever_their_spelling(make_dataset, run, fake_model, tmp_path):
    folder = make_dataset(tmp_path / "data")
    write_sources(folder)
    model = fake_model(folder, reverse=True, refitted=True)
    model.class_names = ("Class0", " class1", "other")
    metrics = run(folder, model=model)
    heard = picture_row(metrics, "unseen_sources", "class_heard")["ordinary"]
    found = picture_row({"": {"rows": metrics["photo_to_sound"]["class_found"]}}, "", "generated")
    for rate in (heard, found["accuracy"]):
        assert rate["micro"]["value"] == rate["macro"]["value"] == 1
        assert rate["per_class"]["class2"]["value"] is None
    assert [one.split(":")[0].split(",")[0] for one in metrics["warnings"][-2:]] == [
        "The model does not know 1 of the 3 classes (class2)",
        "Photo to sound does not count 2 photos",
    ]


def test_of_one_class_no_class_is_seen_or_heard(make_dataset, run, tmp_path):
    metrics = run(make_dataset(tmp_path / "data", num_classes=1))
    for part in ("class_seen", "class_heard", "qualities"):
        assert metrics[part] is None and metrics["missing"][part] == "there is but one class"
    page, text = (tmp_path / "out" / "report.html").read_text(), terminal.as_text(metrics, METRICS)
    assert "Not measured: there is but one class." in page
    assert "class seen, class heard, qualities: there is but one class" in " ".join(text.split())
    assert "The class is seen" not in page and not (tmp_path / "out" / "confusion.png").exists()


def test_where_nothing_is_left_it_refuses_and_writes_nothing(run, fake_model, tmp_path):
    model = fake_model()
    model.trained_on = knows(recordings=[f"eval{index}" for index in range(6)])
    with pytest.raises(UserError, match="nothing is left to evaluate: .* each of the 6 pairs"):
        run(model=model)
    assert not (tmp_path / "out").exists()


def test_the_other_direction_is_measured_where_there_is_one(
    make_dataset, fake_model, judge, tmp_path, undrawn
):
    folder = make_dataset(tmp_path / "data")
    (folder / "sounds").mkdir()
    for split, num in (("train", 12), ("eval", 6)):
        for index in range(num):
            write_sound(folder / "sounds" / f"{split}{index}.wav", index % 3)
    metrics = evaluate.evaluate(
        fake_model(folder, reverse=True),
        folder,
        judge=judge,
        sound_judge=LoudnessJudge(),
        out=tmp_path / "out",
    )
    found = metrics["photo_to_sound"]
    for name in ("generated", "nearest_sound"):
        row = row_named(found["class_found"], name)
        assert row["accuracy"]["micro"]["value"] == row["accuracy"]["macro"]["value"] == 1
        assert row_named(found["label_match"]["rows"], name)["match"]["1"]["micro"]["value"] == 1
    assert (found["num_photos"], found["num_sounds"], found["missing"]) == (6, 12, {})
    assert metrics["sound_judge"]["name"] == "loudness"
    assert metrics["sound_judge"]["fingerprint"]["weights_sha256"] == "none"
    assert "photo_to_sound" not in metrics["missing"]
    lines = terminal.as_text(metrics, METRICS).splitlines()
    assert max(map(len, lines)) <= 82
    start = next(i for i, line in enumerate(lines) if line.startswith("Sound found for a photo"))
    assert lines[start + 1].split()[-5:] == ["100.0%", "100.0%", "3", "of", "12"]
    assert lines[start + 4].split()[-3:-1] == ["33.3%"] * 2, "chance"
    assert lines[start + 5].startswith("Label match of sounds")
    assert lines[start + 6].split()[-4:] == ["100.0%"] * 4
    page = (tmp_path / "out" / "report.html").read_text()
    assert photo_to_sound.FOUND_ROWS["nearest_sound"][1:] in page and "3 of 12" in page
    assert "loudness names the likeliest of its labels" in page


def test_without_a_judge_of_sounds_the_class_found_is_all(run, tmp_path):
    metrics = run(reverse=True)
    assert metrics["photo_to_sound"]["label_match"] is None and metrics["sound_judge"] is None
    assert metrics["photo_to_sound"]["missing"] == {"label_match": predictions.NO_SOUND_JUDGE}
    assert predictions.NO_SOUND_JUDGE in (tmp_path / "out" / "report.html").read_text()
    lines = terminal.as_text(metrics, METRICS).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Sound found for a photo"))
    assert lines[start + 1].split()[-5:] == ["100.0%", "100.0%", "3", "of", "12"]
    assert not any(line.startswith("Label match of sounds") for line in lines)
    assert "nother real sound of the class" not in "".join(lines)


def test_a_model_of_one_direction_says_so(perfect):
    metrics, out = perfect
    assert metrics["photo_to_sound"] is None
    assert metrics["missing"]["photo_to_sound"] == "the model goes from sound to image only"
    assert metrics["missing"]["photo_to_sound"] in (out / "report.html").read_text()
    assert "Sound found for a photo" not in terminal.as_text(metrics, METRICS)


def test_the_files_are_whole_and_the_same_each_time(
    perfect, fake_model, tiny_dataset, judge, tmp_path
):
    metrics, out = perfect
    two = tmp_path / "two"
    evaluate.evaluate(fake_model(), tiny_dataset, judge=judge, out=two, num_gallery=6)
    names = {path.name for path in out.iterdir()}
    # Nothing that a perfect model draws is middling or bad.
    assert names == {
        evaluate.METRICS_FILE,
        evaluate.REPORT_FILE,
        *set(evaluate.figure_files()) - {"middling.png", "bad.png"},
    }
    for name in names:
        assert (out / name).read_bytes() == (two / name).read_bytes()
    assert json.loads((out / "metrics.json").read_text()) == metrics


def test_hidden_photos_leave_the_figures_and_change_no_number(run, perfect, tmp_path):
    metrics, shown = perfect
    hidden = tmp_path / "hidden"
    assert run(out=hidden, given={"hide_photos": True}) == metrics
    names = {path.name for path in hidden.iterdir()}
    assert not names & {"dataset.png", "neighbours.png", "closest.png"}
    sheets = [image.load_image(folder / "pictures.png") for folder in (shown, hidden)]
    assert sheets[1].shape[0] < 0.6 * sheets[0].shape[0]
    assert sheets[1].shape[1] == sheets[0].shape[1]


def test_an_earlier_evaluation_is_replaced(run, constant, perfect, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(constant[1], out)
    (out / ".tmp_0123abcd_report.html").write_text("left by one that was killed")
    assert (out / "bad.png").exists()
    assert run() == perfect[0]
    assert (out / "metrics.json").read_text() == (perfect[1] / "metrics.json").read_text()
    assert not (out / "bad.png").exists(), "it belongs to the evaluation before"


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
    row = retrieval.row_of(metrics["retrieval"], "eval", "sound_to_image")
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
    with pytest.raises(UserError, match="judge 'shades' judges a sound; choose one of images"):
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


def test_what_the_terminal_shows_fits_its_width(perfect):
    lines = terminal.as_text(perfect[0], METRICS).splitlines()
    assert max(map(len, lines)) <= 82
    assert sum(line.startswith("  eval") for line in lines) == 4
    assert not np.any(["nan" in line for line in lines])
