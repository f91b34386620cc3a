"""What the kinds of export share: the names in them, and how they are listened to.

No TensorFlow import.
"""

import abc
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from s2i_tf import spec
from s2i_tf.errors import UserError

DEFAULT_NAME = "sound_to_image"
LABELS_FILE = "labels.txt"
FACTS_FILE = "model.json"
EMBED_SIGNATURE = "embed_sound"


def described(facts: Mapping[str, Any]) -> dict[str, str]:
    """The two files that say what a caller must know: the text of each by its name.

    Args:
      facts: as `saved_model.facts` gives them.
    """
    return {
        LABELS_FILE: "\n".join(facts["class_names"]) + "\n",
        FACTS_FILE: json.dumps(facts, indent=2) + "\n",
    }


def windows(waveforms: Iterable[np.ndarray]) -> np.ndarray:
    """What an export hears of waveforms float32 [samples] within ±256: [num, 132300] in [-1, 1]."""
    from s2i_tf.media import audio  # slow to import, and names alone don't need it

    heard = np.stack([audio.feature_window(waveform) for waveform in waveforms])
    return heard / np.float32(spec.WAVEFORM_SCALE)


class ExportedModel(abc.ABC):
    """A sound-to-image model that `s2i export` wrote; hears and draws as `SoundToImage` does.

    Args:
      facts: what its `model.json` says.
      where: the file or folder.

    Attributes:
      class_names: names of the classes that it was trained on.
      fingerprints: digests of the two nets whose features it takes.
      extractors: the names of these nets (`sound`, `image`).
      image_side: height and width of the pictures, in pixels.

    Raises:
      UserError: if the facts are not those of an export.
    """

    def __init__(self, facts: Any, where: str):
        kinds = {"class_names": list, "fingerprints": dict, "extractors": dict, "image": dict}
        if not isinstance(facts, dict) or not all(
            isinstance(facts.get(name), kind) for name, kind in kinds.items()
        ):
            raise UserError(
                f"{where}: not what `s2i export` wrote: its {FACTS_FILE} is another program's"
            )
        self.class_names = tuple(facts["class_names"])
        self.fingerprints = facts["fingerprints"]
        self.extractors = facts["extractors"]
        self.image_side = facts["image"].get("side", spec.IMAGE_SIDE)

    @abc.abstractmethod
    def run(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """A signature's outputs by name."""

    def listen(self, waveforms: list[np.ndarray]) -> dict[str, np.ndarray]:
        """What is heard in waveforms, each float32 [samples] within ±256 at 22,050 Hz.

        Returns:
          `heard`, class probabilities [num, classes], and the multimodal vectors `before` and
          `after` the activation, each [num, hidden units].
        """
        return self.run(EMBED_SIGNATURE, waveform=windows(waveforms))
