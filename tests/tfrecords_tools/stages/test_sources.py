"""What a listing finds, and that it loses nothing without a word."""

import os
import unicodedata

import pytest

from s2i_tf.data import class_folder
from s2i_tf.errors import UserError
from tfrecords_tools.stages import sources

CLIPS = "path,start_seconds,label\na.mp4,1,{label}\n"


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"not opened by a listing")


def classes(listing):
    return {source.path: source.class_name for source in listing.sources}


def left_out(listing):
    return {row.path: row.reason for row in listing.missing}


@pytest.fixture
def folder(tmp_path):
    touch(tmp_path / "data", "sounds/dog/a.wav", "images/dog/a.jpg")
    return tmp_path / "data"


def test_linked_folders_and_files_count_like_others(folder, tmp_path):
    touch(tmp_path / "drive", "rain/b.wav", "c.wav")
    (folder / "sounds/rain").symlink_to(tmp_path / "drive/rain")
    (folder / "sounds/dog/c.wav").symlink_to(tmp_path / "drive/c.wav")
    (folder / "sounds/dog/deeper").symlink_to(folder)
    listing = sources.list_data(str(folder))
    assert classes(listing) == {
        "images/dog/a.jpg": "dog",
        "sounds/dog/a.wav": "dog",
        "sounds/dog/c.wav": "dog",
        "sounds/rain/b.wav": "rain",
    }
    assert left_out(listing) == {"sounds/dog/deeper": "loop"}
    (folder / "sounds/dog/deeper").unlink()
    linked = tmp_path / "linked"
    linked.mkdir()
    for name in ("sounds", "images"):
        (linked / name).symlink_to(folder / name)
    assert set(classes(sources.list_data(str(linked)))) == set(classes(listing))


def test_two_folders_that_link_to_each_other_end(tmp_path):
    touch(tmp_path, "a/x.mp4", "b/y.mp4")
    (tmp_path / "a/b").symlink_to(tmp_path / "b")
    (tmp_path / "b/a").symlink_to(tmp_path / "a")
    listing = sources.list_data(str(tmp_path))
    assert set(classes(listing)) == {"a/x.mp4", "b/y.mp4", "a/b/y.mp4", "b/a/x.mp4"}
    assert set(left_out(listing).values()) == {"loop"}


def test_a_folder_that_cannot_be_read_is_listed(folder, monkeypatch):
    closed = str(folder / "sounds" / "cat")
    touch(folder, "sounds/cat/a.wav")
    scandir = os.scandir

    def deny(path):
        if path == closed:
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    assert left_out(sources.list_data(str(folder))) == {"sounds/cat": "unreadable"}


@pytest.mark.parametrize("how", ["absolute", "relative", "within", "windows"])
def test_a_csv_may_name_files_anywhere_and_in_any_way(tmp_path, how):
    touch(tmp_path, "elsewhere/a.mp4", "clips/deep/b.mp4")
    name, path = {
        "absolute": (f"{tmp_path}/elsewhere/a.mp4", f"{tmp_path}/elsewhere/a.mp4"),
        "relative": ("../elsewhere/a.mp4", "../elsewhere/a.mp4"),
        "within": (f"{tmp_path}/clips/./deep/b.mp4", "deep/b.mp4"),
        "windows": ("deep\\b.mp4", "deep/b.mp4"),
    }[how]
    table = tmp_path / "clips" / "clips.csv"
    table.write_text(f"path,start_seconds,label\n{name},1,dog\n")
    listing = sources.list_data(str(table))
    assert classes(listing) == {path: "dog"}
    assert listing.sources[0].version


def test_clips_of_another_length_than_is_taken_are_told(tmp_path, caplog):
    touch(tmp_path, "a.mp4", "b.mp4")
    table = tmp_path / "clips.csv"
    table.write_text("path,start_seconds,end_seconds,label\na.mp4,0,1,dog\nb.mp4,5,15,dog\n")
    assert len(sources.list_data(str(table)).sources) == 2
    assert "1 clips are not 10 s long by their end_seconds" in caplog.text


def clips(root, text):
    table = root / "clips.csv"
    table.write_text(text)
    return sources.list_data(str(table))


