"""Files and folders that appear whole or not at all, whatever goes wrong."""

import errno

import pytest

from s2i_tf import files


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
