import numpy as np
import pytest

from s2i_tf.evaluation import probes, stats
from s2i_tf.evaluation.inputs import Training
from s2i_tf.evaluation.metrics import class_heard
from s2i_tf.evaluation.metrics.metric import NotMeasured
from tests.evaluation.conftest import make_items, make_predictions


def measured(training, sounds, class_names=("zero", "one")):
    probe = probes.fit(training.features, training.labels, training.groups)
    unused = dict.fromkeys(("images", "judged", "sound_vectors", "image_vectors", "class_seen"))
    known = Training(sounds=training, class_heard=probe, **unused)
    predictions = make_predictions(sounds, sounds, training=known, class_names=class_names)
    return class_heard.ClassHeard().measure(predictions)


def test_a_collection_that_stands_for_its_class_is_found_out(rng):
    """Class 1 sounds in collection b alone as collection b does, so without b nothing is heard."""
    labels = np.arange(120) % 2
    sources = np.where(np.arange(120) % 4 == 0, "b", np.where(labels, "b", "a"))
    # The features tell the collection, and the class not at all.
    features = (sources == "b")[:, None] + 0.1 * rng.normal(size=(120, 3))
    training = make_items(labels[:80], features[:80], sources=sources[:80])
    sounds = make_items(labels[80:], features[80:], "e", sources=sources[80:])
    found = measured(training, sounds)
    rows = {row["source"]: row for row in found["by_source"]}
    assert set(rows) == {"a", "b"}
    assert rows["a"]["num_sounds"] + rows["b"]["num_sounds"] == 40
    assert rows["a"]["accuracy"]["value"] == 1
    assert found["accuracy"]["per_source"]["a"]["value"] == 1
    assert rows["a"]["num_left_out"] == rows["a"]["num_sounds"]
    # Without collection b class 0 alone is left, which the probe then hears in everything.
    assert rows["b"]["num_left_out"] == 0 and rows["b"]["left_out"] == stats.NOTHING


def one_hot(labels):
    labels = np.asarray(labels)
    return make_items(labels, np.eye(3)[labels])


def test_sounds_of_a_class_that_was_not_trained_on_are_not_counted_and_named():
    found = measured(one_hot([0, 1] * 10), one_hot([0, 1, 2] * 4), ("zero", "one", "two"))
    assert found["accuracy"]["micro"]["value"] == found["accuracy"]["macro"]["value"] == 1
    assert found["accuracy"]["per_class"]["two"] == stats.NOTHING
    assert found["uncounted"] == {"class_names": ["two"], "num_sounds": 4}
    assert found["confusion"] == [[4, 0, 0], [0, 4, 0], [0, 0, 0]]
    assert class_heard.ClassHeard().warnings(found) == [
        "Class heard does not count 4 sounds: no training sound is of their class (two)."
    ]
    sizes = {"data": {"splits": {"eval": {"num_sounds": 12}}}}
    (table,) = class_heard.ClassHeard().tables(found, sizes)
    assert table.rows[0].detail == "n = 8" and table.rows[0].cells[0].chance == 0.5


@pytest.mark.parametrize(
    ("trained", "asked", "names", "why"),
    [
        ([0, 0, 0], [0, 0], ("zero",), "there is but one class"),
        ([0, 0, 0], [0, 1], ("zero", "one"), class_heard.NOT_LEARNT),
        ([0, 1] * 3, [2, 2], ("zero", "one", "two"), class_heard.NOT_LEARNT),
    ],
)
def test_where_no_class_can_be_told_it_says_so(trained, asked, names, why):
    with pytest.raises(NotMeasured, match=f"^{why}$"):
        measured(one_hot(trained), one_hot(asked), names)


def test_data_that_name_no_collection_have_no_rows(rng):
    sounds = make_items([0, 1] * 10, rng.normal(size=(20, 3)))
    assert measured(sounds, sounds)["by_source"] == []
