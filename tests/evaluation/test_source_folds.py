import types

import numpy as np
import pytest

from s2i_tf import features
from s2i_tf.evaluation import source_folds
from s2i_tf.models.multimodal import Hidden
from s2i_tf.training import class_scores, fit_hearing
from tests.evaluation.conftest import make_items

STRENGTH, TEMPERATURE = 0.3, 0.2


def model(**recipe):
    """One whose vectors are what the refitted layer gives."""
    layers = types.SimpleNamespace(
        sound_scaler=lambda features: features, hidden_of=lambda linear: Hidden(linear, linear)
    )
    given = {"hearing": True, "multimodal": {"refit_strength": STRENGTH}} | recipe
    extractors = {"sound": "soundnet_pool5"}
    hearing = types.SimpleNamespace(alike=np.eye(3) / TEMPERATURE)
    return types.SimpleNamespace(
        multimodal=layers, recipe=given, extractors=extractors, hearing=hearing
    )


@pytest.fixture
def sounds(rng):
    """Classes 0 and 1 in sources a, b and c, class 2 in c alone; the features tell the class."""
    labels = np.arange(60) % 3
    sources = np.where(labels == 2, "c", np.array(list("abc"))[np.arange(60) // 3 % 3])
    features = (np.eye(3)[labels] + 0.1 * rng.normal(size=(60, 3))).astype(np.float32)
    return make_items(labels, features, sources=sources)


def listen(sounds, others=None, num_train=40, **recipe):
    parts = [
        make_items(sounds.labels[rows], sounds.features[rows], prefix, sources=sounds.sources[rows])
        for prefix, rows in (("t", slice(num_train)), ("e", slice(num_train, None)))
    ]
    photos = make_items(np.arange(6) % 3, prefix="p")
    vectors = Hidden(np.eye(3, dtype=np.float32)[photos.labels], None)
    training = types.SimpleNamespace(images=photos, image_vectors=vectors, sounds=parts[0])
    return source_folds.listen(model(**recipe), training, others or parts[1], ("x", "y", "z"))


def test_each_source_is_heard_by_ears_that_were_fitted_without_it(sounds):
    found = listen(sounds)
    assert found.num_folds == 3
    # Of class 2 nothing is known without source c, so none of it is asked.
    assert set(found.sounds.labels) == {0, 1} and found.num_alone == np.sum(sounds.labels == 2)
    assert len(found.sounds) == np.sum(sounds.labels < 2), "of both splits"
    assert np.mean(found.heard.labels == found.sounds.labels) == 1
    nearest = found.vectors.before.argmax(axis=1)
    assert np.mean(nearest == found.sounds.labels) == 1
    rest = (np.arange(60) < 40) & (sounds.sources != "a")
    scores = class_scores.fit(
        sounds.features[rest], sounds.labels[rest], 3, fit_hearing.STRENGTH, slice(0)
    )
    directions, _ = class_scores.directions(np.eye(3), np.arange(3), 3)
    own = np.flatnonzero((sounds.sources == "a") & (sounds.labels < 2))
    alike = class_scores.alike(directions)
    expected = scores(sounds.features[own]) @ alike
    here = found.sounds.sources == "a"
    np.testing.assert_array_equal(found.heard.labels[here], expected.argmax(axis=1))
    certainty = class_scores.softmax(expected / TEMPERATURE).max(axis=1)
    np.testing.assert_allclose(found.heard.certainty[here], certainty, rtol=1e-5)


def test_a_source_that_alone_sounds_so_is_heard_as_what_it_resembles(sounds):
    """In source a class 0 sounds as class 1 does elsewhere: only with a could it be learnt."""
    turned = (sounds.sources == "a") & (sounds.labels < 2)
    sounds.features[turned] = sounds.features[turned][:, [1, 0, 2]]
    found = listen(sounds)
    right = found.heard.labels == found.sounds.labels
    assert not right[found.sounds.sources == "a"].any()


def test_of_one_class_nothing_is_left_out(sounds):
    """It would be heard in everything."""
    object.__setattr__(sounds, "labels", np.zeros(60, int))
    assert listen(sounds) is None


def test_no_recording_is_on_both_sides(sounds, monkeypatch):
    fitted = []
    fit = class_scores.fit
    monkeypatch.setattr(
        class_scores,
        "fit",
        lambda features, *rest: fitted.append(len(features)) or fit(features, *rest),
    )
    listen(sounds)
    before = sorted(fitted)
    fitted.clear()
    # The first recording of source a has a clip in source b too.
    others = make_items(sounds.labels[40:], sounds.features[40:], sources=sounds.sources[40:])
    object.__setattr__(others, "groups", np.array(["t000", *others.groups[1:]]))
    listen(sounds, others)
    assert sounds.sources[0] == "a" and others.sources[0] == "b"
    assert sum(before) - sum(fitted) == 2, "the ears and the sound layer have one sound less"


def test_ears_that_know_names_are_fitted_with_them(sounds, monkeypatch):
    asked = []
    monkeypatch.setattr(
        features, "named_columns", lambda *names: asked.append(names) or [[0], [], [2]]
    )
    listen(sounds)
    assert not asked
    found = listen(sounds, multimodal={"refit_strength": STRENGTH, "label_names": True})
    assert asked == [("soundnet_pool5", ("x", "y", "z"))]
    assert np.mean(found.heard.labels == found.sounds.labels) == 1


def test_without_sources_or_ears_of_that_kind_nothing_is_left_out(sounds):
    object.__setattr__(sounds, "sources", np.full(60, ""))
    assert listen(sounds) is None
    assert source_folds.refit_strength(model()) == STRENGTH
    assert not source_folds.refit_strength(model(hearing=False))
    assert not source_folds.refit_strength(model(multimodal={}))
    assert not source_folds.refit_strength(types.SimpleNamespace(recipe=None))
