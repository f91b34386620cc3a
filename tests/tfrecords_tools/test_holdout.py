"""A validation part never shares a recording or photo with what is trained or evaluated on."""

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.errors import UserError
from tfrecords_tools import holdout, verify
from tfrecords_tools.engine.rows import Pair
from tfrecords_tools.holdout import _photo_groups, _sound_groups, hold_out

KEYS = ("group", "sound_id", "image_id")


@pytest.fixture(scope="module")
def many(make_dataset, tmp_path_factory):
    """Three classes of 8 training and 2 evaluation pairs, no sound or photo in two of them."""
    return make_dataset(tmp_path_factory.mktemp("data") / "many", num_train=24, num_eval=6)


@pytest.fixture(scope="module")
def held_out(many, tmp_path_factory):
    out = tmp_path_factory.mktemp("data") / "held_out"
    hold_out(str(many), str(out), 0.25)
    return out


def sides(folder):
    return {split: pipeline.load_split(folder, split) for split in spec.SPLITS}


def test_nothing_stands_on_both_sides_and_the_folder_is_well(held_out):
    assert verify.verify(str(held_out)) == []
    found = sides(held_out)
    for key in KEYS:
        assert not set(found["train"][key]) & set(found["eval"][key])


def test_it_holds_the_training_split_whole_and_nothing_of_the_eval_split(many, held_out):
    train = pipeline.load_split(many, "train")
    found = sides(held_out)
    for key in KEYS:
        assert set(train[key]) == set(found["train"][key]) | set(found["eval"][key])


def test_every_class_keeps_the_share(held_out):
    found = sides(held_out)
    assert np.bincount(found["train"]["label"]).tolist() == [6, 6, 6]
    assert np.bincount(found["eval"]["label"]).tolist() == [2, 2, 2]


def test_sounds_and_photos_keep_what_belongs_to_them(many, held_out):
    train = pipeline.load_split(many, "train")
    for split in sides(held_out).values():
        for kind, keys in (
            ("sound_id", ("sound_features", "group", "label")),
            ("image_id", ("image_features", "image", "label")),
        ):
            rows = [list(train[kind]).index(item_id) for item_id in split[kind]]
            for key in keys:
                np.testing.assert_array_equal(split[key], train[key][rows])


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(many, held_out, tmp_path):
    hold_out(str(many), str(tmp_path / "again"), 0.25)
    hold_out(str(many), str(tmp_path / "other"), 0.25, seed=1)
    description = dataset_info.FILE_NAME
    same = (held_out / description).read_bytes()
    assert (tmp_path / "again" / description).read_bytes() == same
    assert dataset_info.load(tmp_path / "other").splits != dataset_info.load(held_out).splits


def test_pairs_that_belong_together_are_kept_on_request(many, tmp_path):
    hold_out(str(many), str(tmp_path / "kept"), 0.25, keep_pairs=True)
    train = pipeline.load_split(many, "train")
    found = sides(tmp_path / "kept")
    pairs = [set(zip(s["id"], s["sound_id"], s["image_id"], strict=True)) for s in found.values()]
    assert pairs[0] | pairs[1] == set(zip(*(train[key] for key in ("id", *KEYS[1:])), strict=True))
    assert not pairs[0] & pairs[1]


def test_frames_of_a_recording_and_copies_of_a_photo_stay_together():
    def pair(sound, image, group):
        return Pair(f"{sound}|{image}", sound, image, group)

    pairs = [
        pair("a.mp4#t=0", "a.mp4#t=3", "trip"),
        pair("b.mp4#t=0", "b.mp4#t=3", "trip"),
        pair("c.mp4#t=0", "c.mp4#t=3", "other"),
        pair("rain.wav", "wet.jpg", "storm"),
        pair("hail.wav", "wet_copy.jpg", "hail"),
        pair("drip.wav", "still_of_a.jpg", "drip"),
    ]
    contents = dict(zip((one.image_id for one in pairs), "123441", strict=True))
    of = _photo_groups(contents, pairs)
    assert of["a.mp4#t=3"] == of["b.mp4#t=3"] == of["still_of_a.jpg"]
    assert of["wet.jpg"] == of["wet_copy.jpg"] == "4"
    assert len(set(of.values())) == 3


def test_copies_of_a_sound_stay_together_and_others_keep_their_recording():
    pairs = [Pair(f"{name}|p", name, "p", f"of {name}") for name in ("a", "b", "c", "d")]
    of = _sound_groups({"a": "1", "b": "2", "c": "1", "d": "3"}, pairs)
    assert of == {"a": "of a", "b": "of b", "c": "of a", "d": "of d"}


def test_what_is_in_no_pair_is_told(make_dataset, tmp_path, monkeypatch, caplog):
    data = make_dataset(tmp_path / "data", num_train=4, num_classes=2)
    divided = holdout._divided

    def without_a_photo(source, modality, *rest):
        items = divided(source, modality, *rest)
        return items[1:] if modality == "image" else items

    monkeypatch.setattr(holdout, "_divided", without_a_photo)
    hold_out(str(data), str(tmp_path / "out"), 0.5)
    assert "left out: 1 sounds and photos, such as sounds/" in caplog.text
    assert "no photo of its class is on its side of the split" in caplog.text


def test_a_prepared_folder_by_class_can_be_split_but_its_pairs_not_be_kept(prepared, tmp_path):
    """Six sounds share four photos, so that no split by recording leaves every photo whole."""
    hold_out(str(prepared), str(tmp_path / "val"), 0.3)
    assert verify.verify(str(tmp_path / "val")) == []
    with pytest.raises(UserError, match="would stand on both sides"):
        hold_out(str(prepared), str(tmp_path / "kept"), 0.5, keep_pairs=True)
    assert not (tmp_path / "kept").exists()


def test_what_came_to_the_new_folder_meanwhile_stays(many, tmp_path, monkeypatch):
    read = holdout._read

    def slowly(*arguments):
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "thesis.txt").touch()
        return read(*arguments)

    monkeypatch.setattr(holdout, "_read", slowly)
    with pytest.raises(UserError, match="another process was quicker"):
        hold_out(str(many), str(tmp_path / "new"), 0.25)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["thesis.txt"]


def test_a_wrong_share_or_an_existing_folder_is_refused(many, tmp_path):
    with pytest.raises(UserError, match="share is 1.0; allowed: between 0 and 1"):
        hold_out(str(many), str(tmp_path / "new"), 1.0)
    with pytest.raises(UserError, match="exists; choose a new folder"):
        hold_out(str(many), str(tmp_path))