@pytest.mark.parametrize(
    "header, column, known",
    [
        ("path,start,label", "start", "start_seconds"),
        ("path,Begin_Time,label", "begin_time", "start_seconds"),
        ("path,start_seconds,time_end,label", "time_end", "end_seconds"),
        ("path,start_seconds,class", "class", "label"),
        ("youtube_id,start_seconds,category", "category", "label"),
        ("path,start_seconds,lable", "lable", "label"),
    ],
)
def test_a_column_that_may_mean_a_known_one_is_refused(tmp_path, header, column, known):
    touch(tmp_path, "a.mp4")
    with pytest.raises(UserError, match=f"column '{column}' is not read; allowed: {known}"):
        clips(tmp_path, f"{header}\na.mp4,1,2,dog\n")


def test_foreign_columns_stay_usable_and_are_told(tmp_path, caplog):
    touch(tmp_path, "a.mp4")
    listing = clips(
        tmp_path, "path,start_seconds,label,split,class_id,\na.mp4,1,dog,test,7,\na.mp4,5,dog,x\n"
    )
    assert [source.start_seconds for source in listing.sources] == [1.0, 5.0]
    assert classes(listing) == {"a.mp4": "dog"}
    assert "columns that are not read: split, class_id" in caplog.text


def test_no_field_is_lost(tmp_path):
    touch(tmp_path, "a.mp4")
    with pytest.raises(UserError, match="line 2: 4 fields for 3 columns: .* in quotes"):
        clips(tmp_path, "path,start_seconds,label\na.mp4,1,dog, cat\n")
    with pytest.raises(UserError, match="the column label stands there twice"):
        clips(tmp_path, "path,label,label\na.mp4,dog,cat\n")


def test_no_field_of_an_index_is_lost(folder, caplog):
    row = "sound,dog,sounds/dog/a.wav"
    for text, message in (
        (f"kind,class,path,title,recording_group\n\n{row},Dog, near,g\n", "line 3: 6 fields for 5"),
        (f"kind,class,path,recording_group,class\n{row},g,cat\n", "the column class stands there"),
    ):
        (folder / "index.csv").write_text(text)
        with pytest.raises(UserError, match=message):
            sources.list_data(str(folder))
    # What was prepared by an earlier version is still read, as far as it is sure.
    text = f"kind,class,path,note,note\n{row},a,b\n{row.replace('a.wav', 'b.wav')},a,b,c\n"
    (folder / "index.csv").write_text(text)
    assert [*class_folder.read_index(folder)] == ["sounds/dog/a.wav"]
    assert "1 rows have more fields than there are columns and are left out" in caplog.text
    (folder / "index.csv").write_text(
        f"kind,class,path,recording_group,title\n{row},g\n{row},g,,,\n"
    )
    assert {source.group for source in sources.list_data(str(folder)).sources} >= {"g"}


def test_labels_that_do_not_count_are_told(tmp_path, folder, caplog):
    touch(tmp_path, "a.mp4", "b.mp4", "videos/dog/c.mp4", "videos/d.mp4")
    listing = clips(tmp_path, "a,1,dog,train\nb,1,cat,test\n")
    assert classes(listing) == {"a.mp4": "dog", "b.mp4": "cat"}
    assert "clips.csv: its fourth column, train or test, is not read" in caplog.text
    header = "# YTID, start_seconds, end_seconds, positive_labels\n"
    listing = clips(tmp_path, f'{header}a, 0, 10, "/m/1, /m/2"\nb, 0, 10, "/m/3"\n')
    assert classes(listing) == {"a.mp4": "/m/1", "b.mp4": "/m/3"}
    assert "clips.csv: 1 clips have several labels; the first counts" in caplog.text
    assert set(classes(sources.list_data(str(tmp_path / "videos"))).values()) == {""}
    assert "1 videos lie in folders, such as 'dog/c.mp4': these are not read" in caplog.text
    index = "kind,class,path,recording_group\n"
    index += "sound,cat,sounds/dog/a.wav,\nimage,DOG,images/dog/a.jpg,\n"
    (folder / "index.csv").write_text(index)
    assert classes(sources.list_data(str(folder)))["sounds/dog/a.wav"] == "cat"
    wanted = "1 files lie in the folder of another class than index.csv gives them, which counts: "
    assert f"{wanted}'sounds/dog/a.wav' ('cat')" in caplog.text


