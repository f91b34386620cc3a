"""Videos and clips of videos: windows, agreement filter, balance, report."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest

from benchmarks import videos
from s2i_tf import spec
from s2i_tf.data import dataset_info, pipeline, source_sounds
from s2i_tf.errors import UserError
from tests.tfrecords_tools.conftest import FAKE_LABELS
from tfrecords_tools.job import prepare
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages import sources

DEFAULT_LABELS = {name: getattr(Settings, name) for name in FAKE_LABELS}
HERTZ = {"low": 200, "middle": 800, "high": 3200}
BRIGHTNESS = {"low": 40, "middle": 127, "high": 215}


def write(path: pathlib.Path, sound: str, picture: str, seconds: float = 2.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * spec.SAMPLE_RATE_HZ)) / spec.SAMPLE_RATE_HZ
    waveform = 100 * np.sin(2 * np.pi * HERTZ[sound] * time) + rng.normal(0, 0.1, len(time))
    pixels = np.full((64, 96, 3), BRIGHTNESS[picture] + seed % 7, np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    videos.write_video(path, waveform.astype(np.float32), [pixels])


def write_videos(root: pathlib.Path):
    """Twelve videos whose sound and picture agree, four of each label, and three that don't."""
    for label in HERTZ:
        for index in range(4):
            ending = videos.CONTAINERS[index]
            write(root / f"{label} {index}.{ending}", label, label, seed=index)
    for index, (sound, picture) in enumerate((("low", "high"), ("high", "low"), ("low", "middle"))):
        write(root / "deeper" / f"mismatch{index}.mp4", sound, picture, seed=index)


@pytest.fixture(scope="module")
def videos_once(prepare_once):
    """The videos, and what was prepared of them with `top_k=1`, which tests leave as they are."""
    return prepare_once(write_videos, top_k=1, **FAKE_LABELS)[0]


@pytest.fixture
def settings(settings):
    """With labels, for the agreement filter is on for videos."""
    return dataclasses.replace(settings, **FAKE_LABELS)


@pytest.fixture
def video_folder(settings, videos_once):
    """A copy of the videos."""
    return pathlib.Path(shutil.copytree(videos_once / "data", settings.data))


@pytest.fixture
def prepared_videos(settings, video_folder, videos_once):
    """A copy of the folder that was prepared of them."""
    return pathlib.Path(shutil.copytree(videos_once / "out", settings.out))


def labels_of(out: pathlib.Path | str) -> dict[str, str]:
    names = dataset_info.load(out).class_names
    return {
        sound_id: names[label]
        for split in spec.SPLITS
        for records in [pipeline.load_split(out, split)]
        for sound_id, label in zip(records["sound_id"], records["label"], strict=True)
    }


def test_only_agreeing_videos_are_kept_and_named_by_their_label(videos_once):
    out = videos_once / "out"
    found = labels_of(out)
    assert len(found) == 12
    assert all(sound_id.startswith(label) for sound_id, label in found.items())

    report = json.loads((out / "refine.json").read_text())
    assert (report["num_pairs"], report["num_kept"]) == (15, 12)
    assert report["reasons"] == {"agree": 12, "labels_disagree": 3}
    assert report["kept_by_class"] == {"high": 4, "low": 4, "middle": 4}
    assert report["dropped_by_class"] == {"high": 1, "low": 1, "middle": 1}
    assert {"sound": "low", "image": "high", "num_pairs": 1} in report["confusions"]
    assert {row["id"].split("#")[0] for row in report["samples"]["dropped"]} == {
        f"deeper/mismatch{index}.mp4" for index in range(3)
    }
    page = (out / "refine.html").read_text()
    assert page.count("<audio") == page.count("<img") == 15
    assert "http" not in page


def test_the_filter_alone_leaves_its_report(settings, video_folder):
    for stage in ("probe", "label", "pair", "refine"):
        assert prepare(settings, only=stage) is None
    assert (pathlib.Path(settings.out) / "refine.html").stat().st_size > 1000


def test_larger_k_keeps_more_and_runs_no_net_again(prepared_videos, replaced, monkeypatch):
    from tfrecords_tools.stages import label

    monkeypatch.setattr(label.Label, "run", None)
    prepare(replaced(top_k=3))
    assert len(labels_of(prepared_videos)) == 15


def test_sides_and_balance_go_by_video(settings, prepared_videos, replaced):
    prepare(replaced(top_k=1, num_classes=2, instances_per_class=3, train_share=0.6))
    info = dataset_info.load(settings.out)
    assert info.num_classes == 2
    assert {split: info.num_records(split) for split in info.splits} == {"train": 4, "eval": 2}
    sides = [set(pipeline.load_split(settings.out, split)["group"]) for split in spec.SPLITS]
    assert not sides[0] & sides[1]


