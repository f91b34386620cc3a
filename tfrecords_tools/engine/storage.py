"""Files on any file system that Beam knows: whole, checked, and never half-written.

Paths are local, which needs no Beam, or URLs such as `gs://bucket/folder` where Beam's file system
for them is installed. A file is written under a temporary name and renamed, so that a name that
exists holds everything that it should, whenever the writer was killed.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from typing import BinaryIO

_TEMPORARY = ".tmp-"
_CHUNK_BYTES = 1 << 20
_AS_IT_IS = "uncompressed"  # Beam would unpack what is called .gz


def is_local(path: str) -> bool:
    """Whether the path is on this machine rather than behind a URL."""
    return "://" not in path


def join(folder: str, *names: str) -> str:
    """The path of a file in a folder; a name that is absolute stands for itself."""
    if is_absolute(names[-1]):
        return names[-1]
    return "/".join((folder.rstrip("/"), *names))


def is_absolute(path: str) -> bool:
    """Whether a path is complete without a folder."""
    return path.startswith("/") or not is_local(path)


def exists(path: str) -> bool:
    """Whether there is a file or folder of that name."""
    return os.path.exists(path) if is_local(path) else _beam().exists(path)


def open_for_reading(path: str) -> BinaryIO:
    """Opens a file as it is, seekable."""
    if is_local(path):
        return open(path, "rb")
    return _beam().open(path, compression_type=_AS_IT_IS)


def read(path: str) -> bytes:
    """The contents of a file."""
    with open_for_reading(path) as file:
        return file.read()


@contextlib.contextmanager
def writing(path: str) -> Iterator[str]:
    """Gives a local path to write to, which becomes `path` when the block ends without an error."""
    name = path.rsplit("/", 1)[-1]
    temporary_name = f".{name}{_TEMPORARY}{uuid.uuid4().hex[:12]}"
    folder = path[: -len(name)]
    if is_local(path):
        os.makedirs(folder or ".", exist_ok=True)
        temporary = os.path.join(folder, temporary_name)
        try:
            yield temporary
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
        return
    with tempfile.TemporaryDirectory() as local:
        temporary = os.path.join(local, name)
        yield temporary
        uploaded = f"{folder}{temporary_name}"
        with open(temporary, "rb") as source, _create(uploaded) as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        if exists(path):
            _beam().delete([path])
        _beam().rename([uploaded], [path])


def write(path: str, contents: bytes) -> None:
    """Writes a file in one step."""
    with writing(path) as temporary, open(temporary, "wb") as file:
        file.write(contents)


@contextlib.contextmanager
def local_copy(path: str) -> Iterator[str]:
    """Gives a local path with the contents of `path`: the file itself where it is local."""
    if is_local(path):
        yield path
        return
    suffix = os.path.splitext(path)[1]
    with tempfile.NamedTemporaryFile(suffix=suffix) as local, open_for_reading(path) as file:
        shutil.copyfileobj(file, local, _CHUNK_BYTES)
        local.flush()
        yield local.name


def names(folder: str) -> list[str]:
    """The names of the files in a folder, sorted; none if there is no such folder."""
    if is_local(folder):
        if not os.path.isdir(folder):
            return []
        return sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir())
    matches = _beam().match([join(folder, "*")])[0].metadata_list
    return sorted(metadata.path.rsplit("/", 1)[-1] for metadata in matches)


def find(folder: str) -> list[tuple[str, str]]:
    """All files below a URL as (path relative to it, size and time of change), sorted."""
    matches = _beam().match([join(folder, "**")])[0].metadata_list
    prefix = join(folder, "")
    return sorted(
        (
            metadata.path.removeprefix(prefix),
            f"{metadata.size_in_bytes}:{metadata.last_updated_in_seconds}",
        )
        for metadata in matches
    )


def remove(folder: str, unwanted: Iterable[str]) -> None:
    """Removes files of a folder."""
    paths = [join(folder, name) for name in unwanted]
    if not is_local(folder):
        _beam().delete(paths)
        return
    for path in paths:
        os.unlink(path)


def is_temporary(name: str) -> bool:
    """Whether a file of this name was left behind by a writer that was killed."""
    return name.startswith(".") and _TEMPORARY in name


def sha256(path: str) -> str:
    """Checksum of a whole file, in hexadecimal."""
    digest = hashlib.sha256()
    with open_for_reading(path) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def num_bytes(path: str) -> int:
    """Size of a file."""
    if is_local(path):
        return os.path.getsize(path)
    return _beam().match([path])[0].metadata_list[0].size_in_bytes


def _create(path: str) -> BinaryIO:
    return _beam().create(path, compression_type=_AS_IT_IS)


def _beam():
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
