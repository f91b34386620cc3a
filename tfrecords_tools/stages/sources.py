"""Where the data comes from: a folder by class, a folder of videos, or a CSV of clips.

A listing opens no media. It is sorted, so that it is the same wherever and in whatever order a file
system lists it, and what cannot be used is listed with its reason (`stages.data_folder`).
"""

import dataclasses
import logging
import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence

from s2i_tf.data import class_folder, csv_rows, splits
from s2i_tf.data.class_folder import INDEX_FILE, KIND_FOLDERS, index_path, kind_of
from s2i_tf.data.dataset_info import WINDOW_SECONDS
from s2i_tf.errors import UserError
from tfrecords_tools.engine import storage
from tfrecords_tools.engine.rows import Quarantined, Source, counted
from tfrecords_tools.stages import clip_table
from tfrecords_tools.stages.data_folder import DataFolder, kind_by_folder

logger = logging.getLogger(__name__)

# Beside sounds/ and images/, so that nobody meant it as data of a class.
BESIDE = "beside"
_INDEX_COLUMNS = {"kind", "class", "path", "recording_group"}
_VIDEO_SUFFIXES = ("mp4", "mkv", "webm", "avi", "mov")


@dataclasses.dataclass(frozen=True)
class Listing:
    """What there is to prepare.

    Attributes:
      root: folder that all paths are relative to.
      sources: the files, sorted by path.
      by_class: whether sounds and photos are paired by a draw within their class.
      has_sources: whether the collections are known that sounds come from.
      missing: files that are named somewhere, or lie there, and cannot be used.
    """

    root: str
    sources: tuple[Source, ...]
    by_class: bool
    has_sources: bool = False
    missing: tuple[Quarantined, ...] = ()

    @property
    def has_classes(self) -> bool:
        """Whether every file comes with its class."""
        return all(source.class_name for source in self.sources)


def check(data: str) -> None:
    """Refuses data that is not there or cannot be read, at no cost.

    Raises:
      UserError: saying which.
    """
    if not storage.is_local(data):
        return
    try:
        if os.path.isdir(data):
            os.scandir(data).close()
        elif stat.S_ISREG(os.stat(data).st_mode):  # opening a pipe would take what is in it
            open(data, "rb").close()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise UserError(f"--data={data}: no such folder or file") from None
    except OSError as error:
        raise UserError(f"--data={data}: {(error.strerror or str(error)).lower()}") from None


def list_data(
    data: str,
    *,
    max_items: int = 0,
    seed: int = 0,
    split_by: str = "recording",
    window_seconds: float = WINDOW_SECONDS,
) -> Listing:
    """Lists whatever `--data` names.

    Args:
      data: a folder or a CSV file.
      max_items: keep at most so many files of each kind, drawn by a stable hash; 0 for all.
      seed: random seed of that draw.
      split_by: what the groups of sounds are: `recording`, or `source`, the column of the index.
      window_seconds: how much is taken of a clip.

    Raises:
      UserError: if there is nothing of any of the three shapes.
    """
    check(data)
    if data.lower().endswith(".csv") and not (storage.is_local(data) and os.path.isdir(data)):
        listing = _list_clips(data, window_seconds)
    else:
        folder = DataFolder(data)
        by_class = any(map(kind_by_folder, folder.versions))
        listing = _list_classes(folder, split_by) if by_class else _list_videos(folder)
    if not listing.sources:
        raise UserError(
            f"--data={data}: nothing to prepare{_why(listing.missing)}; allowed: sounds/CLASS and "
            "images/CLASS, a folder of videos, or a CSV with the columns path,start_seconds,label"
        )
    if split_by == "source":
        if not (listing.by_class and listing.has_sources):
            raise UserError(
                "--split_by=source needs a folder by class whose index.csv has a column `source`; "
                "add it, or leave the flag away"
            )
        groups = {source.group for source in listing.sources if source.kind == "sound"}
        if len(groups) < 2:
            raise UserError(
                f"--split_by=source: all sounds are of the source {min(groups)!r}; allowed: two or "
                "more"
            )
    return _limited(_merged(listing), max_items, seed)


def _why(missing: Sequence[Quarantined]) -> str:
    if not missing:
        return ""
    told = counted(Counter(row.reason for row in missing))
    return f" ({told}, such as {missing[0].path!r})"


def _list_classes(folder: DataFolder, split_by: str) -> Listing:
    """`sounds/CLASS/FILE` and `images/CLASS/FILE`, with what `index.csv` knows about them."""
    index = _read_index(folder)
    groups = {
        kind: {row["recording_group"] for row in index.values() if row["kind"] == kind} - {""}
        for kind in KIND_FOLDERS
    }
    shared = groups["sound"] & groups["image"]
    sources = []
    elsewhere = []  # what lies in the folder of another class than the table gives it
    for path, version in sorted(folder.versions.items()):
        row = index.get(path, {})
        folders = path.split("/")[:-1]
        kind = kind_by_folder(path)
        by_folder = folders[1] if kind and len(folders) > 1 else ""
        class_name = row.get("class") or by_folder
        if by_folder and class_folder.class_key(class_name) != class_folder.class_key(by_folder):
            elsewhere.append(f"{path!r} ({class_name!r})")
        kind = kind or row.get("kind")
        if not kind or not class_name:
            if kind or not folders:
                folder.refuse(path, "no_class", "no folder and no index.csv names its class")
            else:
                folder.refuse(path, BESIDE, "it lies beside sounds/ and images/")
            continue
        group = row.get("recording_group") or path
        together = group if group in shared else ""
        if split_by == "source" and (kind == "sound" or together):
            group = row.get("source") or group
        sources.append(
            Source(
                path=path,
                kind=kind,
                group=group,
                class_name=class_name,
                belongs_to=together,
                version=version,
            )
        )
    if elsewhere:
        logger.warning(
            "%d files lie in the folder of another class than index.csv gives them, which counts: "
            "%s",
            len(elsewhere),
            elsewhere[0],
        )
    kinds = {source.kind for source in sources}
    for kind, name in KIND_FOLDERS.items():
        if sources and kind not in kinds:
            raise UserError(f"--data={folder.root}: no files under {name}/CLASS")
    has_sources = any(row["kind"] == "sound" and row.get("source") for row in index.values())
    missing = tuple(folder.odd.values())
    return Listing(folder.root, tuple(sources), True, has_sources, missing)


