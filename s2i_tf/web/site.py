"""The page with a model: a folder of plain files that any web server can serve.

The page itself is package data (`page/`, built from `export/web` by `make web`). The model's files,
its facts and the examples are made once for a model and kept in the cache under its fingerprint.
"""

import gzip
import hashlib
import os
import pathlib
import shutil

from s2i_tf import files
from s2i_tf.errors import UserError
from s2i_tf.features.weights import cache_dir

PAGE = pathlib.Path(__file__).parent / "page"
FACTS_FILE = "model.json"
EXAMPLES_FILE = "examples.json"
_EXAMPLES_FOLDER = "examples"
NUM_EXAMPLES = 12


def write(out: str | os.PathLike, model_folder: str | os.PathLike) -> pathlib.Path:
    """Writes the page with a model into a folder for any web server.

    Args:
      out: the folder, which must not exist yet or be empty.
      model_folder: folder of the model or of the run that trained it.

    Raises:
      UserError: if there is something at `out` already, or as `model_files`.
    """
    out = pathlib.Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already; choose another --out or remove it first")
    made = model_files(model_folder)
    with files.new_folder(out) as temporary:
        for folder in (PAGE, made):
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
    return out


def model_files(model_folder: str | os.PathLike) -> pathlib.Path:
    """The folder of all that the page needs of a model, made unless it is in the cache.

    Raises:
      UserError: if there is no model, or it cannot be exported.
    """
    from s2i_tf.models.sound_to_image import find_model

    folder = cache_dir() / "web" / _fingerprint(find_model(model_folder))
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with files.new_folder(folder) as temporary:
            _make(temporary, model_folder)
    return folder


def _make(out: pathlib.Path, model_folder: str | os.PathLike) -> None:
    from s2i_tf import features
    from s2i_tf.models.sound_to_image import SoundToImage
    from s2i_tf.web import model_file

    model = SoundToImage.load(model_folder)
    extractor = features.load_extractor(model.extractors["sound"])
    contents, facts = model_file.make(model, extractor)
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


def _fingerprint(folder: pathlib.Path) -> str:
    """Of a model and of the code that exports it: 16 hexadecimal digits."""
    root = pathlib.Path(__file__).parents[1]
    code = [
        *sorted((root / "serving").glob("*.py")),
        *sorted(pathlib.Path(__file__).parent.glob("*.py")),
    ]
    sha256 = hashlib.sha256()
    for path in [*sorted(path for path in folder.iterdir() if path.is_file()), *code]:
        sha256.update(f"{path.name} {files.content_digest(path)}\n".encode())
    return sha256.hexdigest()[:16]
