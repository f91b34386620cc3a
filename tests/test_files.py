"""Files and folders that appear whole or not at all, whatever goes wrong."""

import contextlib
import errno
import multiprocessing
import os
import pathlib
import time

import pytest

from s2i_tf import files
from s2i_tf.errors import UserError


@pytest.mark.parametrize("new", [files.new_file, files.new_folder])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "inside"),
        OSError("Can't write data (errno = 28, error message = 'No space left on device')"),
        RuntimeError("ResourceExhausted: variables.data; No space left on device"),
    ],
)
def test_a_full_disk_is_one_error_with_the_path_whatever_library_met_it(tmp_path, new, error):
    path = tmp_path / "made"
    with pytest.raises(OSError) as caught, new(path):
        raise error
    assert caught.value.errno == errno.ENOSPC and caught.value.filename == str(path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("new", [files.new_file, files.new_folder])
def test_other_errors_stay_what_they_are_and_leave_nothing(tmp_path, new):
    with pytest.raises(RuntimeError, match="else"), new(tmp_path / "made"):
        raise RuntimeError("something else")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["m" * 255, f"{'m' * 251}.png", "ü" * 127, f"a.{'m' * 253}"])
def test_a_file_may_have_the_longest_name(tmp_path, name):
    with files.new_folder(tmp_path / name) as folder:
        assert files.write(folder / name, "text").read_text() == "text"
    assert [path.name for path in (tmp_path / name).iterdir()] == [name]


def fill(folder: pathlib.Path, taken: str, others, number: int) -> None:
    """Makes the same folder as others do, all of them at once."""
    with files.new_folder(folder, taken) as temporary:
        others.wait()
        for name in ("a", "b"):
            files.write(temporary / name, str(number))
        files.write(folder.parent / "file", str(number) * 100_000)
        others.wait()


@pytest.mark.parametrize("taken", ["replace", "keep"])
def test_processes_that_make_the_same_at_once_leave_one_whole(tmp_path, taken):
    spawn = multiprocessing.get_context("spawn")
    others = spawn.Barrier(4)
    arguments = [(tmp_path / "made", taken, others, number) for number in range(4)]
    processes = [spawn.Process(target=fill, args=given) for given in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert sorted(os.listdir(tmp_path)) == ["file", "made"]
    assert (tmp_path / "made" / "a").read_text() == (tmp_path / "made" / "b").read_text()
    assert len(set((tmp_path / "file").read_text())) == 1


@pytest.mark.parametrize(
    ("taken", "left"), [("replace", "second"), ("keep", "first"), ("refuse", "first")]
)
def test_an_earlier_folder_is_replaced_or_stays(tmp_path, taken, left):
    refused = pytest.raises(UserError, match="made exists already: another process")
    for turn in ("first", "second"):
        fails = (taken, turn) == ("refuse", "second")
        with (
            refused if fails else contextlib.nullcontext(),
            files.new_folder(tmp_path / "made", taken) as temporary,
        ):
            (temporary / turn).touch()
    assert os.listdir(tmp_path / "made") == [left]
    assert os.listdir(tmp_path) == ["made"]


def test_what_killed_processes_left_goes_a_day_later(tmp_path, monkeypatch):
    (tmp_path / ".tmp_0123abcd_film.mp4").touch()
    (tmp_path / ".tmp_89abcdef_page").mkdir()
    (tmp_path / ".tmp_notes").touch()
    files.write(tmp_path / "other", "")
    assert len(os.listdir(tmp_path)) == 4, "others may be writing still"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 60 * 60)
    files._drop_left.cache_clear()
    files.write(tmp_path / "other", "")
    assert sorted(os.listdir(tmp_path)) == [".tmp_notes", "other"]


def test_only_what_is_marked_or_empty_may_be_replaced(tmp_path):
    names = {"start": "mark" + 70_000 * " ", "end": 70_000 * " " + "mark", "empty": ""}
    for name, text in names.items():
        (tmp_path / name).write_text(text)
    files.refuse_taken([tmp_path / "nothing", *(tmp_path / name for name in names)], "mark")
    for path in (tmp_path / "start", tmp_path):
        with pytest.raises(UserError, match=f"{path}: is there already, and s2i is not known"):
            files.refuse_taken([path], "another")
