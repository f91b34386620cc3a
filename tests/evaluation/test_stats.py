import numpy as np
import pytest

from s2i_tf.evaluation import stats


def rate(values, labels=None, groups=None, **kwargs):
    labels = np.zeros(len(values), int) if labels is None else labels
    groups = np.arange(len(values)) if groups is None else groups
    return stats.rates({"hit": np.asarray(values)}, labels, groups, **kwargs)["hit"]


def test_micro_counts_items_and_macro_counts_classes():
    found = rate([1, 1, 1, 0], labels=np.array([0, 0, 0, 1]))
    assert found["micro"]["value"] == 0.75
    assert found["macro"]["value"] == 0.5
    assert {label: estimate["value"] for label, estimate in found["per_class"].items()} == {
        0: 1,
        1: 0,
    }


def test_the_interval_covers_a_known_truth_as_often_as_it_says(rng):
    """Eight clips of each recording agree in 70 % of the recordings."""
    groups = np.repeat(np.arange(60), 8)
    covered = {"recordings": 0, "clips": 0}
    for seed in range(200):
        values = np.repeat(rng.random(60) < 0.7, 8).astype(float)
        for name, units in (("recordings", groups), ("clips", np.arange(len(groups)))):
            estimate = rate(values, groups=units, num_resamples=200, seed=seed)["micro"]
            covered[name] += estimate["low"] <= 0.7 <= estimate["high"]
    assert 180 <= covered["recordings"] <= 198
    assert covered["clips"] < 120, "clips of one recording must not count as independent"


def test_the_macro_interval_covers_a_known_truth(rng):
    labels = np.repeat(np.arange(4), 50)
    truth = np.array([0.1, 0.4, 0.6, 0.9])
    covered = 0
    for seed in range(100):
        values = (rng.random(200) < truth[labels]).astype(float)
        estimate = rate(values, labels=labels, num_resamples=200, seed=seed)["macro"]
        covered += estimate["low"] <= truth.mean() <= estimate["high"]
    assert 88 <= covered <= 100


def test_an_interval_lies_around_its_value_where_one_source_is_most_of_a_class():
    """Nearly all of each class is of one source; without it the few others would be the class."""
    labels = np.repeat([0, 1, 2, 3], 48)
    large, small = ["large"] * 40, [f"small {number}" for number in range(8)]
    sources = np.array([f"{name} of {label}" for label in range(4) for name in large + small])
    right = np.array([source.startswith("small") for source in sources], float)
    macro = stats.rates({"": right}, labels, sources)[""]["macro"]
    below, above = macro["value"] - macro["low"], macro["high"] - macro["value"]
    assert macro["value"] == pytest.approx(1 / 6)
    assert below > above / 2 or macro["low"] == 0


def test_the_seed_decides(rng):
    values = rng.random(30)
    assert rate(values, seed=1) == rate(values, seed=1)
    assert rate(values, seed=1) != rate(values, seed=2)


def test_small_blocks_of_draws_change_nothing(rng, monkeypatch):
    values, groups = rng.random(40), np.arange(40) // 2
    whole = rate(values, groups=groups, num_resamples=500)
    monkeypatch.setattr(stats, "_MAX_WEIGHTS", 60)
    assert rate(values, groups=groups, num_resamples=500) == whole


