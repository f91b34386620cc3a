"""Who goes where: splits and draws by a salted stable hash, the same in every process and year.

Python's `hash` differs between processes and a shuffled list changes when one item joins it. A
salted SHA-256 of a key moves only what it must.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from s2i_tf import spec


def stable_fraction(key: str, salt: str) -> float:
    """A number in [0, 1) that depends on `key` and `salt` alone, evenly spread over keys."""
    digest = hashlib.sha256(f"{salt}\0{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def stable_order(keys: Iterable[str], salt: str) -> list[str]:
    """The keys in an order that looks random and is the same everywhere."""
    return sorted(keys, key=lambda key: (stable_fraction(key, salt), key))


def folds(groups: Sequence[str], num_folds: int, salt: str) -> np.ndarray:
    """The fold of each item, of which those of one group are all in one.

    Args:
      groups: the group of each item.
      num_folds: number of folds, of which fewer groups leave the last ones empty.
      salt: the seed of the order in which groups are dealt out.

    Returns:
      Int [items].
    """
    order = stable_order(set(groups), salt)
    fold_of = {group: place % num_folds for place, group in enumerate(order)}
    return np.array([fold_of[group] for group in groups], int)


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


def split_strata(
    groups: Iterable[tuple[str, str]], salt: str, train_share: float = spec.TRAIN_SHARE
) -> dict[str, str]:
    """As `split_groups`, each stratum (a class, say) keeping the share.

    Args:
      groups: each group and its stratum; of several that a group has, the first by name counts.
      salt: the seed of the split.
      train_share: share of the groups of each stratum that go to training.
    """
    homes: dict[str, str] = {}
    for group, stratum in groups:
        homes[group] = min(stratum, homes.get(group, stratum))
    members = defaultdict(list)
    for group, home in homes.items():
        members[home].append(group)
    sides = {}
    for home, some in members.items():
        sides |= split_groups(some, f"{salt}/{home}", train_share)
    return sides


def split_sources(
    counts: Mapping[tuple[str, str], int], salt: str, train_share: float = spec.TRAIN_SHARE
) -> dict[str, str]:
    """Assigns whole sources to `train` or `eval`, so that every class is heard from both if it can.

    Sources go to `eval`, in an order that looks random, until each class has its share there;
    none goes that would leave a class less than half of its sounds to train on.

    Args:
      counts: number of sounds by source and class.
      salt: the seed of the split.
      train_share: share of each class's sounds, about, that go to training.

    Returns:
      The split of each source.
    """
    of_source: dict[str, Counter] = defaultdict(Counter)
    total, held_out = Counter(), Counter()
    for (source, class_name), num in counts.items():
        of_source[source][class_name] += num
        total[class_name] += num
    sides = dict.fromkeys(of_source, spec.TRAIN_SPLIT)
    order = stable_order(of_source, salt)
    # The class with the fewest sources first: it has the least choice.
    num_sources = Counter(class_name for _, class_name in counts)
    for class_name in sorted(total, key=lambda name: (num_sources[name], name)):
        for source in order:
            if held_out[class_name] >= total[class_name] * (1 - train_share):
                break
            mine = of_source[source]
            fits = all(held_out[name] + num <= total[name] / 2 for name, num in mine.items())
            if mine[class_name] and sides[source] == spec.TRAIN_SPLIT and fits:
                sides[source] = spec.EVAL_SPLIT
                held_out += mine
    return sides
