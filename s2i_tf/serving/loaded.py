"""A SavedModel that `s2i export` wrote, in the place of a trained model."""

import json
import pathlib
from collections.abc import Sequence

import numpy as np

from s2i_tf.errors import UserError, first_line
from s2i_tf.serving.exported import FACTS_FILE, ExportedModel

_GRAPH_FILE = "saved_model.pb"


def find(path: pathlib.Path) -> pathlib.Path | None:
    """The folder of a SavedModel: `path`, or the newest version in it; None if there is none."""
    if (path / _GRAPH_FILE).is_file():
        return path
    versions = [file.parent for file in path.glob(f"[0-9]*/{_GRAPH_FILE}")]
    versions = [folder for folder in versions if folder.name.isdecimal()]
    return max(versions, key=lambda folder: int(folder.name), default=None)


class LoadedModel(ExportedModel):
    """The signatures of a SavedModel.

    Args:
      folder: what `find` gives.

    Raises:
      UserError: if it cannot be read, or another program or an older version wrote it.
    """

    def __init__(self, folder: pathlib.Path):
        import tensorflow as tf

        try:
            facts = json.loads((folder / "assets" / FACTS_FILE).read_text(encoding="utf-8"))
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{folder}: not a SavedModel that `s2i export` wrote: {first_line(error)}"
            ) from None
        super().__init__(facts, str(folder))
        self._signatures = self._loaded.signatures
        if "draw" not in self._signatures or not isinstance(facts.get("max_pictures"), int):
            raise UserError(f"{folder}: an older version wrote it; `s2i export` writes it anew")
        self._max_pictures = facts["max_pictures"]
        self.stochastic = self._max_pictures > 1
        _, given = self._signatures["draw"].structured_input_signature
        self.hidden_units = given["before"].shape[-1]

    def draw(self, before: np.ndarray, samples: Sequence[int] = (0,), seed: int = 0) -> np.ndarray:
        """Pictures [num, samples, side, side, 3] in [0, 1] of vectors [num, hidden units]."""
        if not any(samples):
            return self.run("draw", before=before)["image"][:, None].repeat(len(samples), axis=1)
        num_samples = max(samples) + 1
        if num_samples > self._max_pictures:
            allowed = "one" if self._max_pictures == 1 else f"up to {self._max_pictures}"
            raise UserError(f"{num_samples} pictures of a sound; this SavedModel gives {allowed}")
        asked = {"num_samples": num_samples, "seed": seed}
        draws = {name: np.full(len(before), value, np.int32) for name, value in asked.items()}
        return self.run("draw_samples", before=before, **draws)["images"][:, list(samples)]

    def embed_image(self, image_features: np.ndarray) -> np.ndarray:
        """Multimodal vectors [num, hidden units] after the activation, of features [num, 4096]."""
        return self.run("embed_image", image_features=image_features)["after"]

    def run(self, signature: str, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """A signature's outputs of inputs [num, …], by name."""
        import tensorflow as tf

        tensors = {name: tf.constant(values) for name, values in inputs.items()}
        answers = self._signatures[signature](**tensors)
        return {name: values.numpy() for name, values in answers.items()}
