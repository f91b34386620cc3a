"""From an item to a waveform or a picture, and from whatever goes wrong to a quarantined row.

Threads decode some items ahead, so that a core which the net leaves idle is used; the order stays.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from s2i_tf import spec
from s2i_tf.data import sound_views, source_sounds
from s2i_tf.errors import MediaError
from s2i_tf.iterating import ahead
from s2i_tf.media import audio, image, reasons, video
from tfrecords_tools.engine import clock, storage
from tfrecords_tools.engine.rows import Item, Quarantined

DECODER_ERROR = "decoder_error"
VANISHED = "the file was there when it was listed and is gone"

_THREADS = 2
# Two batches of the nets: what is read while one batch is in a net, and the next.
_ITEMS_AHEAD = 16


def load(item: Item, root: str) -> np.ndarray:
    """Reads an item.

    Args:
      item: a sound or a picture.
      root: folder that its path is relative to.

    Returns:
      A waveform float32 [samples], or a picture uint8 [height, width, 3].

    Raises:
      MediaError: if it cannot be used.
    """
    try:
        with storage.local_copy(storage.join(root, item.path)) as path:
            if item.modality == "sound":
                waveform = audio.load_waveform(
                    path,
                    start_seconds=item.start_seconds,
                    max_seconds=item.num_seconds,
                    audio_track=item.audio_track,
                )
                return _view(item, waveform, root) if item.view_seed else waveform
            if item.start_seconds is None:
                return image.load_image(path)
            return video.frame_at(path, item.start_seconds, audio_track=item.audio_track)
    except FileNotFoundError:
        raise MediaError(reasons.MISSING, VANISHED) from None


def _view(item: Item, waveform: np.ndarray, root: str) -> np.ndarray:
    """The augmented copy; without the sound underneath where that one cannot be read."""
    other = None
    if item.underneath:
        path, start_seconds = source_sounds.parse_id(item.underneath)
        window = {"start_seconds": start_seconds, "num_seconds": spec.FEATURE_SECONDS}
        beneath = dataclasses.replace(item, path=path, view_seed=0, **window)
        with contextlib.suppress(MediaError, OSError):
            other = load(beneath, root)
    return sound_views.make_view(waveform, np.random.default_rng(item.view_seed), other)


def load_all(
    items: Iterable[Item],
    root: str,
    stage: str,
    prepare: Callable[[Item, np.ndarray], np.ndarray],
    quarantine: Callable[[Quarantined], None],
) -> Iterator[tuple[Item, np.ndarray]]:
    """Reads and prepares items; those that cannot be used go to `quarantine`.

    Args:
      items: what to read.
      root: folder that their paths are relative to.
      stage: name of the stage, for the quarantine.
      prepare: function of an item and what was decoded that gives what the net needs; called by
        several threads.
      quarantine: function that takes the rows of unusable items.

    Yields:
      The items that can be used, in their order, and what `prepare` made of them.
    """

    def attempt(item: Item) -> tuple[np.ndarray | Quarantined, float]:
        began = time.perf_counter()
        try:
            made = prepare(item, load(item, root))
        except MediaError as error:
            made = Quarantined(item.path, stage, error.reason, one_line(error))
        except OSError as error:
            made = Quarantined(item.path, stage, reasons.UNREADABLE, one_line(error))
        except Exception as error:  # a decoder's own surprise must not end the run
            text = f"{type(error).__name__}: {one_line(error)}"
            made = Quarantined(item.path, stage, DECODER_ERROR, text)
        return made, time.perf_counter() - began

    for item, (made, seconds) in ahead(attempt, items, _ITEMS_AHEAD, _THREADS):
        clock.add("decode", seconds)
        if isinstance(made, Quarantined):
            quarantine(made)
        else:
            yield item, made


def one_line(error: Exception) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
