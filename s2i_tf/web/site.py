"""The page with a model: a folder of plain files that any web server can serve.

The page itself is package data (`page/`, built from `export/web` by `make web`). The model's files,
its facts and the examples are made once for a model and kept in the cache under its fingerprint.
"""

import gzip
import logging
import os
import pathlib
import shutil

from s2i_tf import files, model_folder
from s2i_tf.errors import UserError
from s2i_tf.features.weights import cache_dir

logger = logging.getLogger(__name__)

PAGE = pathlib.Path(__file__).parent / "page"
FACTS_FILE = "model.json"
EXAMPLES_FILE = "examples.json"
_EXAMPLES_FOLDER = "examples"
NUM_EXAMPLES = 12
# Raised when what is made of a model changes.
_FORMAT = 6


def write(out: str | os.PathLike, path: str | os.PathLike) -> pathlib.Path:
    """Writes the page with a model into a folder for any web server.

    Args:
      out: the folder, which must not exist yet or be empty.
      path: folder of the model or of the run that trained it.

    Raises:
      UserError: if there is something at `out` already, or as `model_files`.
    """
    out = pathlib.Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already; choose another --out or remove it first")
    made = model_files(path)
    with files.new_folder(out) as temporary:
        for folder in (PAGE, made):
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
    return out


def model_files(path: str | os.PathLike) -> pathlib.Path:
    """The folder of all that the page needs of a model, made unless it is in the cache.

    Args:
      path: folder of the model or of the run that trained it.

    Raises:
      UserError: if there is no model, or it cannot be exported.
    """
    fingerprint = model_folder.fingerprint(model_folder.find_model(path))
    folder = cache_dir() / "web" / f"{fingerprint}-{_FORMAT}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        logger.info("making the page's files of the model, once; it takes about half a minute")
        # Processes that make it at once all serve the first one's.
        with files.new_folder(folder, taken="keep") as temporary:
            _make(temporary, path)
    return folder


def _make(out: pathlib.Path, path: str | os.PathLike) -> None:
    from s2i_tf.serving import saved_model
    from s2i_tf.web import model_file

    contents, facts = model_file.make(*saved_model.load_with_net(path))
    for name, file in contents.items():
        files.write(out / f"{name}.tflite.gz", gzip.compress(file, mtime=0))
    files.write_json(out / FACTS_FILE, facts)
    _write_examples(out)


def _write_examples(out: pathlib.Path) -> None:
    """Sounds of the embedded data set, which may be given to anybody, and their list."""
    from s2i_tf.data import foley
    from s2i_tf.media import audio

    (out / _EXAMPLES_FOLDER).mkdir()
    listed = []
    for index in range(NUM_EXAMPLES):
        turn, place = divmod(index, len(foley.CLASSES))
        class_name = foley.CLASSES[place]
        path = f"{_EXAMPLES_FOLDER}/{class_name}_{turn}.flac"
        waveform = foley.synthesize(foley.scene(class_name, turn))
        files.write(out / path, audio.encode_audio(waveform, "flac"))
        words = class_name.replace("_", " ").capitalize()
        listed.append({"name": f"{words} {turn + 1}" if turn else words, "file": path})
    files.write_json(out / EXAMPLES_FILE, listed)
