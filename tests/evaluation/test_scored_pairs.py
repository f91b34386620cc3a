import pytest

from s2i_tf.errors import UserError
from s2i_tf.evaluation import scored_pairs
from tests.evaluation.conftest import SHADES


def test_files_of_one_name_are_pairs_and_the_rest_is_named(folders):
    (folders[1] / "dark" / "alone.wav").write_text("")
    pairs, unmatched = scored_pairs.match(*folders)
    assert [pair.name for pair in pairs[:2]] == ["bright/clip00", "bright/clip02"]
    assert {pair.class_name for pair in pairs} == set(SHADES)
    assert unmatched == [str(folders[1] / "dark" / "alone.wav")]


def test_names_alone_match_where_the_folders_differ(folders, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in folders[0].rglob("*.png"):
        (flat / path.name).write_bytes(path.read_bytes())
    pairs, unmatched = scored_pairs.match(flat, *folders[1:])
    assert len(pairs) == 12 and not unmatched
    assert pairs[0].name == "clip00" and pairs[0].class_name == "bright"


def test_two_files_of_one_name_are_refused(folders):
    (folders[0] / "dark" / "clip01.gif").write_text("")
    with pytest.raises(UserError, match="have one name; rename one of them"):
        scored_pairs.match(*folders)


def test_folders_without_a_common_name_are_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no picture has the name.*--pairs=FILE.csv"):
        scored_pairs.match(tmp_path / "empty", *folders[1:])
    with pytest.raises(UserError, match="missing: not a folder"):
        scored_pairs.match(tmp_path / "missing", *folders[1:])


def test_a_csv_lists_pairs_with_classes_and_recordings(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("\ufeffpicture,sound,photo,class,group\na/p.png,s.wav,q.jpg,cat,tape\n")
    (pair,) = scored_pairs.read_pairs(path)
    assert (pair.name, pair.class_name, pair.group) == ("a/p", "cat", "tape")
    assert pair.picture == str(tmp_path / "a" / "p.png")
    path.write_text("picture,sound\np.png,s.wav\n")
    with pytest.raises(UserError, match="line 2 has no photo"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo\n")
    with pytest.raises(UserError, match="holds no pairs"):
        scored_pairs.read_pairs(path)
    with pytest.raises(UserError, match="No such file"):
        scored_pairs.read_pairs(tmp_path / "missing.csv")


def test_broken_links_are_among_what_has_no_match(folders):
    link = folders[0] / "dark" / "clip01.png"
    link.unlink()
    link.symlink_to("nowhere")
    pairs, unmatched = scored_pairs.match(*folders)
    assert len(pairs) == 11 and str(link) in unmatched and len(unmatched) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_of_pairs_as_any_program_writes_it(tmp_path, encoding, separator):
    rows = [["Picture", "Sound", "Photo", "Class"], ["p\\ä.png", "s.wav", "q.jpg", "Wäldchen"]]
    (tmp_path / "p").mkdir()
    (tmp_path / "p/ä.png").write_bytes(b"")
    path = tmp_path / "pairs.csv"
    path.write_text("\n".join(separator.join(row) for row in rows), encoding=encoding)
    (pair,) = scored_pairs.read_pairs(path)
    assert pair.picture == str(tmp_path / "p/ä.png") and pair.class_name == "Wäldchen"


def test_a_csv_loses_no_pair_and_counts_none_twice(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text('picture,sound,photo\n"a.png,s.wav,q.jpg\nb.png,s.wav,q.jpg\n')
    with pytest.raises(UserError, match="line"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo\na.png,s.wav,q.jpg\na.png,s.wav,r.jpg\n")
    with pytest.raises(UserError, match="line 3 has a.png once more"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo\np/a.png,s.wav,q.jpg\np/a.jpg,s.wav,r.jpg\n")
    assert [pair.name for pair in scored_pairs.read_pairs(path)] == ["p/a.png", "p/a.jpg"]


def test_a_csv_of_pairs_leaves_nothing_unread_without_a_word(tmp_path, caplog):
    path = tmp_path / "pairs.csv"
    for column, known in (
        ("label", "class"),
        ("photo_class", "class"),
        ("Recording", "group"),
        ("sources", "source"),
    ):
        path.write_text(f"picture,sound,photo,{column}\na.png,s.wav,q.jpg,dog\n")
        message = f"column '{column.lower()}' is not read; allowed: {known}"
        with pytest.raises(UserError, match=message):
            scored_pairs.read_pairs(path)
    for column in ("score", "classifier", "resource", "collection_date"):
        path.write_text(f"picture,sound,photo,{column}\na.png,s.wav,q.jpg,dog\n")
        assert len(scored_pairs.read_pairs(path)) == 1
        assert f"columns that are not read: {column}" in caplog.text
    path.write_text("pictures,sound,photo\na.png,s.wav,q.jpg\n")
    with pytest.raises(UserError, match="column 'pictures' is not read; allowed: picture"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo,class\na.png,s.wav,q.jpg,dog, barking\n")
    with pytest.raises(UserError, match="line 2: 5 fields for 4 columns"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo,class,class\na.png,s.wav,q.jpg,dog,cat\n")
    with pytest.raises(UserError, match="the column class stands there twice"):
        scored_pairs.read_pairs(path)
    path.write_text("picture,sound,photo,class,class_id,fold\na.png,s.wav,q.jpg,dog,1,2\n")
    assert scored_pairs.read_pairs(path)[0].class_name == "dog"
    assert "columns that are not read: class_id, fold" in caplog.text


def test_linked_folders_are_followed_and_loops_end(folders, tmp_path):
    (tmp_path / "drive").mkdir()
    (folders[2] / "dark").rename(tmp_path / "drive" / "dark")
    (folders[2] / "dark").symlink_to(tmp_path / "drive" / "dark")
    (folders[2] / "dark" / "loop").symlink_to(folders[2])
    pairs, unmatched = scored_pairs.match(*folders)
    assert len(pairs) == 12 and not unmatched
