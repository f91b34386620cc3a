import subprocess
import sys

import pytest

from s2i_tf.data import splits

KEYS = [f"key{number}" for number in range(2000)]


def test_fractions_are_spread_evenly():
    fractions = [splits.stable_fraction(key, "salt") for key in KEYS]
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert abs(sum(fractions) / len(fractions) - 0.5) < 0.03


def test_fractions_are_the_same_in_another_process():
    code = "from s2i_tf.data import splits; print(splits.stable_fraction('a', 'b'))"
    other = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": "7"}
    )
    assert float(other.stdout) == splits.stable_fraction("a", "b")


def test_the_salt_changes_the_order():
    assert splits.stable_order(KEYS, "a") != splits.stable_order(KEYS, "b")
    assert splits.stable_order(KEYS, "a") == splits.stable_order(reversed(KEYS), "a")


@pytest.mark.parametrize(("num", "num_eval"), [(1, 0), (2, 1), (3, 1), (10, 1), (100, 10)])
def test_the_split_has_the_asked_share_and_both_sides(num, num_eval):
    assigned = splits.split_groups(KEYS[:num], "salt")
    assert list(assigned.values()).count("eval") == num_eval
    assert len(assigned) == num


def test_whole_sources_are_held_out_and_every_class_has_some_where_it_can():
    counts = {}
    for number in range(12):
        for class_name in ("dog", "cat", "rare")[: 2 + (number < 2)]:
            counts[f"source{number}", class_name] = 10
    counts["only", "lonely"] = 5
    sides = splits.split_sources(counts, "salt", 0.8)
    held_out = {source for source, side in sides.items() if side == "eval"}
    for class_name in ("dog", "cat", "rare"):
        mine = {source for source, name in counts if name == class_name}
        assert mine & held_out and mine - held_out
        num = sum(counts[source, class_name] for source in mine & held_out)
        assert num <= sum(counts[source, class_name] for source in mine) / 2
    assert sides["only"] == "train"  # its class has no other source
    assert sides == splits.split_sources(dict(reversed(counts.items())), "salt", 0.8)
    assert sides != splits.split_sources(counts, "other", 0.8)