def _list_videos(folder: DataFolder) -> Listing:
    if within := [path for path in folder.versions if "/" in path]:
        logger.warning(
            "%d videos lie in folders, such as %r: these are not read as classes; list them in a "
            "CSV with the columns path,start_seconds,label",
            len(within),
            within[0],
        )
    sources = [
        Source(path, "video", group=path, version=version)
        for path, version in folder.versions.items()
    ]
    return Listing(folder.root, tuple(sources), by_class=False, missing=tuple(folder.odd.values()))


def _list_clips(path: str, window_seconds: float) -> Listing:
    """Clips of videos: our own columns, or the files as VGGSound and AudioSet ship them."""
    folder = DataFolder(os.path.dirname(path) or ".", is_walked=False)
    found: dict[tuple[str, float | None], Source] = {}
    num_others = num_comments = 0
    for name, start_seconds, end_seconds, label, may_be_comment in clip_table.read(path):
        clip = next(filter(None, map(folder.find, _clip_paths(name, start_seconds))), None)
        if clip is None and may_be_comment:
            num_comments += 1
            continue
        length = window_seconds if end_seconds is None else end_seconds - start_seconds
        num_others += abs(length - window_seconds) > 0.01
        if clip is None:
            folder.missing(name, os.path.basename(path))
            continue
        # A file that is named after its clip has been cut out already.
        start = None if _cut_name(name, start_seconds) in clip else start_seconds
        row = Source(clip, "video", name, label, start, version=folder.versions[clip])
        if found.get((clip, start), row) != row:
            logger.warning("%s: %s stands there twice at one time; the last counts", path, clip)
        found[clip, start] = row
    if num_comments:
        logger.warning(
            "%s: %d lines that begin with # name no file and are taken for comments",
            path,
            num_comments,
        )
    if num_others:
        logger.warning(
            "%s: %d clips are not %g s long by their end_seconds; of each so much is taken from "
            "its start on, as --window_seconds says",
            path,
            num_others,
            window_seconds,
        )
    ordered = sorted(found.values(), key=lambda row: (row.path, row.start_seconds or 0.0))
    return Listing(folder.root, tuple(ordered), by_class=False, missing=tuple(folder.odd.values()))


def _cut_name(name: str, start_seconds: float) -> str:
    return f"{name}_{int(start_seconds):06d}."


def _clip_paths(name: str, start_seconds: float) -> Iterator[str]:
    yield name
    for suffix in (*_VIDEO_SUFFIXES, *map(str.upper, _VIDEO_SUFFIXES)):
        yield f"{_cut_name(name, start_seconds)}{suffix}"
        yield f"{name}.{suffix}"


def _read_index(folder: DataFolder) -> dict[str, dict[str, str]]:
    """The rows of `index.csv` by the paths of their files, those that are not there left out."""
    path = storage.join(folder.root, INDEX_FILE)
    if storage.is_local(folder.root):
        path = str(index_path(folder.root))
    if not storage.exists(path):
        return {}
    rows = csv_rows.mappings(storage.read(path), path)
    if wanted := _INDEX_COLUMNS - set(rows[0] if rows else _INDEX_COLUMNS):
        raise UserError(f"{path}: lacks the column {', '.join(sorted(wanted))}")
    index = {}
    for row in rows:
        if found := folder.find(row["path"]):
            row["kind"] = kind_by_folder(found) or kind_of(row["kind"]) or row["kind"].lower()
            if row["kind"] not in KIND_FOLDERS:
                kinds = " or ".join(KIND_FOLDERS)
                raise UserError(f"{path}: {found} is of kind {row['kind']!r}; allowed: {kinds}")
            if index.get(found, row) != row:
                logger.warning("%s: %s stands there twice; the last counts", path, found)
            index[found] = row
        else:
            folder.missing(row["path"], INDEX_FILE)
    return index


def _merged(listing: Listing) -> Listing:
    """Classes whose names differ by case, outer spaces or Unicode form become one."""
    class_of = class_folder.merged(source.class_name for source in listing.sources)
    sources = tuple(
        dataclasses.replace(source, class_name=class_of[source.class_name])
        for source in listing.sources
    )
    return dataclasses.replace(listing, sources=sources)


def _limited(listing: Listing, max_items: int, seed: int) -> Listing:
    if not max_items:
        return listing

    def order(source: Source) -> tuple[float, str, str]:
        owner = source.belongs_to or source.path  # what belongs together is kept together
        return splits.stable_fraction(owner, f"{seed}/items"), owner, source.path

    kept: set[str] = set()
    for kind in {source.kind for source in listing.sources}:
        of_kind = sorted((one for one in listing.sources if one.kind == kind), key=order)
        kept.update(list(dict.fromkeys(source.path for source in of_kind))[:max_items])
    return dataclasses.replace(
        listing, sources=tuple(source for source in listing.sources if source.path in kept)
    )
