"""Where the data comes from: a folder by class, a folder of videos, or a CSV of clips.

A listing opens no media. It is sorted, so that it is the same wherever and in whatever order a file
system lists it.
"""

import csv
import dataclasses
import math
import os
import stat
from collections.abc import Iterator, Sequence

from s2i_tf.data import splits
from s2i_tf.data.class_folder import INDEX_FILE, KIND_FOLDERS
from s2i_tf.errors import UserError
from tfrecords_tools.engine import storage
from tfrecords_tools.engine.rows import Quarantined, Source

STAGE = "list"
_CLIP_PATH_COLUMNS = ("path", "youtube_id", "ytid")
_VIDEO_SUFFIXES = ("mp4", "mkv", "webm", "avi", "mov")


@dataclasses.dataclass(frozen=True)
class Listing:
    """What there is to prepare.

    Attributes:
      root: folder that all paths are relative to.
      sources: the files, sorted by path.
      by_class: whether sounds and photos are paired by a draw within their class.
      missing: files that are named somewhere and cannot be listed.
    """

    root: str
    sources: tuple[Source, ...]
    by_class: bool
    missing: tuple[Quarantined, ...] = ()

    @property
    def has_classes(self) -> bool:
        """Whether every file comes with its class."""
        return all(source.class_name for source in self.sources)


def check(data: str) -> None:
    """Refuses data that is not there, at no cost.

    Raises:
      UserError: if there is nothing of that name.
    """
    if storage.is_local(data) and not storage.exists(data):
        raise UserError(f"--data={data}: no such folder or file")


def list_data(data: str, *, max_items: int = 0, seed: int = 0) -> Listing:
    """Lists whatever `--data` names.

    Args:
      data: a folder or a CSV file.
      max_items: keep at most so many files of each kind, drawn by a stable hash; 0 for all.
      seed: of that draw.

    Raises:
      UserError: if there is nothing of any of the three shapes.
    """
    check(data)
    if data.endswith(".csv") and storage.exists(data):
        listing = _list_clips(data)
    else:
        found, missing = _find(data)
        folders = tuple(f"{name}/" for name in KIND_FOLDERS.values())
        if any(path.startswith(folders) for path, _ in found):
            listing = _list_classes(data, found, missing)
        else:
            listing = _list_videos(data, found, missing)
    if not listing.sources:
        raise UserError(
            f"--data={data}: nothing to prepare; allowed: sounds/CLASS and images/CLASS, "
            "a folder of videos, or a CSV with the columns path,start_seconds,label"
        )
    return _limited(listing, max_items, seed)


def _list_classes(data: str, found: list, missing: list[Quarantined]) -> Listing:
    """`sounds/CLASS/FILE` and `images/CLASS/FILE`, with what `index.csv` knows about them."""
    index = _read_index(data)
    groups = {
        kind: {row["recording_group"] for row in index.values() if row["kind"] == kind} - {""}
        for kind in KIND_FOLDERS
    }
    shared = groups["sound"] & groups["image"]
    sources = []
    for path, version in found:
        parts = path.split("/")
        kind = next((kind for kind, name in KIND_FOLDERS.items() if name == parts[0]), None)
        if kind is None or len(parts) < 3:
            continue
        row = index.pop(path, {})
        group = row.get("recording_group") or path
        sources.append(
            Source(
                path=path,
                kind=kind,
                group=group,
                class_name=row.get("class") or parts[1],
                belongs_to=group if group in shared else "",
                version=version,
            )
        )
    listed = {row.path for row in missing}
    missing = missing + [
        Quarantined(path, STAGE, "missing", f"{INDEX_FILE} names it, and it is not there")
        for path in index
        if path not in listed
    ]
    kinds = {source.kind for source in sources}
    for kind, name in KIND_FOLDERS.items():
        if sources and kind not in kinds:
            raise UserError(f"--data={data}: no files under {name}/CLASS")
    return Listing(data, tuple(sources), by_class=True, missing=tuple(missing))


def _list_videos(data: str, found: list, missing: list[Quarantined]) -> Listing:
    sources = [Source(path, "video", group=path, version=version) for path, version in found]
    return Listing(data, tuple(sources), by_class=False, missing=tuple(missing))


def _list_clips(path: str) -> Listing:
    """Clips of videos: our own columns, or the files as VGGSound and AudioSet ship them."""
    root = os.path.dirname(path) or "."
    listed, unlisted = _find(root)
    versions = dict(listed)
    reasons = {row.path: row for row in unlisted}
    found: dict[tuple[str, float | None], Source] = {}
    missing: list[Quarantined] = []
    for name, start_seconds, label in _read_clips(path):
        clip = next((p for p in _clip_paths(name, start_seconds) if p in versions), None)
        if clip is None:
            text = f"{os.path.basename(path)} names it, and it is not there"
            missing.append(reasons.get(name, Quarantined(name, STAGE, "missing", text)))
            continue
        # A file that is named after its clip has been cut out already.
        start = None if _cut_name(name, start_seconds) in clip else start_seconds
        row = Source(clip, "video", name, label, start, version=versions[clip])
        found[clip, start] = row
    ordered = sorted(found.values(), key=lambda row: (row.path, row.start_seconds or 0.0))
    return Listing(root, tuple(ordered), by_class=False, missing=tuple(missing))


