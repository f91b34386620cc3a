import pytest

from s2i_tf.cli import given
from s2i_tf.errors import UserError


def test_a_folder_stands_for_its_sounds_or_its_photos(tmp_path, caplog):
    for name in ("b.wav", "a.MP4", "no_ending", "cover.jpg", "c.PNG", "list.csv", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()

    def names(*args):
        return [path.name for path in given.paths(map(str, args[:-1]), args[-1])]

    with caplog.at_level("WARNING"):
        assert names("x.txt", tmp_path, "sound") == ["x.txt", "a.MP4", "b.wav", "no_ending"]
        assert names(tmp_path, "x.txt", "photo") == ["c.PNG", "cover.jpg", "x.txt"]
    assert [record.message.split(": ", 2)[2] for record in caplog.records] == [
        f"a folder. Give it too for the {kind}s in it." for kind in ("sound", "photo")
    ]
    with pytest.raises(UserError, match="more: no photos in it. Give a folder with photos in it"):
        names(tmp_path / "more", "photo")
