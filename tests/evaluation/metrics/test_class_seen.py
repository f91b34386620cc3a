import dataclasses
import types

import numpy as np
import pytest

from s2i_tf.evaluation import probes, stats
from s2i_tf.evaluation.metrics import class_seen
from s2i_tf.evaluation.metrics.metric import NotMeasured
from s2i_tf.evaluation.metrics.qualities import Qualities
from s2i_tf.evaluation.metrics.tabular import row_named
from tests.evaluation.conftest import judged, make_items, make_predictions


def test_the_confusion_counts_true_classes_by_row():
    found = class_seen.confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert found == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


def one_hot(labels, num=30):
    return np.eye(num, dtype=np.float32)[np.asarray(labels)]


def scored(labels, groups=None, num=30, photos=None):
    """Class seen of anybody's pictures, which show their class as the photos do."""
    items = make_items(labels)
    if groups is not None:
        items = dataclasses.replace(items, groups=np.asarray(groups))
    predictions = make_predictions(
        items,
        items,
        one_hot(labels, num),
        class_names=tuple(f"class {label:02}" for label in range(num)),
        photos_teach=True,
    )
    return class_seen.ClassSeen().measure(predictions)


def accuracy(part, name="generated"):
    return row_named(part["rows"], name)["accuracy"]


@pytest.mark.parametrize(("num_classes", "num_each"), [(30, 2), (30, 3), (2, 2)])
def test_small_classes_that_can_be_learnt_are_all_named(num_classes, num_each):
    part = scored(np.repeat(np.arange(num_classes), num_each))
    for name in ("generated", "real"):
        assert accuracy(part, name)["micro"]["value"] == 1
        assert row_named(part["rows"], name)["num_items"] == num_classes * num_each
    assert part["chance"] == pytest.approx(1 / num_classes)
    assert part["uncounted"] == {"class_names": [], "num_sounds": 0, "num_images": 0}
    assert class_seen.ClassSeen().warnings(part) == []


def test_classes_of_one_recording_are_not_counted_and_named():
    labels = np.array([*range(12), *[20] * 4, *[21] * 4, 22, 22])
    groups = [*(f"g{number}" for number in range(20)), "tape", "tape"]
    part = scored(labels, groups)
    assert accuracy(part)["micro"]["value"] == accuracy(part)["macro"]["value"] == 1
    assert accuracy(part)["per_class"]["class 00"] == stats.NOTHING
    assert row_named(part["rows"], "generated")["num_items"] == 8
    found = part["uncounted"]
    assert (len(found["class_names"]), found["num_sounds"], found["num_images"]) == (13, 14, 14)
    (warning,) = class_seen.ClassSeen().warnings(part)
    assert warning.startswith("Class seen does not count 14 sounds and 14 photos: no probe could")
    assert "(class 00, class 01" in warning and warning.endswith("class 09 and 3 more).")
    assert np.sum(part["confusion"]["generated"]) == 8


def test_a_probe_that_knows_but_one_class_names_nothing():
    """The one photo of class 0 leaves class 1 alone to learn from."""
    part = scored([0, 1, 1, 1, 1, 1, 1], num=2)
    assert part["uncounted"]["num_sounds"] == 1 + 2, "its fold has two of class 1"
    assert part["chance"] == 0.5


def test_where_nothing_can_be_learnt_it_says_so():
    with pytest.raises(NotMeasured, match="no probe could learn the class of any"):
        scored(np.arange(30))


def evaluated(trained, asked, names):
    """Class seen of pictures and photos that show their class, by a probe on training photos."""
    features = one_hot(trained)
    probe = probes.fit(features, np.asarray(trained), np.arange(len(trained)))
    items, seen = make_items(asked), judged(one_hot(asked))
    return make_predictions(
        items,
        items,
        one_hot(asked),
        class_names=names,
        rebuilt=seen,
        training=types.SimpleNamespace(class_seen=probe),
    )


def test_what_is_of_a_class_that_was_not_trained_on_is_not_counted_and_named():
    metric = class_seen.ClassSeen()
    given = evaluated([0, 1] * 6, [0, 1, 2] * 4, ("zero", "one", "two"))
    part = metric.measure(given)
    for name in ("generated", "real", "rebuilt"):
        found = accuracy(part, name)
        assert found["micro"]["value"] == found["macro"]["value"] == 1
        assert found["per_class"]["two"] == stats.NOTHING
    assert part["chance"] == 0.5
    assert part["uncounted"] == {"class_names": ["two"], "num_sounds": 4, "num_images": 4}
    assert metric.warnings(part)[0].endswith("by other photos (two).")
    (table,) = metric.tables(part, {})
    assert table.rows[0].detail == "n = 8"
    # Labels of pictures and photos are all alike, so that they always meet.
    assert Qualities().measure(given) == {"good": 8, "middling": 0, "bad": 0}


@pytest.mark.parametrize(
    ("trained", "asked", "names", "why"),
    [
        ([0, 0, 0], [0, 0], ("zero",), "there is but one class"),
        ([0, 0, 0], [0, 1], ("zero", "one"), "no probe could learn"),
        ([0, 1] * 3, [2, 2], ("zero", "one", "two"), "no probe could learn"),
    ],
)
def test_where_no_class_can_be_told_it_is_not_measured(trained, asked, names, why):
    for metric in (class_seen.ClassSeen(), Qualities()):
        with pytest.raises(NotMeasured, match=f"^{why}"):
            metric.measure(evaluated(trained, asked, names))
