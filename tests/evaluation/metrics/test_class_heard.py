import numpy as np

from s2i_tf.evaluation import probes
from s2i_tf.evaluation.inputs import Training
from s2i_tf.evaluation.metrics import class_heard
from tests.evaluation.conftest import make_items, make_predictions


def measured(training, sounds):
    probe = probes.fit(training.features, training.labels, training.groups)
    unused = dict.fromkeys(("images", "judged", "sound_vectors", "image_vectors", "class_seen"))
    known = Training(sounds=training, class_heard=probe, **unused)
    predictions = make_predictions(sounds, sounds, training=known, class_names=("zero", "one"))
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
    # Without collection b class 0 alone is left, so only its sounds of b can be asked for.
    assert rows["b"]["num_left_out"] == np.sum((sources[80:] == "b") & (labels[80:] == 0))


def test_data_that_name_no_collection_have_no_rows(rng):
    sounds = make_items([0, 1] * 10, rng.normal(size=(20, 3)))
    assert measured(sounds, sounds)["by_source"] == []
