"""s2i_tf: pictures from sounds, by multimodal features and stacked GANs.

    import s2i_tf

    model = s2i_tf.load()
    picture = model.generate("rain.wav")

`s2i_tf.api` says what a model can be asked. Importing the package, `s2i_tf.spec` or `s2i_tf.config`
never imports TensorFlow, so that the command line answers at once.
"""

import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s2i_tf.api import Model

__version__ = "0.2.0"

# By itself TensorFlow computes by oneDNN on the newest processors alone, but it pays on older ones
# too (docs/speed.md). Says so before TensorFlow is imported, unless the user has said anything.
if platform.machine() in ("x86_64", "AMD64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def load(
    model: str | os.PathLike | None = None, *, runtime: str = "auto", quick_start: bool = False
) -> "Model":
    """Loads a trained model; see `s2i_tf.api.load`."""
    from s2i_tf import api

    return api.load(model, runtime=runtime, quick_start=quick_start)
