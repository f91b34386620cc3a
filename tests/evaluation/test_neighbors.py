import functools
import math
import tracemalloc

import numpy as np
import pytest

from s2i_tf.evaluation import neighbors, on_disk
from s2i_tf.evaluation.metrics import retrieval


def brute_force(queries, query_labels, targets, target_labels, distance):
    """Ranks and nearest targets in float64, one pair at a time."""
    ranks, nearest = [], []
    for query, label in zip(queries.astype(np.float64), query_labels, strict=True):
        if distance == "euclidean":
            far = np.linalg.norm(targets - query, axis=1)
        else:
            far = -(targets @ query) / np.linalg.norm(targets, axis=1)
        order = np.argsort(far)
        ranks.append(1 + int(np.argmax(target_labels[order] == label)))
        nearest.append(order[0])
    return np.array(ranks), np.array(nearest)


@pytest.mark.parametrize("distance", neighbors.DISTANCES)
@pytest.mark.parametrize("block_bytes", [1, 4 * 90 * 7, 1 << 30])
def test_blocks_equal_brute_force(rng, monkeypatch, distance, block_bytes):
    monkeypatch.setattr(neighbors, "TILE_ROWS", 32)
    queries = rng.normal(size=(40, 16)) + 2
    targets = rng.normal(size=(90, 16)) * rng.uniform(0.5, 2, size=(90, 1)) + 2
    query_labels, target_labels = rng.integers(0, 6, 40), rng.integers(0, 6, 90)
    found = neighbors.rank(
        queries.astype(np.float32),
        query_labels,
        targets.astype(np.float32),
        target_labels,
        block_bytes=block_bytes,
    )[distance]
    ranks, nearest = brute_force(queries, query_labels, targets, target_labels, distance)
    np.testing.assert_array_equal(found.nearest, nearest)
    np.testing.assert_array_equal(found.measures["top_1"], ranks == 1)
    np.testing.assert_array_equal(found.measures["top_5"], ranks <= 5)
    np.testing.assert_allclose(found.measures["mrr"], 1 / ranks)


def with_ties(far, is_own):
    """The measures by their definition, of exact distances."""
    if not is_own.any():
        return 0.0, 0.0, 0.0
    best = far[is_own].min()
    first = 1 + np.sum(far < best)
    num_own, num_tied = np.sum(far[is_own] == best), np.sum(far == best)
    # Of all ways to place the class among the tied: those which begin after `behind` others.
    chances = {
        first + behind: math.comb(num_tied - behind - 1, num_own - 1) / math.comb(num_tied, num_own)
        for behind in range(num_tied - num_own + 1)
    }
    return (
        chances.get(1, 0.0),
        sum(chance for position, chance in chances.items() if position <= 5),
        sum(chance / position for position, chance in chances.items()),
    )


def far_apart(queries, targets, distance):
    """Distances [queries, targets], the same for the same vectors."""
    queries, targets = queries.astype(np.float64), targets.astype(np.float64)
    products = np.array([[np.sum(one * other) for other in targets] for one in queries])
    squares = np.array([np.sum(other * other) for other in targets])
    if distance == "euclidean":
        return squares - 2 * products
    return -np.round(products / np.sqrt(np.where(squares > 0, squares, 1)), 9)


def small_whole_numbers(rng):
    """Few directions and lengths, zero vectors among them: most distances tie, and exactly."""
    return rng.integers(-1, 2, size=(40, 3)), rng.integers(-1, 2, size=(90, 3))


def few_long_vectors(rng):
    """Copies of a few vectors, whose products are rounded, and differently by tile and block."""
    vectors = rng.normal(size=(7, 4096)) + 3
    return vectors[rng.integers(0, 7, 40)], vectors[rng.integers(0, 7, 90)]