def test_windows_spread_over_a_video_with_the_frame_of_their_middle(settings, replaced):
    root = pathlib.Path(settings.data)
    root.mkdir()
    for index in range(2):
        time = np.arange(8 * spec.SAMPLE_RATE_HZ) / spec.SAMPLE_RATE_HZ
        waveform = 50 * np.sin(2 * np.pi * np.where(time < 4, 300, 3000) * time)
        waveform += np.random.default_rng(index).normal(0, 0.1, len(time))
        halves = [np.full((64, 64, 3), value, np.uint8) for value in (30, 220)]
        videos.write_video(root / f"{index}.mkv", waveform.astype(np.float32), halves)

    prepare(
        replaced(
            windows_per_video=2,
            window_seconds=3.0,
            name="v",
            num_shards=1,
            refine="off",
            **DEFAULT_LABELS,
        )
    )

    for split in spec.SPLITS:
        records = pipeline.load_split(settings.out, split)
        order = np.argsort(records["sound_id"])
        assert [name.split("#")[1] for name in records["sound_id"][order]] == ["t=0.50", "t=4.50"]
        dark, bright = records["image_features"][order].mean(axis=1)
        assert dark < 40 and bright > 200
        low, high = records["sound_features"][order].argmax(axis=1)
        assert low < high


def test_clips_of_a_csv_with_missing_files(settings, video_folder, replaced):
    table = video_folder / "clips.csv"
    lines = ["path,start_seconds,label"]
    lines += [
        f"{name} {index}.{videos.CONTAINERS[index]},0.5,{name}"
        for name in HERTZ
        for index in range(4)
    ]
    lines += ["gone.mp4,0,low", "low 0.mp4,1.99,low", "low 1.mov,0.5,low"]
    table.write_text("\n".join(lines))

    summary = prepare(replaced(data=str(table), **DEFAULT_LABELS))

    assert sum(summary.num_pairs.values()) == 12
    found = labels_of(settings.out)
    assert all(sound_id.startswith(label) for sound_id, label in found.items())
    assert all(sound_id.endswith("#t=0.50") for sound_id in found)
    quarantine = (pathlib.Path(settings.out) / "quarantine.jsonl").read_text().splitlines()
    assert {(row["path"], row["reason"]) for row in map(json.loads, quarantine)} == {
        ("gone.mp4", "missing"),
        ("low 0.mp4", "outside"),
    }


def test_csv_layouts_of_vggsound_and_audioset(tmp_path):
    for name in ("aaa_000030.mp4", "bbb.mp4", "ccc_000070.mkv"):
        (tmp_path / name).write_bytes(b"not opened by a listing")
    vggsound = tmp_path / "vggsound.csv"
    vggsound.write_text('aaa,30,dog barking,train\nbbb,4,"people, shouting",test\n')
    audioset = tmp_path / "balanced.csv"
    audioset.write_text(
        "# Segments csv created Sun Mar  5 10:54:31 2017\n"
        "# YTID, start_seconds, end_seconds, positive_labels\n"
        'ccc, 70.000, 80.000, "/m/09x0r,/t/dd00088"\nddd, 1.000, 11.000, "/m/09x0r"\n'
    )
    listing = sources.list_data(str(vggsound))
    assert [(row.path, row.class_name, row.start_seconds) for row in listing.sources] == [
        ("aaa_000030.mp4", "dog barking", None),
        ("bbb.mp4", "people, shouting", 4.0),
    ]
    assert [row.group for row in listing.sources] == ["aaa", "bbb"]
    listing = sources.list_data(str(audioset))
    assert [(row.path, row.class_name) for row in listing.sources] == [
        ("ccc_000070.mkv", "/m/09x0r")
    ]
    assert [row.path for row in listing.missing] == ["ddd"]


@pytest.mark.parametrize(
    "text", ["", "one column\nonly\n", "path,start_seconds,label\na.mp4,soon,x\n"]
)
def test_other_tables_are_refused(tmp_path, text):
    (tmp_path / "a.mp4").write_bytes(b"x")
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(UserError, match="table.csv"):
        sources.list_data(str(table))


@pytest.fixture
def real_videos(realpairs):
    folder = realpairs.parent / "videos"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not here")
    return folder


@pytest.mark.slow
@pytest.mark.realpairs
@pytest.mark.weights
def test_real_videos_with_the_real_nets(real_videos, tmp_path):
    out = tmp_path / "out"
    prepare(Settings(data=str(real_videos), out=str(out), top_k=10, train_share=0.7))
    report = json.loads((out / "refine.json").read_text())
    assert report["num_pairs"] == 18
    assert report["num_kept"] >= 8  # all are true pairs; the filter is stricter than that
    info = dataset_info.load(out)
    assert sum(map(info.num_records, spec.SPLITS)) == report["num_kept"]
    assert set(info.class_names) == set(report["kept_by_class"])


@pytest.mark.slow
@pytest.mark.realpairs
def test_real_videos_end_to_end(settings, replaced, real_videos):
    clips = {path.name for path in real_videos.glob("*.mp4")}
    summary = prepare(
        replaced(data=str(real_videos), train_share=0.7, refine="off", **DEFAULT_LABELS)
    )
    assert sum(summary.num_pairs.values()) == len(clips) == 18
    assert not summary.reasons  # documents beside the videos are no data
    info = dataset_info.load(settings.out)
    found = set()
    for split in spec.SPLITS:
        records = pipeline.load_split(settings.out, split)
        found |= {name.split("#")[0] for name in records["sound_id"]}
        for picture, sound_id in zip(records["image"], records["sound_id"], strict=True):
            heard = source_sounds.load_sound(info, sound_id)
            assert 1 < len(heard) / spec.SAMPLE_RATE_HZ < 10.1
            assert heard.std() > 0.01 and picture.std() > 5
    assert found == clips
