"""The whole chain on a folder by class: what it writes, what a rerun does, what it refuses."""

import errno
import hashlib
import json
import pathlib

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.errors import UserError
from s2i_tf.media import image
from tests.tfrecords_tools.conftest import FAKE_LABELS, FakeSoundNet
from tfrecords_tools import finish, planning, verify
from tfrecords_tools.job import prepare
from tfrecords_tools.stages import probe


def shards(out: str) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(pathlib.Path(out).glob("*.tfrecord-*"))
        if not path.name.endswith(".json")
    }


def both_splits(out: str) -> dict[str, np.ndarray]:
    splits = [pipeline.load_split(out, split) for split in ("train", "eval")]
    return {key: np.concatenate([split[key] for split in splits]) for key in splits[0]}


def test_every_sound_and_photo_is_used_and_none_crosses_the_split(settings, class_folder):
    summary = prepare(settings)

    assert summary.num_pairs == {"train": 15, "eval": 3}
    assert summary.num_quarantined == 0
    train, held_out = (pipeline.load_split(settings.out, split) for split in ("train", "eval"))
    for key in ("group", "sound_id", "image_id"):
        assert not set(train[key]) & set(held_out[key])
    for kind, key in (("sounds", "sound_id"), ("images", "image_id")):
        files = {str(p.relative_to(class_folder)) for p in (class_folder / kind).rglob("*.*")}
        assert files == set(train[key]) | set(held_out[key])


def test_records_hold_what_the_nets_say_of_their_own_sound_and_photo(settings, class_folder):
    from s2i_tf import features
    from s2i_tf.media import audio, image

    prepare(settings)
    records = both_splits(settings.out)
    info = dataset_info.load(settings.out)

    assert info.class_names == ("bell", "drum", "horn")
    assert info.source == str(class_folder)
    sound_net, image_net = (features.load_extractor(f"fake_{kind}") for kind in ("sound", "image"))
    for row, sound_id in enumerate(records["sound_id"]):
        waveform = audio.load_waveform(class_folder / sound_id)
        expected = sound_net(sound_net.prepare(waveform)[None])[0]
        np.testing.assert_allclose(records["sound_features"][row], expected, rtol=1e-3, atol=1e-3)
        picture = image.load_image(class_folder / records["image_id"][row])
        expected = image_net(image_net.prepare(picture)[None])[0]
        np.testing.assert_allclose(records["image_features"][row], expected, rtol=1e-3)
        difference = records["image"][row].astype(int) - image.square(picture, 128)
        assert np.abs(difference).mean() < 4  # JPEG
        name = info.class_names[records["label"][row]]
        assert f"/{name}/" in sound_id and f"/{name}/" in records["image_id"][row]


def test_same_bytes_again_and_nothing_done_twice(settings, prepared, monkeypatch):
    first = shards(settings.out)
    monkeypatch.setattr("tfrecords_tools.engine.runner.run", None)  # a rerun starts no pipeline
    prepare(settings)
    assert shards(settings.out) == first
    monkeypatch.undo()


