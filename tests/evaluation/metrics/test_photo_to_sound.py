"""From image to sound: what perfect, constant and ignorant models score."""

import dataclasses
import functools
import types

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import source_sounds
from s2i_tf.evaluation import predictions, stats
from s2i_tf.evaluation.inputs import Items
from s2i_tf.evaluation.metrics import photo_to_sound
from s2i_tf.evaluation.metrics.metric import NotMeasured
from s2i_tf.evaluation.metrics.tabular import DASH
from s2i_tf.models.multimodal import Hidden
from s2i_tf.models.sound_index import SoundIndex
from tests.evaluation.conftest import LoudnessJudge, make_predictions, write_sound

NAMES = ("low", "middle", "high")
NUM_EACH = 9
LABELS = np.repeat([0, 1, 2], NUM_EACH)


def items(kind):
    """One sound or photo for each pair, of a recording of its own."""
    num = len(LABELS)
    ids = np.array([f"{kind}/{number:02}.wav" for number in range(num)])
    features = np.zeros((num, spec.FEATURE_SIZE), np.float32)
    features[:, 0] = LABELS
    return Items(ids, LABELS, ids, np.full(num, ""), np.arange(num), features)


def model_of(choose, names=NAMES):
    """A model that gives each photo the training sound that `choose` says."""
    training = items("train")
    index = SoundIndex.of(training.features, training.ids, training.groups, training.labels)

    def nearest_sounds(features, num=1):
        chosen = np.array([choose(int(row[0])) for row in features])
        return chosen[:, None], np.zeros((len(chosen), 1))

    return types.SimpleNamespace(
        sound_index=index, class_names=names, nearest_sounds=nearest_sounds
    )


def measure(choose, vectors="perfect", model=None, judge=None, source=None, with_training=True):
    sounds, images = items("eval"), items("photo")
    eye = np.eye(3)[LABELS if vectors == "perfect" else (LABELS + 1) % 3]
    training = types.SimpleNamespace(sounds=items("train"), sound_vectors=Hidden(None, eye))
    found = make_predictions(
        sounds,
        images,
        class_names=NAMES,
        training=training if with_training else None,
        image_vectors=Hidden(None, np.eye(3)[LABELS]),
        load_sound=source and functools.partial(source_sounds.load, source),
    )
    direction = predictions.photo_to_sound(model or model_of(choose), found, judge)
    found = dataclasses.replace(found, photo_to_sound=direction)
    return photo_to_sound.PhotoToSoundMatch().measure(found)


