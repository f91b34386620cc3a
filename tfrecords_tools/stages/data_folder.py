"""The files in a folder of data: which there are, and which are not to be opened.

Links are followed, hidden files and text documents are no data, and everything else that cannot be
used is known with its reason.
"""

import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator

from s2i_tf.data import class_folder, walking
from s2i_tf.data.class_folder import kind_of
from s2i_tf.media import reasons
from tfrecords_tools.engine import storage
from tfrecords_tools.engine.rows import Quarantined

STAGE = "list"
# Beside the data, in any folder but those of the classes.
_DOCUMENT_SUFFIXES = (".csv", ".html", ".json", ".jsonl", ".md", ".pdf", ".txt", ".xml")
_DOCUMENTS = ("README", "LICENSE")


def kind_by_folder(path: str) -> str | None:
    """The kind of a file below sounds/ or images/; None for another."""
    first, *others = path.split("/")
    return kind_of(first) if others else None


class DataFolder:
    """All files below a folder, links followed, or those alone that a table names.

    Args:
      root: the folder.
      is_walked: whether all files count; else those that `find` is asked for.

    Attributes:
      root: the folder.
      versions: size and time of change of each file by its path; of those outside of the folder
        that were asked for, too.
      odd: what is not to be opened, by path, with its reason.
    """

    def __init__(self, root: str, is_walked: bool = True):
        self.root = root
        self.odd: dict[str, Quarantined] = {}
        found: Iterable[tuple[str, str]] = ()
        if not storage.is_local(root):  # one request, where each file asked for would be another
            found = storage.find(root)
        elif is_walked:
            found = self._walk()
        self.versions = {path: version for path, version in sorted(found) if _is_data(path)}
        self._by_form = {unicodedata.normalize("NFC", path): path for path in self.versions}

    def find(self, name: str) -> str | None:
        """The path of a file that a table names, None if it is not there.

        It may be written with other forms of its letters or the slashes of Windows, or lie outside
        of the folder.
        """
        elsewhere = "://" in name or not storage.is_local(self.root)
        for spelling in dict.fromkeys([name, name.replace("\\", "/")]):
            path = spelling if elsewhere else walking.within(self.root, spelling)
            path = self._by_form.get(unicodedata.normalize("NFC", path), path)
            if path in self.versions:
                return path
            full = storage.join(self.root, path)
            if not storage.is_local(full):
                if full == path and storage.exists(full):
                    self.versions[path] = ""
                    return path
                continue
            for form in dict.fromkeys([path, *class_folder.forms(path)]):
                full = storage.join(self.root, form)
                if os.path.isfile(full):
                    self.versions[form] = _version(full)
                    return form
        return None

    def refuse(self, path: str, reason: str, message: str) -> None:
        """Takes note of something that cannot be used."""
        self.odd.setdefault(path, Quarantined(path, STAGE, reason, message))

    def missing(self, name: str, table: str) -> None:
        """Takes note of a file that a table names and that `find` did not find."""
        full = storage.join(self.root, name)
        oddity = _oddity(full, name) if storage.is_local(full) else None
        if oddity is None or oddity[0] == reasons.MISSING:
            oddity = reasons.MISSING, f"{table} names it, and it is not there"
        self.refuse(name, *oddity)

    def _walk(self) -> Iterator[tuple[str, str]]:
        def refuse(full: str, reason: str, message: str) -> None:
            self.refuse(self._relative(full), reason, message)

        for full in walking.files_below(self.root, refuse):
            path = self._relative(full)
            if not _is_data(path):
                continue
            if oddity := _oddity(full, path):
                self.refuse(path, *oddity)
            else:
                yield path, _version(full)

    def _relative(self, full: str) -> str:
        return os.path.relpath(full, self.root).replace(os.sep, "/")


def _is_data(path: str) -> bool:
    """Whether a file counts: neither hidden nor a document beside the data."""
    *folders, name = path.split("/")
    if any(part.startswith(".") and part != ".." for part in (*folders, name)):
        return False
    if kind_by_folder(path):
        return True
    return not (name.lower().endswith(_DOCUMENT_SUFFIXES) or name.startswith(_DOCUMENTS))


def _version(full: str) -> str:
    status = os.stat(full)
    return f"{status.st_size}:{status.st_mtime_ns}"


def _oddity(full: str, path: str) -> tuple[str, str] | None:
    """Why a name is not to be opened at all."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "bad_name", "the name is not UTF-8"
    try:
        mode = os.stat(full).st_mode
    except PermissionError as error:
        return reasons.UNREADABLE, error.strerror or str(error)
    except (OSError, ValueError) as error:  # a path with a zero byte in it
        return reasons.MISSING, getattr(error, "strerror", None) or str(error)
    if not stat.S_ISREG(mode):
        return "not_a_file", "a folder, pipe, socket or device; allowed: regular files"
    return None