def test_number_of_workers_changes_no_byte(settings, class_folder, replaced, monkeypatch):
    monkeypatch.setattr("tfrecords_tools.engine.parts.ROWS_PER_PART", 5)
    prepare(settings)
    two = replaced(out=f"{settings.out}2", num_workers=2)
    prepare(two)
    assert shards(two.out) == shards(settings.out)


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        ("flip", "extract/round0/*.bin"),
        ("remove", "probe/*.jsonl"),
        ("empty", "../data-eval*00001"),
        ("flip", "pair/*.manifest.json"),
    ],
)
def test_damaged_parts_are_done_again(settings, prepared, where, damage):
    first = shards(settings.out)
    path = next((prepared / "work").glob(where))
    if damage == "remove":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        contents = bytearray(path.read_bytes())
        contents[len(contents) // 2] ^= 1
        path.write_bytes(contents)

    prepare(settings)

    assert shards(settings.out) == first


def test_other_settings_leave_no_old_shards(settings, prepared, replaced):
    assert {name.split("-of-")[1] for name in shards(settings.out) if "train" in name} == {"00004"}
    prepare(replaced(num_shards=3))
    assert {name.split("-of-")[1] for name in shards(settings.out) if "train" in name} == {"00003"}
    assert dataset_info.load(settings.out).num_records("train") == 15


def test_a_changed_file_is_read_again(settings, class_folder, prepared, make_image):
    before = both_splits(settings.out)
    make_image(class_folder / "images/bell/0.png", 250)
    prepare(settings)
    after = both_splits(settings.out)
    changed = after["image_id"] == "images/bell/0.png"
    assert after["image_features"][changed].min() > 230
    assert before["image_features"][before["image_id"] == "images/bell/0.png"].max() < 60


def test_unusable_files_are_listed_and_the_rest_is_written(settings, class_folder, make_sound):
    (class_folder / "sounds/bell/text.mp3").write_text("not a sound at all")
    (class_folder / "images/drum/cut.png").write_bytes(
        (class_folder / "images/drum/0.png").read_bytes()[:60]
    )
    (class_folder / "images/drum/void.jpg").touch()

    summary = prepare(settings)

    lines = (pathlib.Path(settings.out) / "quarantine.jsonl").read_text().splitlines()
    reasons = {row["path"]: row["reason"] for row in map(json.loads, lines)}
    assert reasons == {
        "sounds/bell/text.mp3": "not_media",
        "images/drum/cut.png": "truncated",
        "images/drum/void.jpg": "empty",
    }
    assert summary.num_quarantined == 3
    assert "3 files could not be used" in summary.last_line()
    assert summary.num_pairs == {"train": 15, "eval": 3}


@pytest.mark.parametrize("stage", ["probe", "extract"])
def test_a_file_that_could_not_be_read_for_once_is_tried_again(
    settings, class_folder, monkeypatch, stage
):
    def out_of_reach(path, *args, **kwargs):
        if str(path).endswith("bell/0.png"):
            raise OSError(errno.EIO, "Input/output error")
        return original(path, *args, **kwargs)

    place, name = {"probe": (probe, "content_digest"), "extract": (image, "load_image")}[stage]
    original = getattr(place, name)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, out_of_reach)
        summary = prepare(settings)
    assert summary.num_quarantined == 1
    row = json.loads((pathlib.Path(settings.out) / "quarantine.jsonl").read_text())
    assert (row["path"], row["reason"]) == ("images/bell/0.png", "unreadable")
    assert prepare(settings).num_quarantined == 0
    assert "images/bell/0.png" in set(both_splits(settings.out)["image_id"])


def test_equal_files_stay_on_one_side(settings, class_folder, replaced):
    for name in ("bell", "drum", "horn"):
        for index in range(4):
            original = class_folder / f"images/{name}/{index}.png"
            (class_folder / f"images/{name}/copy{index}.png").write_bytes(original.read_bytes())
    for seed in range(2):
        prepare(replaced(seed=seed))
        train, held_out = (pipeline.load_split(settings.out, split) for split in ("train", "eval"))
        stems = [
            {id.replace("copy", "") for id in split["image_id"]} for split in (train, held_out)
        ]
        assert not stems[0] & stems[1]


def test_foreign_folder_is_left_alone(settings, class_folder):
    out = pathlib.Path(settings.out)
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        prepare(settings)
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]


def test_a_folder_within_the_data_is_refused(settings, class_folder, replaced):
    with pytest.raises(UserError, match="lies in --data=.*choose a folder beside it"):
        prepare(replaced(out=f"{settings.data}/prepared"))


def test_a_run_that_fails_leaves_the_settings_of_the_data_set_there(
    settings, class_folder, replaced, monkeypatch
):
    from tfrecords_tools import job, outputs

    def fail(self):
        raise UserError("nothing is left")

    outputs.claim(settings)
    marker = pathlib.Path(settings.out) / outputs.SETTINGS_FILE
    before = marker.read_text()
    monkeypatch.setattr(job.Job, "run", fail)
    with pytest.raises(UserError, match="nothing is left"):
        prepare(replaced(seed=99))
    assert marker.read_text() == before


