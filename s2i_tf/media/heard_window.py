"""Which seconds of a long sound are heard.

A net hears a window of fixed length. `middle` is the middle of the sound, as in the training data;
`loudest` the window of the highest level, whose middle half counts twice, so that a short event is
not at its edge; a number the second that it begins at, and one that too little follows the last
window. `auto` offers a few windows, the loudest ones and the middle, of which the caller takes what
the net is surest of: the middle of a long recording is often silence or talk. Sounds that are no
longer than the window have one window. Everything follows from the samples alone.
"""

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import limits, reasons

AUTO, MIDDLE, LOUDEST = "auto", "middle", "loudest"
MAX_WINDOWS = 4
_BLOCK_SAMPLES = spec.SAMPLE_RATE_HZ // 4  # windows of a level begin at blocks
_FAINT = 1e-2  # of the loudest window's power: 20 dB below it nothing is looked for


def parse(window: str | float) -> str | float:
    """The choice that a flag or an argument names: a word, or a second.

    Raises:
      UserError: if it is neither.
    """
    if window in (AUTO, MIDDLE, LOUDEST):
        return window
    try:
        start = float(window)
    except (TypeError, ValueError):
        start = -1.0
    if not 0 <= start < float("inf"):
        raise UserError(f"window {window!r}; allowed: auto, middle, loudest or a start in seconds")
    return start


def check(waveform: np.ndarray, window: str | float, name: str) -> None:
    """Refuses a window that begins behind the end of a sound, or is silent.

    Args:
      waveform: float32 [samples].
      window: choice of the window, as `parse` gives it.
      name: of the sound, for the message.

    Raises:
      MediaError: `too_short` or `silent`, if it does or is.
    """
    seconds = len(waveform) / spec.SAMPLE_RATE_HZ
    if not isinstance(window, str) and window >= seconds:
        raise MediaError(
            reasons.TOO_SHORT,
            f"{name}: {seconds:.1f} s can be heard of it (of a long file the first "
            f"{limits.MAX_SECONDS:g}); a window that begins at {window:g} s is behind their end",
        )
    if len(waveform) <= spec.FEATURE_SAMPLES or window in (AUTO, LOUDEST):
        return
    (begin,) = starts(waveform, spec.FEATURE_SAMPLES, window)
    if limits.is_silent(waveform[begin : begin + spec.FEATURE_SAMPLES]):
        raise MediaError(
            reasons.SILENT,
            f"{name}: silent in the {spec.FEATURE_SECONDS:g} s from "
            f"{begin / spec.SAMPLE_RATE_HZ:.1f} s on; allowed: a window that is not, such as auto",
        )


def starts(waveform: np.ndarray, num_samples: int, window: str | float = AUTO) -> list[int]:
    """Where the windows begin, in samples; one but for `auto`.

    Args:
      waveform: float32 [samples].
      num_samples: length of a window.
      window: choice of the window, as `parse` gives it.
    """
    spare = len(waveform) - num_samples
    if spare <= 0:
        return [0]
    if window == MIDDLE:
        return [spare // 2]
    if not isinstance(window, str):
        return [min(round(window * spec.SAMPLE_RATE_HZ), spare)]
    power = np.concatenate([[0], np.cumsum(np.square(waveform, dtype=np.float64))])
    quarter = num_samples // 4

    def level(begin):
        whole = power[begin + num_samples] - power[begin]
        return whole + power[begin + num_samples - quarter] - power[begin + quarter]

    begins = np.append(np.arange(0, spare, _BLOCK_SAMPLES), spare)
    levels = level(begins)
    chosen: list[int] = []
    for place in np.argsort(-levels, kind="stable"):
        begin = int(begins[place])
        if window == LOUDEST:
            return [begin]
        if len(chosen) == MAX_WINDOWS - 1 or levels[place] < _FAINT * levels.max():
            break
        if all(abs(begin - other) >= num_samples for other in chosen):
            chosen.append(begin)
    middle = spare // 2
    if level(middle) >= _FAINT * levels.max():
        chosen.append(middle)
    return chosen
