"""Who goes where: splits and draws by a salted stable hash, the same in every process and year.

Python's `hash` differs between processes and a shuffled list changes when one item joins it. A
salted SHA-256 of a key moves only what it must.
"""

import hashlib
from collections.abc import Iterable

from s2i_tf import spec


def stable_fraction(key: str, salt: str) -> float:
    """A number in [0, 1) that depends on `key` and `salt` alone, evenly spread over keys."""
    digest = hashlib.sha256(f"{salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def stable_order(keys: Iterable[str], salt: str) -> list[str]:
    """The keys in an order that looks random and is the same everywhere."""
    return sorted(keys, key=lambda key: (stable_fraction(key, salt), key))


def split_groups(
    groups: Iterable[str], salt: str, train_share: float = spec.TRAIN_SHARE
) -> dict[str, str]:
    """Assigns each group to `train` or `eval`; at least one to each side if there are two or more.

    Args:
      groups: group keys; repeats count once.
      salt: the seed of the split.
      train_share: share of the groups, not of the clips, that go to training.

    Returns:
      The split of each group.
    """
    ordered = stable_order(set(groups), salt)
    num_train = round(len(ordered) * train_share)
    if len(ordered) > 1:
        num_train = min(max(num_train, 1), len(ordered) - 1)
    return {
        group: spec.TRAIN_SPLIT if position < num_train else spec.EVAL_SPLIT
        for position, group in enumerate(ordered)
    }
