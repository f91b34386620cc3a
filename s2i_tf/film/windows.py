"""The windows along a sound of any length, none held longer than it takes."""

from collections.abc import Iterable, Iterator

import numpy as np

from s2i_tf import spec

_HALF = spec.FEATURE_SAMPLES // 2


def windows_along(pieces: Iterable[np.ndarray], hop_seconds: float) -> Iterator[np.ndarray]:
    """The window around each moment 0, `hop_seconds`, 2 · `hop_seconds`, … of a sound.

    What lies before the beginning and after the end is the sound in the mirror.

    Args:
      pieces: consecutive pieces of one waveform, float32 [samples] within ±256 at 22,050 Hz, each
        but the last of at least 3 s.
      hop_seconds: time between two moments.

    Yields:
      Float32 [132300], 6 s with the moment in the middle.
    """
    held = np.zeros(0, np.float32)
    origin = 0  # where what is held begins, in samples from the first half window before the sound
    total = num = 0
    for piece in pieces:
        total += piece.size
        held = np.concatenate([held, piece]) if num or held.size else _mirrored(piece, (_HALF, 0))
        while (start := round(num * hop_seconds * spec.SAMPLE_RATE_HZ)) + 2 * _HALF <= (
            origin + held.size
        ):
            yield held[start - origin : start - origin + 2 * _HALF]
            num += 1
        # The end keeps what its mirror needs.
        passed = max(min(start - origin, held.size - _HALF - 1), 0)
        held, origin = held[passed:], origin + passed
    held = _mirrored(held, (0, _HALF)) if total else held
    while (start := round(num * hop_seconds * spec.SAMPLE_RATE_HZ)) < total:
        yield held[start - origin : start - origin + 2 * _HALF]
        num += 1


def _mirrored(wave: np.ndarray, padding: tuple[int, int]) -> np.ndarray:
    return np.pad(wave, padding, mode="reflect" if wave.size > 1 else "edge")
