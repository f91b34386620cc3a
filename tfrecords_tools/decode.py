"""From an item to a waveform or a picture, and from whatever goes wrong to a quarantined row."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from s2i_tf.errors import MediaError
from s2i_tf.media import audio, image, reasons, video
from tfrecords_tools import clock, files
from tfrecords_tools.rows import Item, Quarantined

DECODER_ERROR = "decoder_error"
VANISHED = "the file was there when it was listed and is gone"


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
        with files.local_copy(files.join(root, item.path)) as path:
            if item.modality == "sound":
                return audio.load_waveform(
                    path, start_seconds=item.start_seconds or 0.0, max_seconds=item.num_seconds
                )
            if item.start_seconds is None:
                return image.load_image(path)
            return video.frame_at(path, item.start_seconds)
    except FileNotFoundError:
        raise MediaError(reasons.MISSING, VANISHED) from None


def load_all(
    items: Iterable[Item],
    root: str,
    stage: str,
    prepare: Callable[[Item, np.ndarray], np.ndarray],
    quarantine: Callable[[Quarantined], None],
) -> Iterator[tuple[Item, np.ndarray]]:
    """Reads and prepares items, one at a time; those that cannot be used go to `quarantine`.

    Args:
      items: what to read.
      root: folder that their paths are relative to.
      stage: name of the stage, for the quarantine.
      prepare: from an item and what was decoded to what the net needs.
      quarantine: takes the rows of unusable items.
    """
    for item in items:
        with clock.measure("decode"):
            try:
                prepared = prepare(item, load(item, root))
            except MediaError as error:
                quarantine(Quarantined(item.path, stage, error.reason, one_line(error)))
                continue
            except Exception as error:  # a decoder's own surprise must not end the run
                text = f"{type(error).__name__}: {one_line(error)}"
                quarantine(Quarantined(item.path, stage, DECODER_ERROR, text))
                continue
        yield item, prepared


def one_line(error: Exception) -> str:
    """An error's text without line breaks."""
    return " ".join(str(error).split())