def _cut_name(name: str, start_seconds: float) -> str:
    return f"{name}_{int(start_seconds):06d}."


def _clip_paths(name: str, start_seconds: float) -> Iterator[str]:
    yield name
    for suffix in _VIDEO_SUFFIXES:
        yield f"{_cut_name(name, start_seconds)}{suffix}"
        yield f"{name}.{suffix}"


def _read_clips(path: str) -> Iterator[tuple[str, float, str]]:
    with (
        storage.local_copy(path) as local,
        open(local, newline="", encoding="utf-8-sig") as file,
    ):
        table = list(csv.reader(file, skipinitialspace=True))
    header = _clip_header(path, table)
    for number, row in enumerate(table, start=1):
        if not row or row[0].startswith("#") or row == header:
            continue
        columns = dict(zip([name.lower() for name in header], row, strict=False))
        try:
            name = next(columns[key] for key in _CLIP_PATH_COLUMNS if key in columns)
            # AudioSet gives several labels to a clip; the first is its class.
            label = columns.get("label") or columns.get("positive_labels", "").split(",")[0]
            start_seconds = float(columns.get("start_seconds") or 0)
            if not 0 <= start_seconds < math.inf:
                raise ValueError
        except (StopIteration, ValueError):
            raise UserError(f"{path}, line {number}: not path,start_seconds,label: {row}") from None
        yield name, start_seconds, label.strip()


def _clip_header(path: str, table: Sequence[Sequence[str]]) -> Sequence[str]:
    """The columns' names: from the first line, or by the two layouts that have none."""
    for row in table:
        if not row:
            continue
        names = [name.strip("# ").lower() for name in row]
        if set(names) & set(_CLIP_PATH_COLUMNS):
            return row if not row[0].startswith("#") else names
        if row[0].startswith("#"):
            continue
        if len(row) == 4 and row[3] in ("train", "test"):  # VGGSound
            return ("path", "start_seconds", "label", "split")
        if len(row) in (2, 3):
            return ("path", "start_seconds", "label")
        break
    raise UserError(f"{path}: no clips; the columns are path,start_seconds,label")


def _read_index(data: str) -> dict[str, dict[str, str]]:
    path = storage.join(data, INDEX_FILE)
    if not storage.exists(path):
        return {}
    with (
        storage.local_copy(path) as local,
        open(local, newline="", encoding="utf-8-sig") as file,
    ):
        table = csv.DictReader(file)
        if wanted := {"kind", "class", "path", "recording_group"} - set(table.fieldnames or ()):
            raise UserError(f"{path}: lacks the column {', '.join(sorted(wanted))}")
        return {row["path"]: row for row in table}


def _find(root: str) -> tuple[list[tuple[str, str]], list[Quarantined]]:
    """All files below a folder as (relative path, version), hidden ones left out."""
    if not storage.is_local(root):
        return storage.find(root), []
    found, odd = [], []
    for folder, subfolders, file_names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in file_names:
            if name.startswith("."):
                continue
            full = os.path.join(folder, name)
            path = os.path.relpath(full, root).replace(os.sep, "/")
            if path == INDEX_FILE or path.endswith(".csv") and folder == root:
                continue
            if reason := _oddity(full, path):
                odd.append(Quarantined(path, STAGE, *reason))
                continue
            status = os.stat(full)
            found.append((path, f"{status.st_size}:{status.st_mtime_ns}"))
    return sorted(found), odd


def _oddity(full: str, path: str) -> tuple[str, str] | None:
    """Why a name is not to be opened at all."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return "bad_name", "the name is not UTF-8"
    try:
        mode = os.stat(full).st_mode
    except OSError as error:
        return "missing", error.strerror or str(error)
    if not stat.S_ISREG(mode):
        return "not_a_file", "a pipe, socket or device; allowed: regular files"
    return None


def _limited(listing: Listing, max_items: int, seed: int) -> Listing:
    if not max_items:
        return listing
    kept: set[str] = set()
    for kind in {source.kind for source in listing.sources}:
        paths = {source.path for source in listing.sources if source.kind == kind}
        kept |= set(splits.stable_order(paths, f"{seed}/items")[:max_items])
    return dataclasses.replace(
        listing, sources=tuple(source for source in listing.sources if source.path in kept)
    )