@pytest.mark.parametrize("distance", neighbors.DISTANCES)
@pytest.mark.parametrize("make", [small_whole_numbers, few_long_vectors])
@pytest.mark.parametrize(
    ("tile_rows", "block_bytes"), [(1, 1 << 30), (7, 1), (7, 1 << 17), (2048, 1), (2048, 1 << 30)]
)
def test_ties_equal_their_definition_in_all_tiles(
    rng, monkeypatch, tmp_path, distance, make, tile_rows, block_bytes
):
    """In mapped float16, with a class that has one target and one that has none."""
    monkeypatch.setattr(neighbors, "TILE_ROWS", tile_rows)
    mapped = []
    for name, vectors in zip(("queries", "targets"), make(rng), strict=True):
        np.save(tmp_path / f"{name}.npy", vectors.astype(np.float16))
        mapped.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    labels = rng.integers(0, 6, 40), rng.integers(0, 4, 90)
    labels[1][50] = 4
    found = neighbors.rank(mapped[0], labels[0], mapped[1], labels[1], block_bytes=block_bytes)
    far = far_apart(*mapped, distance)
    is_own = labels[0][:, np.newaxis] == labels[1]
    expected = [with_ties(*pair) for pair in zip(far, is_own, strict=True)]
    for name, values in zip(neighbors.MEASURES, np.transpose(expected), strict=True):
        np.testing.assert_allclose(found[distance].measures[name], values, err_msg=name)
    np.testing.assert_array_equal(found[distance].nearest, np.argmin(far, axis=1))


def test_perfect_vectors_score_one(rng):
    labels = np.arange(30) % 5
    centres = 10 * rng.normal(size=(5, 32))
    sides = [
        (centres[labels] + 0.1 * rng.normal(size=(30, 32))).astype(np.float32) for _ in range(2)
    ]
    for ranking in neighbors.rank(sides[0], labels, sides[1], labels).values():
        for values in ranking.measures.values():
            assert values.min() == 1


def test_random_vectors_score_chance(rng):
    query_labels, target_labels = rng.integers(0, 4, 2000), rng.integers(0, 4, 300)
    queries, targets = rng.normal(size=(2000, 8)), rng.normal(size=(300, 8))
    found = neighbors.rank(queries, query_labels, targets, target_labels)
    chance = retrieval.chance(query_labels, target_labels)
    for ranking in found.values():
        for name, values in ranking.measures.items():
            assert values.mean() == pytest.approx(chance[name].mean(), abs=0.04)


@pytest.mark.parametrize("constant", [0.0, 0.1, 3.7, -1e4])
@pytest.mark.parametrize(("tile_rows", "block_bytes"), [(1, 1 << 30), (30, 1), (2048, 1 << 30)])
def test_constant_vectors_score_exactly_chance(monkeypatch, constant, tile_rows, block_bytes):
    """One point for everything: no distance may pretend to know an order.

    Not even for a query that is alone in its class, as one row's product is rounded in another way.
    """
    monkeypatch.setattr(neighbors, "TILE_ROWS", tile_rows)
    query_labels = np.array([0, 1, 2, 2, 1, 0, 3])
    target_labels = np.repeat([0, 1, 2, 3], [50, 30, 15, 5])
    queries = np.full((7, 4096), constant, np.float32)
    targets = np.repeat(queries[:1], 100, 0)
    found = neighbors.rank(queries, query_labels, targets, target_labels, block_bytes=block_bytes)
    chance = retrieval.chance(query_labels, target_labels)
    for ranking in found.values():
        for name, values in ranking.measures.items():
            np.testing.assert_allclose(values, chance[name])
        assert len(np.unique(ranking.nearest)) == 1


def test_chance_is_the_class_s_share_of_the_targets(rng):
    target_labels = np.repeat([0, 1], [3, 7])
    chance = retrieval.chance(np.array([0, 1]), target_labels)
    np.testing.assert_allclose(chance["top_1"], [0.3, 0.7])
    orders = np.array([rng.permutation(target_labels) for _ in range(20_000)])
    for label in (0, 1):
        first = 1 + np.argmax(orders == label, axis=1)
        assert chance["top_5"][label] == pytest.approx(np.mean(first <= 5), abs=0.01)
        assert chance["mrr"][label] == pytest.approx(np.mean(1 / first), abs=0.01)