def test_names_that_begin_as_comments_do_are_files_where_they_are_there(tmp_path, caplog):
    touch(tmp_path, "a.mp4", "#1 hit.mp4")
    table = 'path,label\n"#1 hit.mp4",dog\na.mp4,cat\n'
    wanted = {"#1 hit.mp4": "dog", "a.mp4": "cat"}
    assert classes(clips(tmp_path, f"# any words, 1\n{table}")) == wanted
    assert not caplog.text
    listing = clips(tmp_path, f"{table}#b.mp4,fox\n# more words\n")
    assert classes(listing) == wanted and not listing.missing
    assert "2 lines that begin with # name no file" in caplog.text


def test_a_csv_looks_at_what_it_names_alone(tmp_path, monkeypatch):
    touch(tmp_path, "a.mp4", "far/b.mp4")
    (tmp_path / "broken.mp4").symlink_to("nowhere")
    (tmp_path / "far.mp4").mkdir()
    monkeypatch.setattr(os, "scandir", None)
    assert not clips(tmp_path, CLIPS.format(label="dog")).missing
    rows = "broken.mp4,1,dog\nfar,1,dog\nfar.mp4,1,dog\n"
    assert left_out(clips(tmp_path, CLIPS.format(label="dog") + rows)) == {
        "broken.mp4": "missing",
        "far": "not_a_file",
        "far.mp4": "not_a_file",
    }


def test_a_csv_of_which_nothing_is_there_says_so(tmp_path):
    with pytest.raises(UserError, match=r"nothing to prepare \(2 missing, such as 'a.mp4'\)"):
        clips(tmp_path, CLIPS.format(label="dog") + "b.mp4,1,dog\n")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("other", ["NFC", "NFD"])
def test_a_csv_finds_files_in_either_form_of_their_letters(tmp_path, form, other):
    path = unicodedata.normalize(form, "forêt.mp4")
    touch(tmp_path, path)
    listing = clips(tmp_path, f"path\n{unicodedata.normalize(other, path)}\n")
    assert set(classes(listing)) == {path}


@pytest.mark.parametrize("name", ["", "clips.csv"])
def test_data_without_permission_is_said_to_be_so(tmp_path, monkeypatch, name):
    def deny(path, *args, **kwargs):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "stat" if name else "scandir", deny)
    with pytest.raises(UserError, match="--data=.*: permission denied"):
        sources.check(str(tmp_path / name))


def test_a_clip_in_a_folder_without_permission_is_unreadable(tmp_path, monkeypatch):
    touch(tmp_path, "a.mp4")
    stat = os.stat

    def deny(path, *args, **kwargs):
        if "shut" in str(path):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *args, **kwargs)

    monkeypatch.setattr(os, "stat", deny)
    listing = clips(tmp_path, CLIPS.format(label="dog") + "shut/b.mp4,1,dog\n")
    assert left_out(listing) == {"shut/b.mp4": "unreadable"}


def test_an_index_may_name_files_anywhere(folder, tmp_path):
    touch(tmp_path, "other/b.wav")
    touch(folder, "sounds/loose.wav")
    (folder / "index.csv").write_text(
        "kind,class,path,recording_group\n"
        f"sound,rain,{tmp_path}/other/b.wav,g1\nsound,cat,sounds/loose.wav,\n"
        f"sound,wolf,{folder}/sounds/dog/a.wav,g2\n"
    )
    listing = sources.list_data(str(folder))
    assert classes(listing) == {
        "images/dog/a.jpg": "dog",
        "sounds/dog/a.wav": "wolf",
        "sounds/loose.wav": "cat",
        f"{tmp_path}/other/b.wav": "rain",
    }
    assert not listing.missing


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_as_any_program_writes_it(tmp_path, encoding, separator):
    touch(tmp_path, "a.mp4")
    table = tmp_path / "clips.CSV"
    table.write_bytes(CLIPS.format(label="café").replace(",", separator).encode(encoding))
    assert classes(sources.list_data(str(table))) == {"a.mp4": "café"}


