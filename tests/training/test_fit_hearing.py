"""What a model says of a sound: classes, honest probabilities, and what it doesn't know."""

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.models import part_file
from s2i_tf.training import fit_hearing

NUM_CLASSES, NUM_FEATURES, NUM_EMBEDDING = 3, 24, 16
PHOTOS = np.eye(NUM_CLASSES, 5, dtype=np.float32)


def sounds(num, seed, noise=0.3, classes=range(NUM_CLASSES)):
    """Features around a centre for each class, and labels; the last features say nothing."""
    centres = np.random.default_rng(0).random((8, NUM_FEATURES))
    rng = np.random.default_rng(seed)
    labels = np.array(classes)[np.arange(num) % len(classes)]
    features = centres[labels] + noise * rng.normal(size=(num, NUM_FEATURES))
    return features.astype(np.float32), labels


def error(confidence, right):
    (found,) = fit_hearing.calibration_errors(confidence, right, np.ones((1, len(right))))
    return found


def area(positive, negative):
    each_once = (np.ones((1, len(of))) for of in (positive, negative))
    (found,) = fit_hearing.areas_under_curve(positive, negative, *each_once)
    return found


@pytest.fixture(scope="module")
def fitted():
    features, labels = sounds(120, seed=1)
    unknown, _ = sounds(40, seed=2, classes=range(3, 8))
    groups = [f"recording {row // 2}" for row in range(len(labels))]
    return fit_hearing.fit(features, labels, groups, PHOTOS, NUM_EMBEDDING, unknown)


def test_it_names_sounds_and_tells_the_unknown(fitted):
    features, labels = sounds(60, seed=3)
    said = {name: np.asarray(values) for name, values in fitted.hearing(features).items()}
    np.testing.assert_allclose(said["heard"].sum(axis=1), 1, atol=1e-5)
    assert np.mean(said["heard"].argmax(axis=1) == labels) > 0.9
    strange, _ = sounds(60, seed=4, classes=range(3, 8))
    strange_scores = np.asarray(fitted.hearing(strange)["known_score"])
    assert area(said["known_score"], strange_scores) > 0.9
    assert np.mean(said["known_score"] >= spec.KNOWN_SCORE) > 0.8
    assert np.mean(strange_scores >= spec.KNOWN_SCORE) < 0.2
    assert fitted.known_auc > 0.9 and fitted.accuracy > 0.9


def test_its_probabilities_are_the_shares_that_are_right(fitted):
    assert fitted.calibration_error < 0.1
    # Harder sounds: the scores overlap, and the temperature says so.
    features, labels = sounds(600, seed=5, noise=1.0)
    hard = fit_hearing.fit(features, labels, np.arange(600).astype(str), PHOTOS, NUM_EMBEDDING)
    other, other_labels = sounds(600, seed=6, noise=1.0)
    heard = np.asarray(hard.hearing(other)["heard"])
    right = heard.argmax(axis=1) == other_labels
    assert right.mean() < 0.9
    assert error(heard.max(axis=1), right) < 0.06


def test_too_few_recordings_are_refused_by_their_number():
    fit_hearing.check_enough(np.array([str(row) for row in range(12)]))
    for groups in (["a", "a", "b"], ["a"] * 8 + ["b"], ["a"] * 9):
        with pytest.raises(UserError, match=rf"needs 5 .*\({len(groups)} sounds of"):
            fit_hearing.check_enough(np.array(groups))


def test_of_a_folder_the_sounds_count(tmp_path):
    for name in ("b.wav", "a.ogg", ".DS_Store", "index.csv"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    assert [path.name for path in fit_hearing.files_of(tmp_path)] == ["a.ogg", "b.wav"]
    with pytest.raises(UserError, match="holds no sounds"):
        fit_hearing.files_of(tmp_path / "more")
    with pytest.raises(UserError, match="is no folder"):
        fit_hearing.files_of(tmp_path / "none")


def test_without_unknown_sounds_one_in_twenty_is_missed():
    features, labels = sounds(200, seed=7)
    alone = fit_hearing.fit(features, labels, np.arange(200).astype(str), PHOTOS, NUM_EMBEDDING)
    assert np.isnan(alone.known_auc)
    others, _ = sounds(400, seed=8)
    known = np.asarray(alone.hearing(others)["known_score"]) >= spec.KNOWN_SCORE
    assert 0.9 <= known.mean() <= 0.99


def test_a_recording_never_stands_on_both_sides():
    """Clips that are copies of one another, under wrong labels: only a leak could name them."""
    rng = np.random.default_rng(9)
    originals = rng.normal(size=(60, 300)).astype(np.float32)
    features, labels = np.repeat(originals, 4, axis=0), np.repeat(rng.integers(0, 3, 60), 4)
    groups = [f"recording {row // 4}" for row in range(240)]
    apart = fit_hearing.fit(features, labels, groups, PHOTOS, NUM_EMBEDDING)
    leaking = fit_hearing.fit(features, labels, np.arange(240).astype(str), PHOTOS, NUM_EMBEDDING)
    assert apart.accuracy < 0.55 < 0.8 < leaking.accuracy


def test_the_part_survives_its_files(fitted, tmp_path):
    features, _ = sounds(10, seed=10)
    for compact, tolerance in ((False, 1e-6), (True, 2e-2)):
        folder = tmp_path / str(compact)
        folder.mkdir()
        part_file.save(fitted.hearing, folder, "hearing", compact=compact)
        again = part_file.load(folder, "hearing")
        for name, values in fitted.hearing(features).items():
            np.testing.assert_allclose(again(features)[name], values, atol=tolerance)


def test_calibration_error_by_hand():
    confidence = np.array([0.95, 0.95, 0.55, 0.55])
    right = np.array([True, False, True, True])
    # Two bins of two: |0.95 - 0.5| and |0.55 - 1|, a half each.
    assert error(confidence, right) == pytest.approx(0.45)


def test_what_is_drawn_twice_counts_twice():
    confidence, right = np.array([0.95, 0.95, 0.55]), np.array([True, False, True])
    weights = np.array([[1, 1, 1], [2, 0, 1], [0, 0, 3]])
    errors = fit_hearing.calibration_errors(confidence, right, weights)
    assert errors == pytest.approx([(0.9 + 0.45) / 3, (0.1 + 0.45) / 3, 0.45])
    areas = fit_hearing.areas_under_curve(
        np.array([3.0, 1.0]), np.array([2.0, 1.0]), np.array([[1, 1], [3, 0]]), np.ones((2, 2))
    )
    assert areas == pytest.approx([0.625, 1])


def test_area_under_the_curve_by_hand():
    assert area(np.array([3.0, 1.0]), np.array([2.0, 1.0])) == 0.625
