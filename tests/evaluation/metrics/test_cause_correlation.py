import numpy as np
import pytest

from s2i_tf.data import foley
from s2i_tf.evaluation.metrics import cause_correlation
from s2i_tf.evaluation.metrics.cause_correlation import rank_correlation
from s2i_tf.evaluation.metrics.metric import NotMeasured
from tests.evaluation.conftest import judged, make_items, make_predictions


def test_the_rank_correlation_by_hand():
    assert rank_correlation(np.array([1, 2, 3.0]), np.array([10, 20, 1000.0])) == 1
    assert rank_correlation(np.array([1, 2, 3.0]), np.array([3, 2, 1.0])) == -1
    # Spearman's formula without ties: 1 - 6·sum(d²) / (n·(n² - 1)), with d = (0, 1, -1).
    assert rank_correlation(np.array([1, 2, 3.0]), np.array([1, 3, 2.0])) == 0.5
    # Two that tie share their ranks: (1, 2, 3) against (1.5, 1.5, 3).
    tied = rank_correlation(np.array([1, 2, 3.0]), np.array([1, 1, 2.0]))
    assert tied == pytest.approx(1.5 / np.sqrt(2 * 1.5))


def test_a_constant_correlates_with_nothing():
    assert rank_correlation(np.arange(4.0), np.ones(4)) is None
    assert rank_correlation(np.ones(1), np.ones(1)) is None


@pytest.fixture(scope="module")
def scenes():
    return [foley.scene(name, index) for name in ("fire", "bird") for index in range(12)]


@pytest.fixture(scope="module")
def causes(scenes):
    rows = [
        {"source": foley.SOURCE} | {f"cause_{key}": str(value) for key, value in s.causes.items()}
        for s in scenes
    ]
    return cause_correlation.causes_of(rows, [s.class_name for s in scenes])


def groups(scenes):
    return np.arange(len(scenes)).astype(str)


def test_the_causes_come_from_the_index(scenes, causes):
    assert {(cause.class_name, cause.name) for cause in causes} == {
        (name, cause.name) for name in ("fire", "bird") for cause in foley.CAUSES[name]
    }
    first = next(cause for cause in causes if cause.class_name == "bird")
    assert first.items.tolist() == list(range(12, 24))
    assert first.values[3] == pytest.approx(scenes[15].causes[first.name], abs=1e-6)


def test_real_pictures_follow_and_those_of_other_sounds_do_not(scenes, causes):
    pictures = np.stack([foley.render(scene, 128) for scene in scenes])
    real = cause_correlation.measured_in_pictures(causes, pictures)
    found = cause_correlation.pooled(causes, real, groups(scenes))
    assert found["value"] > 0.8 and found["low"] > 0.6
    shuffled = pictures[[*np.roll(np.arange(12), 5), *np.roll(np.arange(12, 24), 5)]]
    others = cause_correlation.measured_in_pictures(causes, shuffled)
    found = cause_correlation.pooled(causes, others, groups(scenes))
    assert found["low"] < 0.25
    assert abs(found["value"]) < 0.5


def test_one_picture_a_class_follows_nothing(scenes, causes):
    """The class alone must not count, so a constant within a class gives nothing."""
    pictures = np.repeat(np.stack([foley.render(scenes[i], 128) for i in (0, 12)]), 12, axis=0)
    measured = cause_correlation.measured_in_pictures(causes, pictures)
    assert cause_correlation.pooled(causes, measured, groups(scenes))["value"] is None


def test_a_perfect_measure_gives_one(scenes, causes):
    found = cause_correlation.pooled(causes, [cause.values for cause in causes], groups(scenes))
    assert found["value"] == pytest.approx(1)


def test_data_without_causes_have_none():
    assert (
        cause_correlation.causes_of([{}, {"source": "elsewhere", "cause_blaze": "1"}], ["fire"] * 2)
        == []
    )


def test_pictures_of_the_embedded_data_set_follow_its_causes():
    scenes = [foley.scene("bird", index) for index in range(10)]
    pictures = np.stack([foley.render(scene, 128) for scene in scenes])
    sounds, images = make_items([0] * 10), make_items([0] * 10, prefix="p", pictures=pictures)
    index = {
        sound_id: {"source": foley.SOURCE}
        | {f"cause_{name}": str(value) for name, value in scene.causes.items()}
        for sound_id, scene in zip(sounds.ids, scenes, strict=True)
    }
    made = {"generated": judged(np.zeros((10, 2)), pictures[::-1])}
    given = {"class_names": ("bird",), "pictures": made}
    metric = cause_correlation.CauseCorrelation()
    found = metric.measure(make_predictions(sounds, images, index=index, **given))
    assert found["num_sounds"] == 10
    assert found["pooled"]["real"]["value"] > 0.7
    assert found["pooled"]["generated"]["value"] < found["pooled"]["real"]["low"]
    assert {row["cause"] for row in found["rows"]} == {c.name for c in foley.CAUSES["bird"]}
    with pytest.raises(NotMeasured, match="only the embedded data set"):
        metric.measure(make_predictions(sounds, images, **given))
