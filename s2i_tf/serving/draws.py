"""The random numbers of a model's further samples, without TensorFlow.

They are those of `tf.random.stateless_uniform` on a CPU, so that a picture has the same noise
whatever computes it: Philox 4x32 with 10 rounds (Salmon et al. 2011), keyed as TensorFlow keys it.
"""

import math

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
_SEED_KEY = np.array([0x3EC8F720, 0x02461E29], np.uint32)
_ROUNDS = 10
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def uniform(seed: tuple[int, int], shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in [0, 1), float32 of a shape, that depend on two integers of 0 or more alone."""
    words = [seed[0] & 0xFFFFFFFF, seed[0] >> 32, seed[1] & 0xFFFFFFFF, seed[1] >> 32]
    mixed = _philox(np.array([words], np.uint32), _SEED_KEY)[0]
    size = math.prod(shape)
    counters = np.zeros((-(-size // 4), 4), np.uint32)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 2:] = mixed[2:]
    bits = _philox(counters, mixed[:2]).reshape(-1)[:size]
    # The lower bits as the fraction of a float in [1, 2).
    return ((bits & 0x7FFFFF) | 0x3F800000).view(np.float32).reshape(shape) - 1


def _philox(counters: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Random words uint32 [num, 4] of counters [num, 4] and a key [2]."""
    for round_ in range(_ROUNDS):
        left, right = (key + _KEY_STEPS * np.uint32(round_)).astype(np.uint32)
        first, second = (
            counters[:, column].astype(np.uint64) * multiplier
            for column, multiplier in zip((0, 2), _MULTIPLIERS, strict=True)
        )
        counters = np.stack(
            [
                (second >> _HALF).astype(np.uint32) ^ counters[:, 1] ^ left,
                (second & _LOW).astype(np.uint32),
                (first >> _HALF).astype(np.uint32) ^ counters[:, 3] ^ right,
                (first & _LOW).astype(np.uint32),
            ],
            axis=1,
        )
    return counters