def by_name(rows, key="accuracy"):
    return {row["name"]: row[key] for row in rows}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The sounds: as loud as their class says."""
    folder = tmp_path_factory.mktemp("source")
    for kind in ("train", "eval"):
        (folder / kind).mkdir()
        for sound_id, label in zip(items(kind).ids, LABELS, strict=True):
            write_sound(folder / sound_id, label)
    return folder


@pytest.mark.parametrize("names", [("Low", "MIDDLE", " high"), ("low", "ｍｉｄｄｌｅ", "high ")])
def test_spellings_of_a_class_are_one(names):
    part = measure(None, model=model_of(lambda label: label * NUM_EACH, names))
    assert by_name(part["class_found"])["generated"]["micro"]["value"] == 1
    assert part["uncounted"] == {"class_names": [], "num_images": 0}


def test_photos_of_a_class_that_the_model_does_not_have_are_not_counted_and_named():
    metric = photo_to_sound.PhotoToSoundMatch()
    names = ("low", "middle", "deep")
    part = measure(None, model=model_of(lambda label: label * NUM_EACH, names))
    for name, rate in by_name(part["class_found"]).items():
        assert rate["per_class"]["high"] == stats.NOTHING
        assert name == "shuffled" or rate["micro"]["value"] == rate["macro"]["value"] == 1
    assert part["chance"] == pytest.approx({"micro": 1 / 3, "macro": 1 / 3})
    assert part["uncounted"] == {"class_names": ["high"], "num_images": NUM_EACH}
    assert metric.warnings(part) == [
        "Photo to sound does not count 9 photos: the model has no sound of their class (high)."
    ]
    assert metric.tables(part, {})[0].rows[0].detail == "n = 18"


def test_of_a_model_of_other_classes_nothing_is_found_and_nothing_breaks():
    metric = photo_to_sound.PhotoToSoundMatch()
    part = measure(None, model=model_of(lambda label: label * NUM_EACH, ("x", "y", "z")))
    assert by_name(part["class_found"])["generated"]["micro"] == stats.NOTHING
    assert part["chance"] == {"micro": None, "macro": None}
    assert {cell.text for cell in metric.tables(part, {})[0].rows[-1].cells} == {DASH}


def test_a_perfect_model_finds_the_class_of_every_photo():
    found = measure(lambda label: label * NUM_EACH)
    rows = by_name(found["class_found"])
    for name in ("generated", "nearest_sound"):
        assert rows[name]["micro"]["value"] == rows[name]["macro"]["value"] == 1
        assert rows[name]["micro"]["low"] > 0.8
    assert rows["shuffled"]["micro"]["value"] == pytest.approx((NUM_EACH - 1) / (len(LABELS) - 1))
    assert found["chance"] == {"micro": pytest.approx(1 / 3), "macro": pytest.approx(1 / 3)}
    assert by_name(found["class_found"], "num_hit") == {
        **{"generated": 3, "nearest_sound": 3},
        "shuffled": None,
    }
    assert set(rows["generated"]["per_class"]) == set(NAMES)


def test_one_sound_for_all_scores_chance_and_a_wrong_one_nothing():
    constant = by_name(measure(lambda label: 0)["class_found"])["generated"]
    assert constant["micro"]["value"] == pytest.approx(1 / 3)
    assert constant["per_class"]["high"]["value"] == 0
    wrong = by_name(measure(lambda label: (label + 1) % 3 * NUM_EACH, "wrong")["class_found"])
    assert wrong["generated"]["micro"]["value"] == wrong["nearest_sound"]["micro"]["value"] == 0
    assert wrong["shuffled"]["micro"]["value"] > 1 / 3


def test_classes_are_compared_by_name():
    model = model_of(lambda label: label * NUM_EACH, names=("high", "middle", "unknown"))
    rows = by_name(measure(None, model=model)["class_found"])
    values = {name: one["value"] for name, one in rows["generated"]["per_class"].items()}
    assert values == {"low": None, "middle": 1, "high": 0}


def test_the_judge_hears_the_class_where_it_was_found(source):
    found = measure(lambda label: label * NUM_EACH, source=str(source), judge=LoudnessJudge())
    match = found["label_match"]
    top = {row["name"]: row["match"]["1"]["micro"]["value"] for row in match["rows"]}
    assert top["generated"] == top["nearest_sound"] == top["real_same_class"] == 1
    assert top["shuffled"] == pytest.approx((NUM_EACH - 1) / (len(LABELS) - 1))
    assert match["judge"] == "loudness" and match["num_pairs"] == len(LABELS)
    assert 0 < match["random"]["1"] < match["random"]["10"] < 1
    wrong = measure(
        lambda label: (label + 1) % 3 * NUM_EACH, source=str(source), judge=LoudnessJudge()
    )
    assert wrong["label_match"]["rows"][0]["match"]["3"]["micro"]["value"] == 0


def test_what_is_missing_is_said(source, tmp_path):
    assert measure(lambda label: 0)["missing"] == {"label_match": predictions.NO_SOUND_JUDGE}
    nowhere = measure(lambda label: 0, judge=LoudnessJudge())
    assert nowhere["missing"] == {"label_match": predictions.NO_SOUNDS}
    gone = measure(lambda label: 0, source=str(tmp_path), judge=LoudnessJudge())
    assert gone["label_match"] is None
    assert "a sound is not at hand: " in gone["missing"]["label_match"]
    alone = measure(lambda label: 0, source=str(source), judge=LoudnessJudge(), with_training=False)
    assert alone["missing"] == {"nearest_sound": predictions.NO_TRAINING}
    assert by_name(alone["class_found"])["nearest_sound"] is None
    assert alone["label_match"]["rows"][1]["match"]["1"] is None


def test_a_model_of_one_direction_has_nothing_to_measure():
    with pytest.raises(NotMeasured, match="from sound to image only"):
        measure(None, model=types.SimpleNamespace(sound_index=None))
