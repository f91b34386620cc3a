"""The TFLite file that stands for a model's folder where TensorFlow does not run.

It hears and draws as the model does, further samples too; photos it does not take. One may lie in
the folder itself, as it does in the package's own; of another model it is made once, which takes
TensorFlow, and kept in the cache. It goes with the fingerprint of the model's files: of a model
that has changed it is another one.
"""

import importlib.util
import logging
import pathlib

from s2i_tf import model_folder
from s2i_tf.serving import tflite_metadata

logger = logging.getLogger(__name__)

FILE_NAME = "lite.tflite"
FINGERPRINT = "model_fingerprint"
# Raised when what the file does changes.
_FORMAT = 2


def find(folder: pathlib.Path) -> pathlib.Path | None:
    """The file of a model's folder; None if there is none, or nothing is installed that runs it."""
    if importlib.util.find_spec("ai_edge_litert") is None:
        return None
    wanted = _fingerprint(folder)
    path = folder / FILE_NAME
    if path.is_file() and tflite_metadata.read(path).get(FINGERPRINT) == wanted:
        return path
    path = _kept(wanted)
    return path if path.is_file() else None


def make(folder: pathlib.Path, path: pathlib.Path | None = None) -> pathlib.Path:
    """Makes the file of a model's folder, at a path or in the cache.

    Raises:
      UserError: as `s2i_tf.serving.tflite_export.export`.
    """
    from s2i_tf.serving import saved_model, tflite_export

    wanted = _fingerprint(folder)
    path = path or _kept(wanted)
    logger.info("making %s, once for this model", path)
    model, net = saved_model.load_with_net(folder)
    tflite_export.write(path, model, net, facts={FINGERPRINT: wanted}, compact=True)
    return path


def _fingerprint(folder: pathlib.Path) -> str:
    return f"{model_folder.fingerprint(folder)}-{_FORMAT}"


def _kept(fingerprint: str) -> pathlib.Path:
    from s2i_tf.features import weights

    return weights.cache_dir() / "lite" / f"{fingerprint}.tflite"