def test_ties_between_classes_share_the_credit():
    queries = np.array([[0.0, 1.0]], np.float32)
    targets = np.array([[1, 1], [1, 1], [1, 1], [5, 5]], np.float32)
    found = neighbors.rank(queries, np.array([0]), targets, np.array([0, 1, 1, 0]))["euclidean"]
    assert found.measures["top_1"][0] == pytest.approx(1 / 3)
    assert found.measures["top_5"][0] == 1
    assert found.measures["mrr"][0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)


def test_a_class_without_targets_is_a_miss():
    queries, targets = np.ones((1, 4)), np.ones((3, 4))
    for ranking in neighbors.rank(queries, np.array([9]), targets, np.zeros(3, int)).values():
        assert all(values[0] == 0 for values in ranking.measures.values())


def test_no_queries_have_no_measures():
    for ranking in neighbors.rank(np.ones((0, 4)), [], np.ones((3, 4)), np.zeros(3, int)).values():
        assert len(ranking.nearest) == 0
        assert all(len(values) == 0 for values in ranking.measures.values())


def test_measures_stay_in_their_range_and_order(rng):
    for _ in range(30):
        num_queries, num_targets = rng.integers(1, 20, 2)
        queries = rng.integers(-1, 2, size=(num_queries, 3)).astype(np.float32)
        targets = rng.integers(-1, 2, size=(num_targets, 3)).astype(np.float32)
        labels = [rng.integers(0, 3, num) for num in (num_queries, num_targets)]
        for ranking in neighbors.rank(queries, labels[0], targets, labels[1]).values():
            top_1, top_5, mrr = (ranking.measures[name] for name in neighbors.MEASURES)
            assert np.all(top_1 >= 0) and np.all(top_5 <= 1 + 1e-12)
            assert np.all(top_1 <= mrr + 1e-12) and np.all(top_1 <= top_5 + 1e-12)


def test_the_longest_vector_is_not_the_nearest():
    """Only the dot product would choose it."""
    queries = np.array([[1.0, 0.0]], np.float32)
    targets = np.array([[100.0, 0.0], [1.0, 0.5]], np.float32)
    found = neighbors.rank(queries, np.array([0]), targets, np.array([0, 1]))
    assert found["euclidean"].nearest[0] == 1
    assert found["cosine"].nearest[0] == 0


