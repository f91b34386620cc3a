"""Does a judge see the same in the generated picture as in the original (paper section 5.4)?

A judge names each picture's k most likely labels; two pictures match at k if the two sets meet.
A match rate means little alone, because a judge's labels are not spread evenly: beside it belong
the rate of shuffled pairs and that of two real photos of one class. Those two are averages over
all the pairs in question, which is what ever more shuffles converge to, so they need no seed.
"""

import math

import numpy as np

from s2i_tf import spec
from s2i_tf.features.base import Classifier

TOP_KS = spec.MATCH_TOP_KS

# Section 5.4, by k.
PAPER_MATCH = {1: 0.0165, 3: 0.089, 5: 0.1604, 10: 0.3192}

_JUDGE_BATCH = 32
_BLOCK_ROWS = 512


def judge_pictures(judge: Classifier, pictures: np.ndarray) -> np.ndarray:
    """The judge's most likely labels of each picture, the likeliest first.

    Args:
      judge: a classifier of images; its own `prepare` fits the pictures to it.
      pictures: uint8 [pictures, 128, 128, 3].

    Returns:
      Int [pictures, 10], indices into `judge.labels`.
    """
    parts = []
    for start in range(0, len(pictures), _JUDGE_BATCH):
        batch = [judge.prepare(picture) for picture in pictures[start : start + _JUDGE_BATCH]]
        parts.append(top_labels(judge(np.stack(batch))))
    return np.concatenate(parts)


def top_labels(scores: np.ndarray, k: int = max(TOP_KS)) -> np.ndarray:
    """The k labels with the highest scores, the highest first; ties go to the first label.

    Args:
      scores: float [items, labels].
      k: how many.

    Returns:
      Int [items, k].
    """
    return np.argsort(-np.asarray(scores), axis=1, kind="stable")[:, :k]


def meets(one: np.ndarray, other: np.ndarray) -> dict[int, np.ndarray]:
    """Whether the label sets of paired pictures meet.

    Args:
      one: int [pairs, 10] as of `top_labels`.
      other: int [pairs, 10].

    Returns:
      Bool [pairs] by k.
    """
    equal = one[:, :, None] == other[:, None, :]
    return {k: equal[:, :k, :k].any(axis=(1, 2)) for k in TOP_KS}


def mean_meeting(
    one: np.ndarray, other: np.ndarray, excluded: np.ndarray, classes: np.ndarray | None = None
) -> dict[int, np.ndarray]:
    """How often each picture's label set meets those of the other pairs' pictures.

    Args:
      one: int [pairs, 10] as of `top_labels`.
      other: int [pairs, 10], the picture of the same pairs to compare with.
      excluded: int [pairs, kinds]: pairs that agree in any column are not compared (they share
        the photo or the recording, and so does each pair with itself).
      classes: int [pairs]; if given, only pairs of one class are compared.

    Returns:
      Float [pairs] by k: shares; NaN where there is no other pair to compare with.
    """
    num_labels = int(max(one.max(), other.max())) + 1
    rates = {k: np.empty(len(one)) for k in TOP_KS}
    for start in range(0, len(one), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        allowed = ~(excluded[rows, None] == excluded[None]).any(axis=2)
        if classes is not None:
            allowed &= classes[rows, None] == classes[None]
        num_allowed = allowed.sum(axis=1)
        for k in TOP_KS:
            shared = _members(one[rows, :k], num_labels) @ _members(other[:, :k], num_labels).T
            with np.errstate(invalid="ignore"):
                rates[k][rows] = ((shared > 0) & allowed).sum(axis=1) / num_allowed
    return rates


def random_match(num_labels: int) -> dict[int, float]:
    """The chance that two random k-sets of `num_labels` labels meet, by k."""
    return {
        k: 1 - math.comb(max(num_labels - k, 0), k) / math.comb(num_labels, min(k, num_labels))
        for k in TOP_KS
    }


def _members(labels: np.ndarray, num_labels: int) -> np.ndarray:
    """Float32 [items, num_labels], 1 for each label in an item's set."""
    members = np.zeros((len(labels), num_labels), np.float32)
    np.put_along_axis(members, labels, 1, axis=1)
    return members
