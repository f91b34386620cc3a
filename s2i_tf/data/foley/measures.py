"""Estimates of the causes from a sound or a picture alone, also from one that a model generated.

One measure a kind (see `s2i_tf.data.foley.causes`), the same for every class, made of averages
that a blurred picture of 128 pixels still gives. A measure that falls with a cause is negated, so
that every estimate ought to rise with its cause; its unit is the measure's, so compare ranks.
"""

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from s2i_tf import spec
from s2i_tf.data.foley.causes import causes_of

# Sounds are looked at in windows of 23 ms every 5 ms, in bands from 43 Hz to 11 kHz whose edges
# are bins of 43 Hz.
_WINDOW = 512
_HOP = 110
_BAND_EDGES = (1, 3, 5, 8, 12, 18, 27, 40, 60, 90, 130, 190)
_PITCH_WINDOW = 4096
_PITCH_RANGE_HZ = (18.0, 6000.0)
_SILENCE = 1e-9
_LACKING = 0.15  # as a share of the highest peak: what a first one may be lower by

# Pictures are looked at in this size; what is measured in pixels below belongs to it.
_SIDE = 128
_MARGIN = 6
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def measure_sound(class_name: str, waveform: np.ndarray) -> dict[str, float]:
    """Estimates the causes of a class from a sound.

    Args:
      class_name: one of `s2i_tf.data.foley.CLASSES`.
      waveform: float32 [samples] within ±256; a second or more tells something.

    Returns:
      A value for each cause of the class, by name, that rises with the cause.

    Raises:
      UserError: if there is no such class.
    """
    causes = causes_of(class_name)
    wave = np.asarray(waveform, np.float32) / spec.WAVEFORM_SCALE
    wave = np.pad(wave, (0, max(spec.SAMPLE_RATE_HZ - len(wave), 0)))
    return {c.name: EARS[c.ear.kind](wave) * (1 if c.ear.rises else -1) for c in causes}


def measure_picture(class_name: str, image: np.ndarray) -> dict[str, float]:
    """Estimates the causes of a class from a picture.

    Args:
      class_name: one of `s2i_tf.data.foley.CLASSES`.
      image: uint8 [height, width, 3], square, of any size.

    Returns:
      A value for each cause of the class, by name, that rises with the cause.

    Raises:
      UserError: if there is no such class.
    """
    causes = causes_of(class_name)
    small = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(small, np.float32) / 255
    return {c.name: EYES[c.eye.kind](pixels) * (1 if c.eye.rises else -1) for c in causes}


def _loudness(wave: np.ndarray) -> float:
    """The level in dB of full scale."""
    return float(10 * np.log10(np.mean(wave**2) + _SILENCE))


def _tone(wave: np.ndarray) -> float:
    """The centre of the spectrum's power, in octaves above 1 Hz."""
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / spec.SAMPLE_RATE_HZ)[1:]
    power = _spectrogram(wave)[:, 1:].mean(axis=0) + _SILENCE
    return float(np.average(np.log2(frequencies), weights=power))


def _pitch(wave: np.ndarray) -> float:
    """The fundamental of the louder half of the sound, in octaves above 1 Hz.

    The first lag at which the autocorrelation is nearly as high as anywhere.
    """
    windows = np.lib.stride_tricks.sliding_window_view(wave, _PITCH_WINDOW)[:: _PITCH_WINDOW // 2]
    power = np.mean(windows**2, axis=1)
    windows = windows[power >= np.median(power)] * np.hanning(_PITCH_WINDOW)
    similarity = _autocorrelation(windows)
    low, high = (round(spec.SAMPLE_RATE_HZ / limit) for limit in reversed(_PITCH_RANGE_HZ))
    # The window's own shape would favour short lags.
    shape = _autocorrelation(np.hanning(_PITCH_WINDOW)[None])[0, :high]
    lags = [_first_peak(row[:high] / shape, low) for row in similarity]
    return float(np.median(np.log2(spec.SAMPLE_RATE_HZ / np.array(lags))))


def _onsets(wave: np.ndarray) -> float:
    """Sudden rises of any band, counted: octaves above one a second."""
    rise = np.maximum(np.diff(_bands(wave, floor=0.01), axis=0), 0).sum(axis=1)
    rise = np.convolve(rise, np.hanning(9), "same")
    usual = np.median(rise)
    threshold = usual + 0.5 * (np.percentile(rise, 99) - usual)
    num = np.count_nonzero(_peaks(rise) & (rise[1:-1] > threshold))
    return float(np.log2(max(num, 0.5) * spec.SAMPLE_RATE_HZ / len(wave)))


def _swell(wave: np.ndarray) -> float:
    """How often loudness and colour come round again, slowly: octaves above one a second."""
    return _repetition(_bands(wave, floor=1.0), smoothing=25)


def _throb(wave: np.ndarray) -> float:
    """The same for quick repetitions of up to 30 a second."""
    return _repetition(_bands(wave, floor=0.1), smoothing=1)


EARS: Mapping[str, Callable[[np.ndarray], float]] = {
    "loudness": _loudness,
    "tone": _tone,
    "pitch": _pitch,
    "onsets": _onsets,
    "swell": _swell,
    "throb": _throb,
}


def _spectrogram(wave: np.ndarray) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(wave, _WINDOW)[::_HOP]
    return np.abs(np.fft.rfft(windows * np.hanning(_WINDOW).astype(np.float32), axis=1)) ** 2


def _bands(wave: np.ndarray, floor: float) -> np.ndarray:
    """Log power [windows, bands]; what lies below `floor` times the mean hardly counts."""
    bands = np.add.reduceat(_spectrogram(wave), _BAND_EDGES, axis=1)
    return np.log10(bands + bands.mean() * floor + _SILENCE)


def _repetition(bands: np.ndarray, smoothing: int) -> float:
    kernel = np.hanning(smoothing + 2)[1:-1, None] / np.hanning(smoothing + 2).sum()
    num = len(bands)
    spectrum = np.fft.rfft(bands - bands.mean(axis=0), 2 * num, axis=0)
    spectrum *= np.fft.rfft(kernel, 2 * num, axis=0)
    similarity = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:num].sum(axis=1)
    similarity /= 1 - 0.6 * np.arange(num) / num  # fewer windows overlap at longer lags
    lag = _first_peak(similarity[: int(0.7 * num)], 6)
    return float(np.log2(spec.SAMPLE_RATE_HZ / _HOP / lag))


