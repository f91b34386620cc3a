import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.models.sound_index import MAX_SOUNDS, SoundIndex, summarize


@pytest.fixture
def features(rng):
    return rng.normal(size=(5, spec.FEATURE_SIZE)).astype(np.float32)


@pytest.fixture
def index(features):
    ids = [f"sounds/{number}.ogg" for number in range(5)]
    return SoundIndex.of(features, ids, ["a", "a", "b", "c", "ü"], np.arange(5))


def test_a_summary_is_the_direction_of_the_channels_means_over_time(features):
    summary = summarize(features)
    assert summary.shape == (5, 256)
    means = features[2].reshape(16, 256).mean(axis=0)
    np.testing.assert_allclose(summary[2], means / np.linalg.norm(means), rtol=1e-4)
    np.testing.assert_allclose(summarize(3 * features), summary, atol=1e-6)
    assert not summarize(0 * features).any()


def test_features_without_steps_are_compared_on_their_directions(rng, tmp_path):
    """Sounds along three directions: the nearest share the direction, whatever their size."""
    directions = np.eye(3, spec.FEATURE_SIZE, dtype=np.float32)
    features = np.repeat(directions, 3, axis=0) * np.tile([1, 2, 5], 3)[:, None]
    features = (features + 0.01 * rng.normal(size=features.shape)).astype(np.float32)
    index = SoundIndex.of(
        features,
        [f"{n}.ogg" for n in range(9)],
        list("abcdefghi"),
        np.repeat(range(3), 3),
        time_major=False,
    )
    index.save(tmp_path / "index.npz")
    for one in (index, SoundIndex.load(tmp_path / "index.npz")):
        positions, distances = one.nearest(3 * directions, 3)
        np.testing.assert_array_equal(one.labels[positions], np.repeat(range(3), 3).reshape(3, 3))
        assert distances.max() < 0.3


def test_a_sound_is_nearest_to_itself_also_when_it_comes_later(index, features):
    positions, distances = index.nearest(np.roll(features, 3 * 256, axis=1), 1)
    np.testing.assert_array_equal(positions[:, 0], range(5))
    assert np.abs(distances).max() < 1e-3  # float16


def test_the_nearest_are_of_different_recordings_the_nearest_first(index, features):
    positions, distances = index.nearest(features[:1], 9)
    assert positions.shape == (1, 4)
    assert len(set(index.groups[positions[0]])) == 4
    assert positions[0, 0] == 0 and 1 not in positions[0]
    assert np.all(np.diff(distances[0]) >= 0)
    expected = 1 - summarize(features)[positions[0]] @ summarize(features)[0]
    np.testing.assert_allclose(distances[0], expected, atol=1e-3)


def test_a_saved_index_is_the_same(index, features, tmp_path):
    index.save(tmp_path / "index.npz")
    again = SoundIndex.load(tmp_path / "index.npz")
    assert len(again) == 5 and list(again.ids) == list(index.ids)
    for one, other in zip(index.nearest(features, 3), again.nearest(features, 3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_largest_index_stays_small(rng, tmp_path):
    num = MAX_SOUNDS // 10
    ids = [f"sounds/a_class/{number:030}.ogg" for number in range(num)]
    vectors = rng.normal(size=(num, 256)).astype(np.float16)
    SoundIndex(vectors, np.array(ids), np.array(ids), np.arange(num)).save(tmp_path / "i.npz")
    assert (tmp_path / "i.npz").stat().st_size * 10 < 6e6


def test_a_damaged_index_is_told(index, tmp_path):
    index.save(tmp_path / "index.npz")
    (tmp_path / "index.npz").write_bytes((tmp_path / "index.npz").read_bytes()[:300])
    with pytest.raises(UserError, match=r"index\.npz: cannot be read as an index of sounds"):
        SoundIndex.load(tmp_path / "index.npz")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UserError, match=r"other\.npz: cannot be read"):
        SoundIndex.load(tmp_path / "other.npz")
