import csv
import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import foley
from s2i_tf.data.foley import dataset, measures
from s2i_tf.errors import UserError
from s2i_tf.media import audio, image


def read_index(folder):
    with (folder / dataset.INDEX_FILE).open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_ten_classes_have_causes_that_can_be_measured():
    assert len(foley.CLASSES) == 10
    for class_name in foley.CLASSES:
        causes = foley.CAUSES[class_name]
        assert 2 <= len(causes) <= 4
        assert len({cause.name for cause in causes}) == len(causes)
        assert {cause.ear.kind for cause in causes} <= set(measures.EARS)
        assert {cause.eye.kind for cause in causes} <= set(measures.EYES)


def test_causes_are_pinned():
    # A change here changes every data set that was ever written.
    assert foley.scene("rain", 0, seed=0).causes == pytest.approx(
        {"intensity": 0.967787, "shelter": 0.388506}, abs=1e-6
    )


def test_causes_do_not_depend_on_the_process():
    code = "from s2i_tf.data.foley import causes; print(causes.scene('sea_waves', 7, 3))"
    for hash_seed in ("1", "2"):
        finished = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": hash_seed},
            check=True,
        )
        assert finished.stdout.strip() == str(foley.scene("sea_waves", 7, 3))


def test_causes_spread_over_the_unit_interval():
    scenes = [foley.scene("horn", index) for index in range(4000)]
    sizes, forces = (np.array([s.causes[name] for s in scenes]) for name in ("size", "force"))
    assert np.histogram(sizes, bins=4, range=(0, 1))[0].min() > 900
    assert abs(np.corrcoef(sizes, forces)[0, 1]) < 0.05


def test_scenes_differ_by_index_and_seed():
    causes = {
        tuple(foley.scene("fire", index, seed).causes.values())
        for index in range(5)
        for seed in range(5)
    }
    assert len(causes) == 25


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_sound_and_picture_are_functions_of_the_scene(class_name):
    scene = foley.scene(class_name, 3, seed=1)
    same = dataclasses.replace(scene)
    np.testing.assert_array_equal(foley.synthesize(scene), foley.synthesize(same))
    np.testing.assert_array_equal(foley.render(scene, 64), foley.render(same, 64))
    other = foley.scene(class_name, 4, seed=1)
    assert not np.array_equal(foley.synthesize(scene)[:132_300], foley.synthesize(other)[:132_300])
    assert not np.array_equal(foley.render(scene, 64), foley.render(other, 64))


def test_unknown_class_lists_the_known_ones():
    with pytest.raises(UserError, match="'drum'; known: bird, clock"):
        foley.scene("drum", 0)
    with pytest.raises(UserError, match="'drum'"):
        foley.measure_sound("drum", np.zeros(30_000, np.float32))


@pytest.mark.parametrize(
    ("causes", "message"),
    [({"size": 0.5}, "allowed"), ({"size": 0.5, "force": 1.5}, "force is 1.5")],
)
def test_a_scene_refuses_wrong_causes(causes, message):
    with pytest.raises(UserError, match=message):
        foley.Scene("horn", 0, 0, causes)


@pytest.fixture(scope="module")
def rendering(tmp_path_factory):
    return foley.write_folder(tmp_path_factory.mktemp("foley") / "media", 2, seed=5)


def test_folder_holds_what_its_index_says(rendering):
    rows = read_index(rendering)
    assert len(rows) == 2 * 2 * len(foley.CLASSES)
    assert {row["path"] for row in rows} | {dataset.INDEX_FILE} == set(contents(rendering))
    assert {path.name for path in rendering.parent.iterdir()} == {"media"}
    for row in rows:
        folder, class_name, name = row["path"].split("/")
        assert (row["kind"], row["class"]) == (folder.removesuffix("s"), class_name)
        causes = foley.scene(class_name, int(name.split(".")[0]), seed=5).causes
        kept = {key: value for key, value in row.items() if key.startswith("cause_") and value}
        assert {key.removeprefix("cause_"): float(kept[key]) for key in kept} == pytest.approx(
            causes, abs=1e-6
        )


def test_a_pair_shares_its_stem_and_a_group_of_its_own(rendering):
    stems = {}
    for row in read_index(rendering):
        stem = row["path"].split("/", 1)[1].split(".")[0]
        stems.setdefault(row["recording_group"], []).append((row["kind"], stem))
    assert len(stems) == 2 * len(foley.CLASSES)
    for (first, stem), (second, other) in stems.values():
        assert {first, second} == {"sound", "image"}
        assert stem == other


def test_files_hold_the_scene(rendering):
    scene = foley.scene("guitar", 1, seed=5)
    loaded = audio.load_waveform(rendering / "sounds/guitar/0001.flac")
    made = foley.synthesize(scene)
    assert loaded.shape == made.shape
    np.testing.assert_allclose(loaded, made, atol=2 * spec.WAVEFORM_SCALE / 2**15)
    picture = image.load_image(rendering / "images/guitar/0001.png")
    np.testing.assert_array_equal(picture, foley.render(scene))


def test_the_same_seed_writes_the_same_bytes(rendering, tmp_path):
    again = foley.write_folder(tmp_path / "again", 2, seed=5)
    assert contents(again) == contents(rendering)


def test_an_earlier_rendering_is_replaced(tmp_path):
    foley.write_folder(tmp_path / "media", 2)
    foley.write_folder(tmp_path / "media", 1)
    assert len(read_index(tmp_path / "media")) == 2 * len(foley.CLASSES)
    assert not list((tmp_path / "media").rglob("0001.*"))


def test_another_folder_is_refused_and_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(UserError, match="holds something else"):
        foley.write_folder(tmp_path, 1)
    assert contents(tmp_path) == {"letters.txt": b"dear"}
    with pytest.raises(UserError, match="holds something else"):
        foley.write_folder(tmp_path / "letters.txt", 1)


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def disk_full(waveform, container):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dataset.audio, "encode_audio", disk_full)
    with pytest.raises(OSError, match="No space"):
        foley.write_folder(tmp_path / "media", 1)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("num_per_class", [0, -1, 10**9])
def test_number_out_of_range(tmp_path, num_per_class):
    with pytest.raises(UserError, match="allowed: 1 to"):
        foley.write_folder(tmp_path / "media", num_per_class)


@pytest.mark.realpairs
def test_index_has_the_columns_of_real_data(realpairs, rendering):
    real, ours = ((folder / dataset.INDEX_FILE).open() for folder in (realpairs, rendering))
    with real, ours:
        columns = next(csv.reader(real))
        assert next(csv.reader(ours))[: len(columns)] == columns
