"""Onsets: the moments at which something begins in a sound, by spectral flux.

The flux of a moment is how much louder the bands of its spectrum became on a logarithmic scale; an
onset is a peak of it that stands out from the second around it and is no trifle beside the highest.
"""

import numpy as np

from s2i_tf import spec

STEP_SECONDS = 0.02
_STEP = round(STEP_SECONDS * spec.SAMPLE_RATE_HZ)
_WINDOW = 1024
_SOFTNESS = 10.0  # how loud, beside full scale, a band must be to count in decades
_AROUND_SECONDS = 0.5
_MIN_GAP_SECONDS = 0.25
_DEVIATIONS = 2.0  # above the mean around it
_SHARE = 0.1  # of the highest peak


class FluxMeter:
    """Measures the flux of a waveform that comes in pieces, every `STEP_SECONDS`."""

    def __init__(self):
        self._taper = np.hanning(_WINDOW).astype(np.float32) / spec.WAVEFORM_SCALE
        self._flux: list[np.ndarray] = []
        self._left = np.zeros(_WINDOW // 2, np.float32)  # a moment lies in its window's middle
        self._before = np.zeros((1, _WINDOW // 2 + 1), np.float32)

    def add(self, piece: np.ndarray) -> None:
        """Takes the next piece, float32 [samples] within ±256 at 22,050 Hz."""
        samples = np.concatenate([self._left, piece])
        if samples.size >= _WINDOW:
            windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_STEP]
            heights = np.abs(np.fft.rfft(windows * self._taper)).astype(np.float32)
            spectra = np.log1p(_SOFTNESS * heights)
            rises = np.maximum(np.diff(spectra, axis=0, prepend=self._before), 0)
            self._flux.append(rises.mean(axis=1))
            self._before, samples = spectra[-1:], samples[len(windows) * _STEP :]
        self._left = samples

    def flux(self) -> np.ndarray:
        """The flux so far, float32 [steps]."""
        return np.concatenate(self._flux) if self._flux else np.zeros(0, np.float32)


def onset_times(flux: np.ndarray) -> np.ndarray:
    """The seconds at which onsets lie, ascending, at least a quarter of a second apart."""
    around = round(_AROUND_SECONDS / STEP_SECONDS)
    gap = round(_MIN_GAP_SECONDS / STEP_SECONDS)
    if flux.size <= 2 * gap:
        return np.zeros(0)
    padded = np.pad(flux, around, mode="reflect" if flux.size > around else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1)
    threshold = windows.mean(axis=1) + _DEVIATIONS * windows.std(axis=1)
    highest = windows[:, around - gap : around + gap + 1].max(axis=1)
    threshold = np.maximum(threshold, _SHARE * flux.max())
    return np.flatnonzero((flux == highest) & (flux > threshold)) * STEP_SECONDS
