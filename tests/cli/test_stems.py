"""Names for what is made of files: no two the same on any file system."""

import pathlib
import unicodedata

import pytest

from s2i_tf.cli.stems import sample_name, unique_stems


def test_equal_stems_are_told_apart(tmp_path):
    paths = [tmp_path / name for name in ("x/a.wav", "y/a.ogg", "b.wav", "x/a.mp3")]
    assert unique_stems(paths) == ["x_a", "y_a", "b", "x_a-2"]
    assert unique_stems([tmp_path / "contact_sheet.wav"], {"contact_sheet"}) == [
        f"{tmp_path.name}_contact_sheet"
    ]


@pytest.mark.parametrize(
    "names",
    [
        ("rec", "rec_1"),
        ("rec_1", "rec"),
        ("REC", "rec_1", "rec-2"),
        ("rec_2", "rec_1_1", "rec", "rec_1"),
    ],
)
def test_samples_of_numbered_recordings_have_names_of_their_own(names):
    stems = unique_stems([pathlib.Path(f"{name}.ogg") for name in names], num_samples=3)
    made = [sample_name(stem, number) for stem in stems for number in range(3)]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in made}) == 3 * len(names)
    assert stems[0] == names[0]


def test_the_unicode_forms_of_a_letter_are_one_name():
    paths = [
        pathlib.Path("x", f"{name}.ogg") for name in ("caf\u00e9", "cafe\u0301", "CAF\u00c9_1")
    ]
    stems = unique_stems(paths, num_samples=2)
    made = [sample_name(stem, number) for stem in stems for number in range(2)]
    assert len({unicodedata.normalize("NFC", name).casefold() for name in made}) == 6