def test_a_long_field_is_read_and_undecodable_bytes_are_named_by_line(tmp_path):
    touch(tmp_path, "a.mp4")
    table = tmp_path / "clips.csv"
    table.write_text(CLIPS.format(label="x" * 200_000))
    assert classes(sources.list_data(str(table))) == {"a.mp4": "x" * 200_000}
    table.write_bytes(CLIPS.format(label="dog").encode() + b"b.mp4,1,\x81\xff\n")
    with pytest.raises(UserError, match=r"clips.csv, line 3: neither UTF-8 nor Windows-1252; save"):
        sources.list_data(str(table))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_a_csv_of_excel_in_europe(tmp_path, line_end):
    touch(tmp_path, "a.mp4", "b_000002.MKV")
    table = tmp_path / "clips.csv"
    lines = ["sep=;", "path;start_seconds;label", "a.mp4;1,5;dog, cat", 'b;2;"a ""dog"""', ""]
    table.write_text(line_end.join(lines), newline="")
    listing = sources.list_data(str(table))
    assert classes(listing) == {"a.mp4": "dog, cat", "b_000002.MKV": 'a "dog"'}
    assert [source.start_seconds for source in listing.sources] == [1.5, None]


def test_a_quote_that_is_never_closed_swallows_no_rows(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    table = tmp_path / "clips.csv"
    table.write_text('path,start_seconds,label\na.mp4,1,"dog\nb.mp4,1,cat\nc.mp4,1,5" disc\n')
    with pytest.raises(UserError, match=r"clips.csv, line 4: .*; save it as CSV in UTF-8"):
        sources.list_data(str(table))


def test_a_zero_byte_in_a_name_is_a_file_that_is_not_there(tmp_path):
    touch(tmp_path, "a.mp4")
    table = tmp_path / "clips.csv"
    table.write_bytes(CLIPS.format(label="dog").encode() + b"b\0.mp4,1,dog\n")
    assert left_out(sources.list_data(str(table))) == {"b\0.mp4": "missing"}


@pytest.mark.parametrize("index", ["INDEX.CSV", "Index.csv"])
def test_the_folders_and_the_index_may_be_written_in_any_case(tmp_path, index):
    touch(tmp_path / "data", "Sounds/dog/a.wav", "IMAGES/dog/a.jpg")
    (tmp_path / "data" / index).write_text(
        "kind,class,path,recording_group\nsound,fox,Sounds/dog/a.wav,g\n"
    )
    listing = sources.list_data(str(tmp_path / "data"))
    assert classes(listing) == {"IMAGES/dog/a.jpg": "dog", "Sounds/dog/a.wav": "fox"}
    assert class_folder.is_class_folder(tmp_path / "data")
    assert set(class_folder.read_index(tmp_path / "data")) == {"Sounds/dog/a.wav"}


def test_an_index_finds_files_whose_names_have_another_unicode_form(folder):
    name = "sounds/dog/forêt.wav"
    touch(folder, unicodedata.normalize("NFD", name))
    (folder / "index.csv").write_text(f"kind,class,path,recording_group\nsound,fox,{name},\n")
    listing = sources.list_data(str(folder))
    assert classes(listing)[unicodedata.normalize("NFD", name)] == "fox"
    assert not listing.missing


def test_classes_that_differ_by_case_or_unicode_form_are_one(folder, caplog):
    accents = [unicodedata.normalize(form, "forêt") for form in ("NFC", "NFD")]
    touch(folder, f"sounds/{accents[0]}/a.wav", f"images/{accents[1]}/a.jpg", "sounds/Dog/b.wav")
    found = classes(sources.list_data(str(folder)))
    assert set(found.values()) == {"dog", accents[0]}
    assert "one class, 'dog': 'Dog', 'dog'" in caplog.text


def test_what_has_no_class_is_listed_and_documents_are_no_data(folder):
    touch(folder, "sounds/loose.wav", "film.mp4", "other/b.wav", "README.md", ".hidden/c.wav")
    touch(folder, "sounds/dog/notes.txt")
    listing = sources.list_data(str(folder))
    assert left_out(listing) == {
        "sounds/loose.wav": "no_class",
        "film.mp4": "no_class",
        "other/b.wav": "beside",
    }
    assert classes(listing)["sounds/dog/notes.txt"] == "dog"  # opened, and refused by its contents


def test_groups_are_recordings_or_whole_sources(folder):
    touch(folder, "sounds/dog/b.wav")
    index = "kind,class,path,recording_group,source\n"
    index += "sound,dog,sounds/dog/a.wav,g1,ESC\nsound,dog,sounds/dog/b.wav,g2,ESC\n"
    with pytest.raises(UserError, match="column `source`; add it"):
        sources.list_data(str(folder), split_by="source")
    index = index.replace("g2,ESC", "g2,FSD")
    (folder / "index.csv").write_text(index)
    for split_by, wanted in (("recording", ["g1", "g2"]), ("source", ["ESC", "FSD"])):
        listing = sources.list_data(str(folder), split_by=split_by)
        groups = {source.path: source.group for source in listing.sources}
        assert [groups[f"sounds/dog/{name}.wav"] for name in "ab"] == wanted
        assert groups["images/dog/a.jpg"] == "images/dog/a.jpg"


def test_one_source_cannot_be_split(folder):
    index = "kind,class,path,recording_group,source\nsound,dog,sounds/dog/a.wav,g1,ESC\n"
    (folder / "index.csv").write_text(index)
    with pytest.raises(UserError, match="all sounds are of the source 'ESC'; allowed: two or more"):
        sources.list_data(str(folder), split_by="source")


@pytest.mark.parametrize("kinds", [("Sound", "IMAGE"), ("sounds", "images"), ("", "")])
def test_an_index_may_name_kinds_in_any_way(folder, kinds):
    rows = [f"sounds/dog/a.wav,{kinds[0]},dog,tape,", f"images/dog/a.jpg,{kinds[1]},dog,tape,"]
    (folder / "index.csv").write_text("\n".join(["path,kind,class,recording_group,source", *rows]))
    listing = sources.list_data(str(folder))
    assert {source.belongs_to for source in listing.sources} == {"tape"}


def test_what_belongs_together_is_looked_at_together(tmp_path):
    folder, rows = tmp_path / "tapes", ["path,kind,class,recording_group,source"]
    for number in range(40):
        for kind, ending in (("sound", "wav"), ("image", "jpg")):
            name = f"{kind}s/dog/{number}.{ending}"
            touch(folder, name)
            rows.append(f"{name},{kind},dog,tape{number},")
    (folder / "index.csv").write_text("\n".join(rows))
    listing = sources.list_data(str(folder), max_items=10, seed=3)
    owners = {
        kind: {source.belongs_to for source in listing.sources if source.kind == kind}
        for kind in ("sound", "image")
    }
    assert owners["sound"] == owners["image"] and len(owners["sound"]) == 10


def test_an_unknown_kind_beside_the_folders_is_refused(folder):
    touch(folder, "more/b.wav")
    row = "more/b.wav,noise,dog,tape,"
    (folder / "index.csv").write_text(f"path,kind,class,recording_group,source\n{row}\n")
    with pytest.raises(UserError, match="more/b.wav is of kind 'noise'; allowed: sound or image"):
        sources.list_data(str(folder))


def test_what_a_table_says_twice_is_told(folder, tmp_path, caplog):
    rows = ["sounds/dog/a.wav,sound,dog,one,", "sounds/dog/a.wav,sound,dog,other,"]
    (folder / "index.csv").write_text("\n".join(["path,kind,class,recording_group,source", *rows]))
    sources.list_data(str(folder))
    assert "sounds/dog/a.wav stands there twice; the last counts" in caplog.text
    touch(tmp_path, "a.mp4")
    (tmp_path / "clips.csv").write_text(CLIPS.format(label="dog") + "a.mp4,1,cat\n")
    sources.list_data(str(tmp_path / "clips.csv"))
    assert "a.mp4 stands there twice at one time; the last counts" in caplog.text


@pytest.mark.parametrize("name", ["https://example.org/a.mp4", "file:///a.mp4", "nowhere://a.mp4"])
def test_a_url_that_cannot_be_read_is_a_missing_file(tmp_path, name):
    touch(tmp_path, "a.mp4")
    (tmp_path / "clips.csv").write_text(CLIPS.format(label="dog") + f"{name},1,cat\n")
    listing = sources.list_data(str(tmp_path / "clips.csv"))
    assert left_out(listing) == {name: "missing"}


@pytest.mark.parametrize(
    "name", ["./sounds/dog/ä.wav", "sounds\\dog\\ä.wav", "{root}/sounds/dog/ä.wav"]
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_evaluation_finds_the_rows_that_a_listing_does(folder, name, form):
    path = unicodedata.normalize(form, "sounds/dog/ä.wav")
    touch(folder, path)
    row = f"{name.format(root=folder)},sound,dog,tape,an archive"
    (folder / "index.csv").write_text(f"path,kind,class,recording_group,source\n{row}\n")
    groups = {source.path: source.group for source in sources.list_data(str(folder)).sources}
    assert groups[path] == "tape"
    assert class_folder.read_index(folder)[path]["source"] == "an archive"