def _autocorrelation(windows: np.ndarray) -> np.ndarray:
    length = windows.shape[1]
    return np.fft.irfft(np.abs(np.fft.rfft(windows, 2 * length, axis=1)) ** 2, axis=1)[:, :length]


def _peaks(values: np.ndarray) -> np.ndarray:
    """Whether each value but the first and the last is a local maximum."""
    return (values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:])


def _first_peak(values: np.ndarray, low: int) -> int:
    """The first local maximum from `low` on that is nearly as high as the highest."""
    places = np.flatnonzero(_peaks(values)) + 1
    places = places[places >= low]
    if not places.size:
        return low
    highest = values[places].max()
    return int(places[values[places] >= highest - _LACKING * abs(highest)][0])


def _light(pixels: np.ndarray) -> float:
    """The mean brightness."""
    return float(np.mean(pixels @ _LUMA))


def _warmth(pixels: np.ndarray) -> float:
    """The mean of red less blue, each pixel in relation to its brightness."""
    return float(np.mean((pixels[..., 0] - pixels[..., 2]) / (pixels.mean(axis=-1) + 0.1)))


def _tint(pixels: np.ndarray) -> float:
    """Red less blue of the subject alone."""
    return float(np.average(pixels[..., 0] - pixels[..., 2], weights=_subject(pixels) ** 2))


def _area(pixels: np.ndarray) -> float:
    """The share of the picture that the subject fills."""
    return float(np.mean(_subject(pixels)))


def _height(pixels: np.ndarray) -> float:
    """The height of the subject's centre above the bottom, as a share of the picture's."""
    return float(np.average(np.linspace(1, 0, _SIDE), weights=(_subject(pixels) ** 2).sum(axis=1)))


def _stripes(pixels: np.ndarray) -> float:
    """How many bright bands lie above each other, the mean of eight columns."""
    columns = (pixels @ _LUMA).reshape(_SIDE, 8, -1).mean(axis=-1)
    detail = _smooth(columns, np.hanning(7)[1:-1]) - _smooth(columns, np.ones(31))
    threshold = 0.1 * np.percentile(detail, 97, axis=0)
    return float(np.count_nonzero(_peaks(detail) & (detail[1:-1] > threshold)) / 8)


def _sparks(pixels: np.ndarray) -> float:
    """How much brighter specks are than what surrounds them, away from large bright areas."""
    bright = pixels.max(axis=-1)
    detail = np.maximum(bright - _blur(bright, 9) - 0.02, 0)
    dark = _blur((_blur(bright > 0.6, 9) > 0.5), 9) < 1e-3
    return float(np.average(detail, weights=dark + 1e-6))


EYES: Mapping[str, Callable[[np.ndarray], float]] = {
    "light": _light,
    "warmth": _warmth,
    "tint": _tint,
    "area": _area,
    "height": _height,
    "stripes": _stripes,
    "sparks": _sparks,
}


def _subject(pixels: np.ndarray) -> np.ndarray:
    """How far each pixel stands out from the left and right margins of its row, in [0, 1]."""
    margins = np.concatenate([pixels[:, :_MARGIN], pixels[:, -_MARGIN:]], axis=1)
    ground = _smooth(np.median(margins, axis=1), np.ones(9))[:, None]
    distance = np.sqrt(np.sum((pixels - ground) ** 2, axis=-1)) / (pixels.mean() + 0.25)
    return np.clip(5.5 * distance - 1.5, 1e-6, 1)


def _smooth(rows: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Smooths [rows, channels] from top to bottom, the edges continued."""
    half = len(kernel) // 2
    padded = np.pad(rows, ((half, half), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(kernel), axis=0)
    return windows @ (kernel / kernel.sum()).astype(np.float32)


def _blur(values: np.ndarray, size: int) -> np.ndarray:
    """The mean of the square of `size` pixels around each pixel."""
    kernel = np.ones(size)
    return _smooth(_smooth(np.asarray(values, np.float32), kernel).T, kernel).T
