import numpy as np
import pytest

from s2i_tf.data import foley
from s2i_tf.evaluation import linear_probe, picture_tables
from s2i_tf.evaluation.drawn import Drawn
from s2i_tf.evaluation.judging import Looks
from s2i_tf.evaluation.tables import Items


def items(labels, features=None, prefix="s", pictures=None):
    num = len(labels)
    ids = np.array([f"{prefix}{index:03}" for index in range(num)])
    features = np.zeros((num, 2)) if features is None else features
    return Items(ids, np.asarray(labels), ids, features, pictures, np.arange(num))


def looks(features):
    return Looks(np.zeros((len(features), 10), int), np.asarray(features, np.float64))


def test_the_confusion_counts_true_classes_by_row():
    found = picture_tables.confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert found == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def test_a_collection_that_stands_for_its_class_is_found_out(rng):
    """Class 1 sounds in collection b alone as collection b does, so without b nothing is heard."""
    labels = np.arange(120) % 2
    sources = np.where(np.arange(120) % 4 == 0, "b", np.where(labels, "b", "a"))
    # The features tell the collection, and the class not at all.
    features = (sources == "b")[:, None] + 0.1 * rng.normal(size=(120, 3))
    everything = items(labels, features)
    training = items(labels[:80], features[:80])
    sounds = Items(
        *(column[80:] for column in (everything.ids, labels, everything.ids, features)),
        None,
        np.arange(40),
    )
    by_id = dict(zip(everything.ids.tolist(), sources.tolist(), strict=True))
    probe = linear_probe.fit(training.features, training.labels, training.groups)
    found = picture_tables.class_heard(probe, training, sounds, by_id, ["zero", "one"])
    rows = {row["source"]: row for row in found["by_source"]}
    assert set(rows) == {"a", "b"}
    assert rows["a"]["num_sounds"] + rows["b"]["num_sounds"] == 40
    assert rows["a"]["accuracy"]["value"] == 1
    # Without collection b class 0 alone is left, so only its sounds of b can be asked for.
    assert rows["b"]["num_left_out"] == np.sum((sources[80:] == "b") & (labels[80:] == 0))


def test_data_that_name_no_collection_have_no_rows(rng):
    sounds = items([0, 1] * 10, rng.normal(size=(20, 3)))
    probe = linear_probe.fit(sounds.features, sounds.labels, sounds.groups)
    assert picture_tables.class_heard(probe, sounds, sounds, {}, "ab")["by_source"] == []


@pytest.fixture
def drawn(rng):
    labels = np.arange(40) % 2
    features = 5 * np.eye(2)[labels] + rng.normal(size=(40, 2))
    return (
        {"generated": Drawn(np.zeros((40, 4, 4, 3), np.uint8), looks(features))},
        labels,
        features,
    )


def test_real_photos_as_pictures_are_as_good_and_as_various_as_photos(drawn, rng):
    by_name, labels, features = drawn
    sounds, images = items(labels), items(labels, prefix="p")
    found = picture_tables.fidelity_rows(by_name, None, looks(features), sounds, images, ["a", "b"])
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["generated"]["fid"] == pytest.approx(0, abs=1e-9)
    assert rows["generated"]["precision"]["micro"]["value"] == 1
    assert rows["real"]["kid"] is None and rows["fixed_photo"]["num_pictures"] == 0
    samples = np.stack([features, features])
    found = picture_tables.diversity_rows(
        by_name, looks(features), samples, sounds, images, ["a", "b"]
    )
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["generated"]["ratio"]["value"] == pytest.approx(1)
    assert rows["generated"]["per_class"] == {"a": pytest.approx(1), "b": pytest.approx(1)}
    assert rows["class_mean"]["ratio"] is None
    assert found["samples"]["ratio"]["value"] == 0, "the samples are all the same"


def test_of_large_sets_a_part_is_compared(drawn, monkeypatch):
    by_name, labels, features = drawn
    monkeypatch.setattr(picture_tables, "MAX_COMPARED", 15)
    sounds, images = items(labels), items(labels, prefix="p")
    found = picture_tables.fidelity_rows(by_name, None, looks(features), sounds, images, ["a", "b"])
    assert found["num_real"] == found["rows"][0]["num_pictures"] == 15


def test_pictures_of_the_embedded_data_set_follow_its_causes():
    scenes = [foley.scene("bird", index) for index in range(10)]
    pictures = np.stack([foley.render(scene, 128) for scene in scenes])
    sounds = items([0] * 10)
    index = {
        sound_id: {"source": foley.SOURCE}
        | {f"cause_{name}": str(value) for name, value in scene.causes.items()}
        for sound_id, scene in zip(sounds.ids, scenes, strict=True)
    }
    found = picture_tables.following_part(pictures[::-1], pictures, index, sounds, ["bird"])
    assert found["num_sounds"] == 10
    assert found["pooled"]["real"]["value"] > 0.7
    assert found["pooled"]["generated"]["value"] < found["pooled"]["real"]["low"]
    assert {row["cause"] for row in found["rows"]} == {c.name for c in foley.CAUSES["bird"]}
    assert picture_tables.following_part(pictures, pictures, {}, sounds, ["bird"]) is None
