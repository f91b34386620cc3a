import dataclasses
import types

import numpy as np
import pytest

from s2i_tf.evaluation import probes
from s2i_tf.evaluation.inputs import Heard, LeftOutSounds
from s2i_tf.evaluation.metrics.metric import NotMeasured
from s2i_tf.evaluation.metrics.tabular import DASH, row_named
from s2i_tf.evaluation.metrics.unseen_sources import UnseenSources
from s2i_tf.evaluation.stats import NOTHING
from s2i_tf.models.multimodal import Hidden
from tests.evaluation.conftest import judged, make_items, make_predictions

LABELS = np.arange(24) % 3


class Reader(probes.LinearProbe):
    """Names the label that a picture's only feature is."""

    def predict(self, features):
        return features[:, 0].astype(int)


def predictions(heard=LABELS, named=None, known=LABELS, own_labels=(0, 1, 2), **given):
    """Twelve sources, each with one sound of two classes; the pictures say the label themselves."""
    sources = np.array([f"source {number // 2:02}" for number in range(24)])
    sounds, own = make_items(LABELS, sources=sources), make_items(LABELS[:6], prefix="e")
    photos = make_items(LABELS[:9], prefix="p")
    vectors = np.eye(3, dtype=np.float32)
    drawn = np.arange(0, 24, 2)
    shown = (LABELS if named is None else named)[drawn]
    found = LeftOutSounds(
        sounds,
        Heard(heard, np.ones(24)),
        Hidden(vectors[heard], vectors[heard]),
        12,
        5,
        drawn,
        judged(shown[:, None]),
    )
    probe = Reader(np.unique(known), *[None] * 6)
    return make_predictions(
        own,
        photos,
        LABELS[:6, None],
        training=types.SimpleNamespace(class_seen=probe),
        sound_vectors=Hidden(vectors[own.labels], vectors[own.labels]),
        image_vectors=Hidden(vectors[photos.labels], vectors[photos.labels]),
        heard=Heard(own.labels, np.ones(6)),
        own_labels=np.array(own_labels),
        left_out=found,
        **given,
    )


def micro(part, name, side="left_out"):
    return row_named(part["rows"], name)[side]["micro"]["value"]


def test_both_sides_are_measured_alike():
    part = UnseenSources().measure(predictions())
    for row in part["rows"]:
        assert micro(part, row["name"]) == micro(part, row["name"], "ordinary") == 1
    assert (part["num_sounds"], part["num_sources"], part["num_folds"]) == (24, 12, 12)
    assert row_named(part["rows"], "class_seen")["num_items"] == 12
    assert part["sizes"]["per_class"] == {"a": 8, "b": 8, "c": 8}
    per_source = row_named(part["rows"], "class_heard")["left_out"]["per_source"]
    assert set(per_source) == set(part["sizes"]["per_source"]) and len(per_source) == 12


def test_what_is_heard_wrongly_shows_by_class_and_by_source_the_worst_first():
    metric = UnseenSources()
    heard = np.where(LABELS == 2, 1, LABELS)
    part = metric.measure(predictions(heard, named=heard))
    assert micro(part, "class_heard") == pytest.approx(2 / 3) == micro(part, "class_seen")
    assert micro(part, "sound_to_image") == pytest.approx(2 / 3)
    assert micro(part, "class_heard", "ordinary") == 1
    row = row_named(part["rows"], "class_heard")["left_out"]
    assert row["per_class"]["c"]["value"] == 0 and row["per_class"]["a"]["value"] == 1
    whole, by_class, by_source = metric.tables(part, {})
    assert by_class.rows[0].title == "c" and by_class.rows[0].detail == "n = 8"
    assert len(by_source.rows) == 12 and by_source.header[-1] == "class seen"
    assert "5 further sounds, whose class no other source has" in whole.after
    assert "66.7\u202f% are named rightly" in metric.headlines(part, {})[0].sentence


def test_pictures_of_a_class_that_the_probe_does_not_know_are_not_counted():
    part = UnseenSources().measure(predictions(named=np.zeros(24, int), known=[0, 1]))
    found = row_named(part["rows"], "class_seen")
    assert (found["left_out"]["micro"]["value"], part["chance"]) == (0.5, 0.5)
    assert (found["num_items"], found["num_ordinary"]) == (8, 4)
    assert found["left_out"]["per_class"]["c"] == found["ordinary"]["per_class"]["c"] == NOTHING
    assert micro(part, "class_heard") == 1
    _, by_class, _ = UnseenSources().tables(part, {})
    assert by_class.rows[-1].title == "c" and by_class.rows[-1].cells[2].text == DASH


def test_a_class_that_the_model_does_not_have_is_not_held_against_it():
    part = UnseenSources().measure(predictions(own_labels=(1, -1, 0)))
    found = row_named(part["rows"], "class_heard")["ordinary"]
    assert found["micro"]["value"] == 1 and found["per_class"]["c"] == NOTHING
    assert row_named(part["rows"], "class_heard")["num_ordinary"] == 4


def test_a_class_of_which_no_sound_is_left_out_can_t_be_found():
    """All sounds of class 2 are of one source; there are photos of it all the same."""
    given = predictions()
    kept = np.flatnonzero(LABELS < 2)
    sounds = make_items(LABELS[kept], sources=given.left_out.sounds.sources[kept])
    vectors = np.eye(3, dtype=np.float32)[sounds.labels]
    heard = Heard(sounds.labels, np.ones(len(kept)))
    left_out = LeftOutSounds(
        sounds, heard, Hidden(vectors, vectors), 12, 8, kept[:4], judged(vectors[:4])
    )
    part = UnseenSources().measure(dataclasses.replace(given, left_out=left_out))
    row = row_named(part["rows"], "image_to_sound")
    assert row["left_out"]["micro"]["value"] == row["left_out"]["macro"]["value"] == 1
    assert row["left_out"]["per_class"]["c"] == NOTHING
    assert (row["num_items"], row["num_ordinary"]) == (6, 9)


def test_intervals_are_of_sources_and_not_of_sounds():
    """Sounds of a source are right or wrong together, so that there are 2 and not 24 to draw."""
    together = np.where(np.arange(24) < 12, LABELS, (LABELS + 1) % 3)
    given = predictions(together)
    object.__setattr__(given.left_out.sounds, "sources", np.repeat(["a", "b"], 12))
    wide = row_named(UnseenSources().measure(given)["rows"], "class_heard")["left_out"]["micro"]
    narrow = row_named(UnseenSources().measure(predictions(together))["rows"], "class_heard")[
        "left_out"
    ]["micro"]
    assert wide["value"] == narrow["value"] == 0.5
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]


def test_without_sounds_left_out_it_says_why():
    given = make_predictions(make_items([0]), make_items([0]), no_left_out="no source")
    with pytest.raises(NotMeasured, match="no source"):
        UnseenSources().measure(given)
