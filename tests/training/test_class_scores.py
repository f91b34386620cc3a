import numpy as np
import pytest

from s2i_tf.training import class_scores

COLUMNS = slice(4, 14)


@pytest.fixture
def sounds(rng):
    """Three classes, twenty sounds each: four features that tell a class in its own way at each of
    two places, and ten labels of a net, of which label c is given to class c at every place."""
    labels = np.repeat(np.arange(3), 20)
    places = np.arange(60) % 2
    features = np.zeros((60, 14), np.float32)
    features[:, :3] = 3 * np.eye(3)[(labels + places) % 3]
    features[:, 3] = places
    features[:, COLUMNS] = np.eye(10)[labels]
    return features + rng.normal(scale=0.2, size=features.shape).astype(np.float32), labels


def elsewhere(labels, rng):
    """Sounds of a third place, where the first features are as they were for another class."""
    features = np.zeros((len(labels), 14), np.float32)
    features[:, :3] = 7 * np.eye(3)[(labels + 2) % 3]
    features[:, COLUMNS] = np.eye(10)[labels]
    return features + rng.normal(scale=0.2, size=features.shape).astype(np.float32)


def test_the_nets_own_labels_are_heard_where_the_other_features_mislead(sounds, rng):
    features, labels = sounds
    strange = elsewhere(labels, rng)
    alone, both = (
        class_scores.fit(features, labels, 3, 0.3, columns) for columns in (slice(0), COLUMNS)
    )
    assert np.mean(both(features).argmax(axis=1) == labels) == 1
    margins = [_margin(scores(strange), labels) for scores in (alone, both)]
    assert np.mean(margins[1] - margins[0]) > 0.1
    assert np.mean(margins[1] > 0) >= np.mean(margins[0] > 0)


def test_a_name_is_heard_where_the_training_sounds_had_other_labels(sounds, rng):
    """Label 4 + c is what class c is called; no training sound has it, strange ones have."""
    features, labels = sounds
    features[:, 8:11] += rng.normal(scale=0.2, size=(60, 3))
    strange = elsewhere(labels, rng)
    strange[:, COLUMNS] = rng.normal(scale=0.2, size=(60, 10))
    strange[np.arange(60), 8 + labels] += 1
    photos = np.float32([[1, 0, 0], [0.9, 0.3, 0], [0, 0, 1]])
    photos -= photos.mean(axis=0)
    alone, named = (
        class_scores.fit(features, labels, 3, 0.3, COLUMNS, names, photos)
        for names in ((), [[8], [9], []])
    )
    spread_by = class_scores.alike(photos)
    added = (named(strange) - alone(strange)) @ spread_by
    # Compared between classes, as scores are: class 2, of no name, stands in their middle.
    assert np.mean(added[labels == 0].argmax(axis=1) == 0) > 0.9
    assert np.mean(added[labels == 1].argmax(axis=1) == 1) > 0.9


def _margin(scores, labels):
    """How far the right class is above the best of the others."""
    right = np.eye(3, dtype=bool)[labels]
    return scores[right] - np.where(right, -np.inf, scores).max(axis=1)


def test_a_class_is_scored_by_the_labels_that_it_is_given_more(sounds):
    features, labels = sounds
    alone, both = (
        class_scores.fit(features, labels, 3, 0.3, columns) for columns in (slice(0), COLUMNS)
    )
    added = both.kernel - alone.kernel
    assert not added[:4].any()
    assert (added >= 0).all() and (added[COLUMNS].argmax(axis=0) == np.arange(3)).all()
    # What no class is given more of than another changes nothing.
    middle = features.mean(axis=0)
    np.testing.assert_allclose(both(middle), alone(middle), atol=1e-4)


def test_a_class_without_sounds_or_photos_changes_nothing(sounds, rng):
    features, labels = sounds
    fewer = class_scores.fit(features, labels, 3, 0.3, COLUMNS)
    more = class_scores.fit(features, labels * 2, 6, 0.3, COLUMNS)
    np.testing.assert_allclose(more(features)[:, [0, 2, 4]], fewer(features), atol=1e-5)
    np.testing.assert_array_equal(more(features)[:, [1, 3, 5]], 0)
    vectors, photo_labels = rng.normal(size=(9, 5)), np.arange(9) % 3
    (few, one), (many, other) = (
        class_scores.directions(vectors, photo_labels * step, size)
        for step, size in ((1, 3), (2, 6))
    )
    np.testing.assert_allclose(one, other)
    np.testing.assert_allclose(few, many[::2])
    np.testing.assert_array_equal(many[1::2], 0)


def test_sounds_go_to_the_mean_of_their_classs_photos(sounds, rng):
    features, labels = sounds
    photo_labels = np.arange(30) % 3
    vectors = np.eye(5)[photo_labels] + rng.normal(scale=0.1, size=(30, 5))
    scores = class_scores.fit(features, labels, 3, 0.01, slice(0))
    to_photos = class_scores.to_photos(scores, *class_scores.directions(vectors, photo_labels, 3))
    means = np.stack([vectors[photo_labels == label].mean(axis=0) for label in range(3)])
    np.testing.assert_allclose(to_photos(features), means[labels], atol=0.5)
    np.testing.assert_allclose(to_photos(features.mean(axis=0)), means.mean(axis=0), atol=1e-3)


def test_classes_whose_photos_are_alike_speak_for_each_other():
    photos = np.array([[1, 0.3, 0], [1, -0.3, 0], [0, 0, 1]], np.float32)  # two are alike
    # Each alone is below the third, both together are above it.
    heard = np.array([0.3, 0.25, 0.4]) @ class_scores.alike(photos)
    assert heard.argmax() == 0 and heard[1] > heard[2]
    np.testing.assert_allclose(class_scores.alike(np.eye(3)), np.eye(3), atol=1e-6)