def test_second_run_in_the_same_folder_is_refused(settings, class_folder, replaced):
    from tfrecords_tools import outputs

    outputs.claim(settings)
    marker = pathlib.Path(settings.out) / outputs.SETTINGS_FILE
    before = marker.read_text()
    with outputs.exclusive(settings.out), pytest.raises(UserError, match="another run"):
        prepare(replaced(seed=99))
    assert marker.read_text() == before


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"rule": "nonsense"}, "unknown --rule 'nonsense'; known: first_equal, "),
        ({"sound_extractor": "x"}, "unknown --sound_extractor 'x'"),
        ({"label_image": "x"}, "unknown --label_image 'x'"),
        (
            {"label_image": "soundnet"},
            "'soundnet'; known: efficientnet_lite0, .*hub:",
        ),
        ({"sound_extractor": "vgg16_fc6"}, "'vgg16_fc6'; known: .*soundnet_pool5, yamnet_bands$"),
        ({"image_extractor": "yamnet_bands"}, "unknown --image_extractor 'yamnet_bands'"),
        ({"sound_extractor": "hub:x"}, "unknown --sound_extractor 'hub:x'"),
        ({"top_k": 11}, "--top_k=11; allowed: 1 to 10"),
        ({"num_per_class": 9}, "--num_per_class has no effect without --data=foley. Leave it out"),
        ({"windows_per_video": 2}, "--windows_per_video has no effect on a folder by class"),
        ({"window_seconds": 5.0}, "--window_seconds has no effect on a folder by class"),
        ({"window_seconds": 5.0, "data": "foley"}, "--window_seconds has no effect on a folder by"),
        ({"top_k": 5}, "--top_k has no effect while the agreement filter is off"),
        ({"rule": "first_equal", "refine": "off"}, "--rule has no effect while the agreement"),
        ({"rule": "first_equal", "data": "foley"}, "--rule has no effect while the agreement"),
        ({"label_sound": "yamnet"}, "--label_sound has no effect while the agreement"),
        ({"runner": "DaskRunner"}, "--num_workers has no effect beside another --runner"),
    ],
)
def test_names_that_nothing_has_and_flags_without_effect_are_refused_at_once(
    replaced, class_folder, setting, message
):
    for call in (prepare, planning.plan):
        with pytest.raises(UserError, match=message):
            call(replaced(**setting))
    assert not pathlib.Path(replaced().out).exists()


def test_shards_that_are_written_anew_have_no_description_of_the_old_ones(
    prepared, replaced, monkeypatch
):
    described = prepared / dataset_info.FILE_NAME
    assert described.exists()
    monkeypatch.setattr(finish, "finish", None)  # as if it had been killed before its end
    with pytest.raises(TypeError):
        prepare(replaced(feature_dtype="float32"))
    assert not described.exists()


def test_stages_alone_choose_anew_after_a_file_that_cannot_be_read(
    settings, class_folder, replaced
):
    path = class_folder / "sounds/bell/5.wav"
    path.write_bytes(path.read_bytes()[:44])  # a header that promises a sound
    together, alone = replaced(out=f"{settings.out}2"), settings
    prepare(together)
    for stage in ("probe", "split", "pair", "balance", "extract"):
        assert prepare(alone, only=stage) is None
    prepare(alone, only="write")
    assert shards(alone.out) == shards(together.out)


def test_stages_run_alone_in_their_order(settings, class_folder, replaced):
    with pytest.raises(UserError, match="tfrecords_tools probe first"):
        prepare(settings, only="extract")
    for stage in ("probe", "split", "pair", "balance", "extract"):
        assert prepare(settings, only=stage) is None
    prepare(settings, only="write")
    alone = shards(settings.out)
    together = replaced(out=f"{settings.out}2")
    prepare(together)
    assert alone == shards(together.out)


def test_balanced_classes_stay_balanced_when_files_cannot_be_read(settings, class_folder, replaced):
    for name in ("bell", "drum"):  # headers that promise a sound
        path = class_folder / f"sounds/{name}/5.wav"
        path.write_bytes(path.read_bytes()[:44])
    prepare(replaced(num_classes=2, instances_per_class=4))
    info = dataset_info.load(settings.out)
    records = both_splits(settings.out)
    assert len(info.class_names) == 2
    assert np.bincount(records["label"]).tolist() == [4, 4]


