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