@pytest.mark.parametrize("num_targets", [3000, 20_000])
def test_memory_is_bounded_by_the_block(rng, monkeypatch, num_targets):
    """Whatever the number of targets: queries and products of a block take no more."""
    queries = rng.normal(size=(2000, 64)).astype(np.float16)
    targets = rng.normal(size=(num_targets, 64)).astype(np.float16)
    labels = [rng.integers(0, 5, len(side)) for side in (queries, targets)]
    num_bytes = []
    products = neighbors._products

    def measured(of_queries, of_targets):
        found, squares = products(of_queries, of_targets)
        num_bytes.append(found.nbytes + 4 * np.size(of_queries))
        return found, squares

    monkeypatch.setattr(neighbors, "_products", measured)
    tracemalloc.start()
    neighbors.rank(queries, labels[0], targets, labels[1], block_bytes=2 << 20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 1 << 20 < max(num_bytes) <= 2 << 20
    assert peak < 8 << 20, "the products of all pairs alone are 24 and 160 MB"


def test_scores_of_the_nearest_are_in_memory_once(rng):
    queries, targets = rng.normal(size=(2000, 8)), rng.normal(size=(2000, 8))
    tracemalloc.start()
    neighbors.nearest(queries, targets)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * 8 * len(queries) * len(targets)


@pytest.mark.parametrize("shape", [(16, 16, 3), (6, 10, 1), (7, 9, 3)])
def test_copies_of_pictures_rule_out_none_that_is_the_nearest(rng, monkeypatch, shape):
    """Whatever the tiles, with a copy, two that tie and pictures without detail among them."""
    targets = rng.integers(0, 256, (60, *shape)).astype(np.uint8)
    targets[20:40] = rng.integers(0, 256, (20, 1, 1, 1)) + rng.integers(-2, 3, (20, *shape))
    targets[50] = targets[11]
    queries = np.concatenate([targets[[50, 25]], rng.integers(90, 160, (30, *shape))])
    queries = queries.astype(np.uint8)
    expected = neighbors.nearest(queries, targets)
    in_sevens = functools.partial(on_disk.blocks, num_bytes=8 * 7 * int(np.prod(shape)))
    monkeypatch.setattr(on_disk, "blocks", in_sevens)
    found, apart = neighbors.nearest_pictures(queries, targets)
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_allclose(apart, expected[1], rtol=1e-12)
    assert found[:2].tolist() == [11, 25]


class Counting(np.ndarray):
    """An array that counts how many of its rows were read."""

    num_read = 0

    def __getitem__(self, rows):
        found = np.asarray(self)[rows]
        Counting.num_read += len(found)
        return found


@pytest.mark.parametrize("num_blocks", [1, 3])
def test_targets_are_read_once_a_block_and_queries_once(rng, monkeypatch, num_blocks):
    monkeypatch.setattr(neighbors, "TILE_ROWS", 64)
    queries, targets = (rng.normal(size=(num, 16)).astype(np.float16) for num in (30, 200))
    labels = np.arange(30) % 3, rng.integers(0, 3, 200)
    for counted, expected in (("queries", 30), ("targets", 200 * num_blocks)):
        Counting.num_read = 0
        neighbors.rank(
            queries.view(Counting) if counted == "queries" else queries,
            labels[0],
            targets.view(Counting) if counted == "targets" else targets,
            labels[1],
            block_bytes=4 * (200 + 16) * (30 // num_blocks),
        )
        assert Counting.num_read == expected


def test_features_on_disk_rank_the_same_and_do_not_stay_in_memory(rng, tmp_path, resident_bytes):
    queries, targets = (rng.normal(size=(num, 256)).astype(np.float16) for num in (50, 3000))
    labels = rng.integers(0, 5, 50), rng.integers(0, 5, 3000)
    path = tmp_path / "targets.npy"
    np.save(path, targets)
    mapped = np.load(path, mmap_mode="r")
    found = neighbors.rank(queries, labels[0], mapped, labels[1])
    for distance, expected in neighbors.rank(queries, labels[0], targets, labels[1]).items():
        np.testing.assert_array_equal(found[distance].nearest, expected.nearest)
        for name, values in expected.measures.items():
            np.testing.assert_array_equal(found[distance].measures[name], values)
    assert resident_bytes(path) < path.stat().st_size / 4
    assert np.array_equal(mapped, targets)
    assert resident_bytes(path) >= path.stat().st_size


def test_even_draws_hit_most_targets_but_not_all():
    assert retrieval.expected_targets_hit(1, 50) == pytest.approx(1)
    assert retrieval.expected_targets_hit(1000, 1000) == pytest.approx(632, abs=1)


def test_the_nearest_is_that_of_all_distances(rng):
    queries, targets = rng.normal(size=(300, 7)), rng.normal(size=(600, 7))
    found, apart = neighbors.nearest(queries, targets)
    whole = neighbors.euclidean(queries, targets)
    assert np.array_equal(found, whole.argmin(axis=1))
    assert apart == pytest.approx(whole.min(axis=1))
    by_hand = np.linalg.norm(queries[:, None] - targets[None], axis=2)
    assert whole == pytest.approx(by_hand)


def test_nearest_equals_itself_in_every_block(rng, monkeypatch):
    queries, targets = rng.normal(size=(9, 2, 3)), rng.normal(size=(20, 2, 3))
    targets[13] = targets[4] = queries[5]
    whole = neighbors.nearest(queries, targets)
    assert whole[0][5] == 4 and whole[1][5] == 0
    monkeypatch.setattr(on_disk, "READ_BYTES", 100)
    for one, other in zip(neighbors.nearest(queries, targets), whole, strict=True):
        np.testing.assert_array_equal(one, other)