def test_too_small_data_says_what_is_missing(settings, make_sound, make_image):
    root = pathlib.Path(settings.data)
    make_sound(root / "sounds/bell/0.wav", 200)
    make_image(root / "images/bell/0.png", 30)
    with pytest.raises(UserError, match="no pair is left for (train|eval)"):
        prepare(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, "no pair is left for train"), ({"instances_per_class": 2}, "0 classes have 2 pairs")],
)
def test_where_too_little_is_left_the_reasons_are_told(
    settings, make_sound, make_image, replaced, changes, message
):
    root = pathlib.Path(settings.data)
    make_sound(root / "sounds/bell/0.wav", 200)
    (root / "sounds/bell/1.wav").write_bytes(b"words")
    (root / "sounds/bell/2.wav").symlink_to("nowhere")
    make_image(root / "images/drum/0.png", 30)
    with pytest.raises(UserError) as caught:
        prepare(replaced(**changes))
    counts = "1 missing, 1 not_media, 2 unpaired"
    found = pathlib.Path(settings.out) / "quarantine.jsonl"
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith(f"; 4 files could not be used ({counts}), see {found}")
    rows = map(json.loads, found.read_text().splitlines())
    assert {row["path"]: row["reason"] for row in rows} == {
        "images/drum/0.png": "unpaired",
        "sounds/bell/0.wav": "unpaired",
        "sounds/bell/1.wav": "not_media",
        "sounds/bell/2.wav": "missing",
    }


def test_refining_a_class_folder_keeps_agreeing_pairs_only(settings, class_folder, replaced):
    prepare(replaced(refine="on", top_k=1, **FAKE_LABELS))
    verdicts = [
        json.loads(line)
        for path in (pathlib.Path(settings.out) / "work/refine").glob("*[0-9].jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(verdicts) == 18
    assert all(row["reason"] == "agree" for row in verdicts)  # built so


def test_refines_where_the_data_has_no_classes(settings, class_folder, replaced):
    listing = planning.list_data(settings, settings.data)
    assert not planning.refines(settings, listing)
    assert planning.refines(replaced(refine="on"), listing)


def test_views_are_copies_of_training_sounds_alone(prepared, replaced):
    plain = pipeline.load_split(prepared, "train")
    settings = replaced()
    prepare(replaced(views=2, out=f"{settings.out}2"))
    train, held_out = (pipeline.load_split(f"{settings.out}2", side) for side in spec.SPLITS)
    ids = list(train["sound_id"])
    assert len(ids) == 3 * len(plain["id"]) == len(set(train["id"]))
    assert not [name for name in held_out["sound_id"] if "#view=" in name]
    for name in plain["sound_id"]:
        rows = [ids.index(name), ids.index(f"{name}#view=1"), ids.index(f"{name}#view=2")]
        assert len({train["group"][row] for row in rows}) == 1
        features = train["sound_features"][rows]
        assert (np.abs(features[1:] - features[0]).max(axis=1) > 1).all()
        assert np.abs(features[1] - features[2]).max() > 1
    again = replaced(views=2, out=f"{settings.out}3")
    prepare(again)
    assert shards(again.out) == shards(f"{settings.out}2")
    assert verify.verify(again.out) == []


def test_pictures_have_the_size_that_was_asked_for(settings, class_folder, replaced):
    prepare(replaced(image_side=64))
    assert dataset_info.load(settings.out).image_side == 64
    assert pipeline.load_split(settings.out, "train")["image"].shape[1:] == (64, 64, 3)


def test_what_no_pair_can_use_is_listed_with_its_reason(settings, class_folder, make_sound):
    make_sound(class_folder / "sounds/alone/0.wav", 300, seed=70)
    make_sound(class_folder / "sounds/loose.wav", 300, seed=71)
    (class_folder / "images/drum").rename(class_folder / "images/Drum")
    summary = prepare(settings)
    assert summary.num_classes == 3
    assert summary.reasons == {"unpaired": 1, "no_class": 1}
    assert "2 files could not be used (1 no_class, 1 unpaired), see" in summary.last_line()
    lines = (pathlib.Path(settings.out) / "quarantine.jsonl").read_text().splitlines()
    messages = {row["path"]: row["message"] for row in map(json.loads, lines)}
    assert messages["sounds/alone/0.wav"] == "its class, 'alone', has no photo that can be used"


def test_features_of_another_size_are_refused(settings, class_folder, monkeypatch):
    def longer(net, batch):
        return np.zeros((len(batch), spec.FEATURE_SIZE + 904), np.float32)

    monkeypatch.setattr(FakeSoundNet, "__call__", longer)
    with pytest.raises(UserError, match=r"'fake_sound' gives features of \(5000,\); allowed: \(40"):
        prepare(settings)
