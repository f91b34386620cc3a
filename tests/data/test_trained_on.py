import dataclasses
import json

import pytest

from s2i_tf import files
from s2i_tf.data import dataset_info, pipeline, trained_on
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError


@pytest.fixture
def with_files(make_dataset, tmp_path):
    """A data set whose sounds and photos lie in its source folder."""
    folder = make_dataset(tmp_path / "data")
    for split, num in (("train", 12), ("eval", 6)):
        for index in range(num):
            for name in (f"sounds/{split}{index}.wav", f"images/{split}{index}.png"):
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_text(f"contents of {name}")
    return folder


def digest(folder, name):
    return files.content_digest(folder / name)


def test_everything_of_the_training_split_is_known_and_nothing_of_the_other(with_files):
    known = TrainedOn.of_split(with_files)
    assert (known.num_sounds, known.num_images) == (12, 12)
    for split, expected in (("train", True), ("eval", False)):
        for modality, name in (("sound", "sounds/{}.wav"), ("image", "images/{}.png")):
            item_id = name.format(f"{split}3")
            content = digest(with_files, item_id)
            group = f"{split}3" if modality == "sound" else item_id
            assert known.knows(modality, item_id, {group}, content) == expected


def test_a_copy_is_known_under_any_name(with_files):
    known = TrainedOn.of_split(with_files)
    content = digest(with_files, "images/train3.png")
    assert known.knows("image", "photos/other.jpg", {"photos/other.jpg"}, content)


def test_another_clip_of_a_known_recording_is_known(with_files):
    known = TrainedOn.of_split(with_files)
    assert known.knows("sound", "sounds/another_clip.wav", {"train3"}, "0" * 16)
    assert not known.knows("sound", "sounds/another_clip.wav", {"elsewhere"}, "0" * 16)


def test_recordings_that_share_a_file_are_each_known(with_files):
    """They are one group, which has the first one's name."""
    (with_files / "index.csv").write_text(
        "kind,class,path,recording_group\nsound,x,sounds/train3.wav,tape\nsound,x,new.wav,tape"
    )
    known = TrainedOn.of_split(with_files)
    for name in ("tape", "train3"):
        assert known.knows("sound", "sounds/another_clip.wav", {name}, "0" * 16)
    info = dataset_info.load(with_files)
    assert trained_on.recordings(info, ["new.wav"], ["zz"]) == [{"tape", "zz"}]


def test_both_of_two_trainings_are_known():
    one = TrainedOn(paths=frozenset("abcd"), num_sounds=3, num_images=1)
    other = TrainedOn(paths=frozenset("cdefgh"), num_sounds=6, unread=frozenset("g"))
    both = one | other
    assert both.paths == frozenset("abcdefgh") and both.unread == frozenset("g")
    assert (both.num_sounds, both.num_images) == (7, 1)
    assert both | other == both


def test_without_its_index_a_split_by_source_warns(with_files, caplog):
    info = dataset_info.load(with_files)
    dataclasses.replace(info, settings={**info.settings, "split_by": "source"}).save(with_files)
    TrainedOn.of_split(with_files)
    assert "no index.csv there, so other clips of these recordings pass for new" in caplog.text


def test_a_recording_is_known_where_whole_sources_were_split(with_files):
    rows = [f"sound,x,sounds/train{index}.wav,tape{index},archive" for index in range(12)]
    index = "\n".join(["kind,class,path,recording_group,source", *rows])
    (with_files / "index.csv").write_text(index)
    info = dataset_info.load(with_files)
    by_source = dataclasses.replace(info, settings={**info.settings, "split_by": "source"})
    by_source.save(with_files)
    ids = pipeline.load_split(with_files, "train", with_image=False)["sound_id"]
    known = TrainedOn.of_split(with_files)
    for name in sorted(ids):
        recording = f"tape{name.removeprefix('sounds/train').removesuffix('.wav')}"
        assert known.knows("sound", "sounds/another_clip.wav", {recording}, "0" * 16)
    assert not known.knows("sound", "sounds/another_clip.wav", {"train3"}, "0" * 16)


def test_a_file_of_the_same_plain_name_is_another_one(with_files):
    """Where both contents are at hand they decide, since names such as 0001.png say little."""
    known = TrainedOn.of_split(with_files)
    name = "images/train3.png"
    assert not known.knows("image", name, {name}, "0" * 16)
    assert known.knows("image", name, {name}, None), "its contents are not at hand"


def test_a_file_that_is_gone_takes_no_other_s_contents_with_it(with_files, caplog):
    (with_files / "images/train5.png").unlink()
    known = TrainedOn.of_split(with_files)
    assert "1 of the files that were trained on are not there" in caplog.text
    copy = digest(with_files, "images/train3.png")
    assert known.knows("image", "photos/other.jpg", {"photos/other.jpg"}, copy)
    # What is gone is known by its path, of what is there a path says nothing.
    for name, expected in (("images/train5.png", True), ("images/train3.png", False)):
        assert known.knows("image", name, {name}, "0" * 16) == expected
    assert TrainedOn.from_dict(known.as_dict(), "here") == known


def test_without_the_source_folder_paths_decide(tiny_dataset):
    known = TrainedOn.of_split(tiny_dataset)
    assert not known.contents
    assert known.knows("image", "images/train0.png", {"images/train0.png"}, "0" * 16)
    assert not known.knows("sound", "images/train0.png", {"images/train0.png"}, "0" * 16)


def test_a_moment_of_a_known_video_is_known_by_the_file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"video")
    found = trained_on.content_digests(str(tmp_path), ["a.mp4#t=1.00", "a.mp4#t=9.00", "b.mp4"])
    assert found["a.mp4#t=1.00"] == found["a.mp4#t=9.00"] == digest(tmp_path, "a.mp4")
    assert found["b.mp4"] is None


def test_it_is_written_as_hashes_and_read_back(with_files):
    known = TrainedOn.of_split(with_files)
    text = json.dumps(known.as_dict())
    assert "train3" not in text and digest(with_files, "images/train3.png") not in text
    assert TrainedOn.from_dict(json.loads(text), "here") == known


@pytest.mark.parametrize(
    ("change", "message"),
    [({"version": 9}, "version and salt"), ({"paths": None}, "not what a model was trained on")],
)
def test_a_damaged_one_is_refused(with_files, change, message):
    values = TrainedOn.of_split(with_files).as_dict() | change
    with pytest.raises(UserError, match=f"model: {message}"):
        TrainedOn.from_dict(values, "model")


def test_the_digest_of_a_large_file_sees_its_ends_and_size(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_WHOLE_BYTES", 8)
    monkeypatch.setattr(files, "_END_BYTES", 4)
    digests = set()
    for contents in (b"head middle tail", b"HEAD middle tail", b"head middle TAIL", b"head tail"):
        (tmp_path / "file").write_bytes(contents)
        digests.add(files.content_digest(tmp_path / "file"))
    assert len(digests) == 4
