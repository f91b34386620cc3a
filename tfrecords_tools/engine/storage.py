"""Files on any file system that Beam knows: whole, checked, and never half-written.

Paths are local, which needs no Beam, or URLs such as `gs://bucket/folder` where Beam's file system
for them is installed. A file is written under a temporary name and renamed, so that a name that
exists holds everything that it should, whenever the writer was killed.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from s2i_tf import files

_CHUNK_BYTES = 1 << 20
_AS_IT_IS = "uncompressed"  # Beam would unpack what is called .gz


def is_local(path: str) -> bool:
    """Whether the path is on this machine rather than behind a URL."""
    return "://" not in path


def join(folder: str, *names: str) -> str:
    """The path of a file in a folder; a name that is absolute stands for itself."""
    if names[-1].startswith("/") or not is_local(names[-1]):
        return names[-1]
    return "/".join((folder.rstrip("/"), *names))


def exists(path: str) -> bool:
    """Whether there is a file or folder of that name."""
    if is_local(path):
        return os.path.exists(path)
    try:
        return _beam().exists(path)
    except (ValueError, OSError):  # Beam has no file system for it here, or cannot reach it
        return False


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
    if is_local(path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with files.new_file(path) as temporary:
            yield str(temporary)
        return
    folder, _, name = path.rpartition("/")
    with tempfile.TemporaryDirectory() as local:
        temporary = os.path.join(local, name)
        yield temporary
        uploaded = f"{folder}/{files.temporary_start()}{name}"
        with (
            open(temporary, "rb") as source,
            _beam().create(uploaded, compression_type=_AS_IT_IS) as target,
        ):
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        if exists(path):
            _beam().delete([path])
        _beam().rename([uploaded], [path])


def write(path: str, contents: bytes) -> None:
    """Writes a file in one step."""
    with writing(path) as temporary, open(temporary, "wb") as file:
        file.write(contents)


def write_json(path: str, values: Any) -> None:
    """Writes values as indented JSON in one step."""
    write(path, f"{json.dumps(values, indent=2)}\n".encode())


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


def sha256(path: str) -> str:
    """Checksum of a whole file, in hexadecimal."""
    with open_for_reading(path) as file:
        return files.checksum(file)


def num_bytes(path: str) -> int:
    """Size of a file."""
    if is_local(path):
        return os.path.getsize(path)
    return _beam().match([path])[0].metadata_list[0].size_in_bytes


def _beam():
    from apache_beam.io.filesystems import FileSystems

    return FileSystems
