import functools
import tracemalloc

import numpy as np
import pytest

from s2i_tf.evaluation import on_disk, probes


def clusters(rng, num_classes=4, num_each=30, size=20, spread=0.2):
    centres = rng.normal(size=(num_classes, size))
    labels = np.repeat(np.arange(num_classes), num_each)
    features = centres[labels] + spread * rng.normal(size=(len(labels), size))
    groups = np.array([f"g{index // 3}" for index in range(len(labels))])
    return features, labels, groups


def test_classes_that_a_line_parts_are_told_apart(rng):
    features, labels, groups = clusters(rng)
    order = rng.permutation(len(labels))
    half = len(labels) // 2
    train, other = order[:half], order[half:]
    probe = probes.fit(features[train], labels[train], groups[train])
    assert np.array_equal(probe.predict(features[other]), labels[other])
    assert probe.validated == 1
    assert probe.penalty in probes.PENALTIES


def test_more_features_than_items_give_the_same_directions(rng):
    """The two ways to the principal components, by items and by features, must agree."""
    features, labels, groups = clusters(rng, num_each=20, size=79)
    wide = np.concatenate([features, np.zeros((len(features), 200))], axis=1)
    fits = [probes.fit(given, labels, groups, penalty=1e-4) for given in (features, wide)]
    assert np.array_equal(fits[0].predict(features), fits[1].predict(wide))


def test_noise_is_named_no_better_than_chance(rng):
    labels = np.arange(400) % 4
    groups = np.arange(400).astype(str)
    probe = probes.fit(rng.normal(size=(400, 30)), labels, groups)
    named = probe.predict(rng.normal(size=(2000, 30)))
    assert np.mean(named == np.arange(2000) % 4) == pytest.approx(0.25, abs=0.05)
    assert probe.validated == pytest.approx(0.25, abs=0.1)


def test_a_thin_class_weighs_as_much_as_a_rich_one(rng):
    """If all items weighed the same, the thin one would hardly ever be named."""
    labels = np.array([0] * 300 + [1] * 10)
    features = rng.normal(size=(310, 1)) + labels[:, None]
    probe = probes.fit(features, labels, np.arange(310).astype(str), penalty=1e-4)
    fresh = rng.normal(size=(1000, 1)) + 1
    assert np.mean(probe.predict(fresh) == 1) > 0.5


def test_labels_need_not_count_from_zero(rng):
    features, labels, groups = clusters(rng, num_classes=2)
    probe = probes.fit(features, labels * 5 + 2, groups)
    assert set(probe.predict(features)) == {2, 7}


def test_the_gradient_is_the_loss_s_own(rng):
    """At the minimum of the regularised loss no small step leads lower."""
    features, labels, _ = clusters(rng, num_classes=3, num_each=10, size=4, spread=1.0)
    penalty = 1e-2

    def loss(weights, bias):
        scores = features @ weights + bias
        scores = scores - scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -logs[np.arange(30), labels].mean() + penalty / 2 * (weights**2).sum()

    weights, bias = probes._fit(probes._with_one(features), labels, 3, penalty)
    best = loss(weights, bias)
    for _ in range(50):
        step = 1e-2 * rng.normal(size=(5, 3))
        assert loss(weights + step[:4], bias + step[4]) >= best - 1e-5


def test_one_class_is_always_named(rng):
    probe = probes.fit(rng.normal(size=(3, 5)), np.full(3, 4), np.array(["a", "b", "c"]))
    assert set(probe.predict(rng.normal(size=(6, 5)))) == {4}
    assert probe.validated is None


def test_of_a_label_that_it_does_not_know_or_knows_alone_nothing_is_right(rng):
    features, labels, groups = clusters(rng, num_classes=3)
    few = labels < 2
    probe = probes.fit(features[few], labels[few], groups[few])
    assert np.array_equal(probe.num_choices(labels), np.where(few, 2, 0))
    np.testing.assert_array_equal(probe.right(features, labels), np.where(few, 1, np.nan))
    alone = probes.fit(features[:30], labels[:30], groups[:30])
    assert np.isnan(alone.right(features, labels)).all()


def test_folds_deal_out_every_class_and_part_no_group(rng):
    labels = np.concatenate([np.repeat(np.arange(20), 2), np.full(60, 20)])
    groups = np.array([f"g{number}" for number in range(len(labels))])
    groups[40:60] = groups[:20]  # recordings of two classes
    found = probes.folds_by_class(groups, labels, 0)
    for group in set(groups):
        assert len(set(found[groups == group])) == 1
    for label in range(20):
        assert len(set(found[labels == label])) == 2
    assert np.ptp(np.bincount(found[labels == 20])) <= 1
    assert np.ptp(np.bincount(found)) <= 3
    order = rng.permutation(len(labels))
    assert np.array_equal(probes.folds_by_class(groups[order], labels[order], 0), found[order])
    assert not np.array_equal(probes.folds_by_class(groups, labels, 1), found)


def test_what_no_other_fold_has_is_not_held_against_a_penalty():
    """Of ten classes with one item each cross-validation can say nothing."""
    labels = np.array([*range(10), *[10] * 9, *[11] * 9])
    features = np.eye(12)[labels]
    probe = probes.fit(features, labels, np.arange(len(labels)))
    assert probe.validated == 1
    assert probes.fit(np.eye(12), np.arange(12), np.arange(12)).validated is None


def test_features_that_do_not_vary_are_no_error():
    probe = probes.fit(np.ones((6, 3)), np.arange(6) % 2, np.arange(6).astype(str))
    assert len(set(probe.predict(np.ones((4, 3))))) == 1


def test_features_are_read_in_blocks_and_give_the_same(rng, monkeypatch):
    for size in (20, 300):  # fewer and more features than items
        features, labels, groups = clusters(rng, num_each=20, size=size)
        whole = probes.fit(features, labels, groups, penalty=1e-4)
        with monkeypatch.context() as patch:
            in_sevens = functools.partial(on_disk.blocks, num_bytes=7 * 8 * size)
            patch.setattr(on_disk, "blocks", in_sevens)
            parts = probes.fit(features, labels, groups, penalty=1e-4)
            assert np.array_equal(parts.predict(features), whole.predict(features))
        assert parts.mean == pytest.approx(whole.mean)
        assert np.abs(parts.weights) == pytest.approx(np.abs(whole.weights), abs=1e-6)


def test_no_copy_of_all_features_is_kept(rng, monkeypatch):
    features, labels, groups = clusters(rng, num_each=2000, size=100)
    in_blocks = functools.partial(on_disk.blocks, num_bytes=100 * 8 * 100)
    monkeypatch.setattr(on_disk, "blocks", in_blocks)
    monkeypatch.setattr(probes, "NUM_COMPONENTS", 4)
    tracemalloc.start()
    probes._components(features)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(features) * 100 * 8 / 2