def test_where_all_agree_the_interval_still_has_a_width():
    perfect = rate(np.ones(40), groups=np.arange(40) // 4, num_resamples=100)["micro"]
    assert perfect["value"] == 1
    assert (perfect["low"], perfect["high"]) == pytest.approx(stats.wilson(1.0, 10))
    assert perfect["low"] < 0.75


def test_few_recordings_still_cover_the_truth(rng):
    """Percentiles of draws from three recordings cover it in 79 %."""
    covered = 0
    for seed in range(200):
        shares = np.repeat(rng.uniform(0.1, 0.7, 3), 10)
        values = (rng.random(30) < shares).astype(float)
        estimate = rate(values, groups=np.arange(30) // 10, num_resamples=50, seed=seed)["micro"]
        covered += estimate["low"] <= 0.4 <= estimate["high"]
    assert covered >= 190


def test_one_recording_says_next_to_nothing():
    estimate = rate([1, 0, 1, 0], groups=np.zeros(4))["micro"]
    assert estimate["high"] - estimate["low"] > 0.8


def test_undefined_items_are_left_out():
    found = rate([1, np.nan, 0, np.nan], labels=np.array([0, 0, 1, 2]))
    assert found["micro"]["value"] == 0.5
    assert found["macro"]["value"] == 0.5
    assert found["per_class"][2]["value"] is None


@pytest.mark.parametrize("defined", [[1.0], [1.0, 0, 1, 1], [1.0] * 9])
def test_groups_in_which_nothing_is_defined_make_no_interval_narrower(defined):
    values, some = np.full(100, np.nan), len(defined)
    values[:some] = defined
    labels, places = np.arange(100) % 2, np.array(["x"] * 100)
    measures = {"some": values, "all": np.ones(100)}
    found = stats.rates(measures, labels, np.arange(100), sources=places, num_resamples=200)
    alone = rate(defined, labels=labels[:some], sources=places[:some], num_resamples=200)
    for key in ("micro", "macro"):
        assert found["some"][key] == pytest.approx(alone[key])
    assert found["some"]["per_source"]["x"]["low"] == found["some"]["micro"]["low"] < 0.75
    assert found["some"]["per_class"][0]["low"] == alone["per_class"][0]["low"]
    assert found["all"]["micro"]["low"] == stats.wilson(1.0, 100)[0]


def test_estimates_stay_in_their_range(rng):
    for _ in range(20):
        num = int(rng.integers(1, 30))
        found = rate(
            rng.random(num).round(),
            labels=rng.integers(0, 3, num),
            groups=rng.integers(0, 5, num),
            num_resamples=100,
        )
        for estimate in (found["micro"], found["macro"], *found["per_class"].values()):
            assert 0 <= estimate["low"] <= estimate["high"] <= 1
            assert 0 <= estimate["value"] <= 1


def test_wilson_reproduces_the_interval_of_the_paper_s_figures():
    """25.3 % of 10,400 has 24.5 to 26.1 %."""
    assert stats.wilson(0.253, 10_400) == pytest.approx((0.245, 0.261), abs=5e-4)
    assert stats.wilson(0.0, 10)[0] == 0
    assert stats.wilson(1.0, 10)[1] == pytest.approx(1)


def test_a_statistic_of_means_has_the_interval_of_the_rate(rng):
    values, groups = rng.random(200), (np.arange(200) // 2).astype(str)
    found = stats.statistic(
        lambda weights: (weights @ values) / weights.sum(axis=1), [groups], num_resamples=500
    )
    rate = stats.rates({"": values}, np.zeros(200, int), groups, num_resamples=500)[""]["micro"]
    assert found["value"] == pytest.approx(rate["value"])
    assert (found["low"], found["high"]) == pytest.approx((rate["low"], rate["high"]))


def test_a_recording_of_two_sets_is_drawn_in_both_or_in_none():
    """The difference of one set and its copy is always 0 only if both see the same draws."""
    values, groups = np.arange(20.0), np.arange(20).astype(str)

    def difference(one, other):
        return one @ values - other @ values

    found = stats.statistic(difference, [groups, groups], num_resamples=100)
    assert (found["low"], found["high"]) == (0, 0)
    apart = stats.statistic(difference, [groups, np.char.add("x", groups)], num_resamples=100)
    assert apart["low"] < 0 < apart["high"]


def test_a_statistic_that_is_not_defined_is_not_a_number():
    with np.errstate(divide="ignore"):
        found = stats.statistic(
            lambda weights: 1 / (0 * weights.sum(axis=1)), [np.arange(20)], num_resamples=10
        )
    assert found == stats.NOTHING


@pytest.mark.parametrize("by_class", [False, True])
def test_the_interval_of_a_mean_over_pairs_covers_its_truth(rng, by_class):
    """Drawn as the one of the pair alone, it covered the truth of these in six to eight of ten."""
    covered, num, groups = 0, 40, np.arange(40)
    for seed in range(200):
        labels = np.arange(num) % 2 if by_class else np.zeros(num, int)
        meets = rng.random(num)[:, None] + rng.random(num) > 1
        meets = np.where((labels[:, None] == labels) & ~np.eye(num, dtype=bool), meets, np.nan)
        as_one, as_other = np.nanmean(meets, axis=1), np.nanmean(meets, axis=0)
        values = stats.of_all_pairs(as_one, as_other, labels)
        assert values.mean() == pytest.approx(as_one.mean())
        found = stats.mean(values, groups, seed=seed)
        covered += found["low"] < 0.5 < found["high"]
    assert 0.9 < covered / 200 < 0.99


def test_an_item_without_partners_stays_undefined():
    values = stats.of_all_pairs(np.array([0.5, np.nan, 1]), np.array([1, np.nan, 0.5]))
    np.testing.assert_array_equal(values, [0.75, np.nan, 0.75])


def test_collections_have_rates_of_their_own_and_unknown_ones_none():
    sources = np.array(["x", "x", "y", ""])
    labels = np.array([0, 1, 1, 0])
    found = rate([1, 0, 1, 1], labels=labels, sources=sources)
    assert {name: one["value"] for name, one in found["per_source"].items()} == {"x": 0.5, "y": 1}
    without = rate([1, 0, 1, 1], labels=labels)
    assert without["per_source"] == {}
    assert [without[key] for key in ("micro", "macro", "per_class")] == [
        found[key] for key in ("micro", "macro", "per_class")
    ]


def test_the_median_is_numpy_s(rng):
    for num in (9, 10):
        values = rng.random(num)
        assert stats.medians(values, np.ones((1, num))) == pytest.approx(np.median(values))
    assert stats.medians(np.array([1.0, 5.0]), np.array([[3.0, 1.0]])).tolist() == [1.0]
