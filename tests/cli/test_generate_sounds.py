"""Photos to sounds on the command line: the sounds, their table, photos that cannot be used."""

import csv
import dataclasses

import numpy as np
import pytest

from s2i_tf import config_files, features, spec
from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.errors import UserError
from s2i_tf.media import audio, image
from s2i_tf.models.sound_index import SoundIndex
from s2i_tf.models.sound_to_image import SoundToImage
from tests.toy import build_smallest_model

IDS = [f"sounds/{number}.wav" for number in range(4)]


@pytest.fixture(scope="module")
def image_net():
    return features.load_extractor("efficientnet_lite2_map", weights="random:0")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The folder that the model's sounds come from; the last one is gone."""
    folder = tmp_path_factory.mktemp("source")
    (folder / "sounds").mkdir()
    for number, sound_id in enumerate(IDS[:3]):
        wave = np.random.default_rng(number).uniform(-100, 100, 6000).astype(np.float32)
        (folder / sound_id).write_bytes(audio.encode_audio(wave, "wav"))
    return folder


@pytest.fixture(scope="module")
def model(image_net, source, tmp_path_factory):
    """The smallest model of both directions, in a run whose data has a source folder."""
    run = tmp_path_factory.mktemp("run")
    vectors = np.random.default_rng(0).normal(size=(4, spec.FEATURE_SIZE)).astype(np.float32)
    made = build_smallest_model(
        ("one", "two"),
        {"sound": "s", "image": image_net.fingerprint.digest},
        sound_index=SoundIndex.of(vectors, IDS, ["a", "b", "c", "d"], [0, 0, 1, 1]),
    )
    made.save(run / "model")
    dataclasses.replace(made, reverse_generator=None, sound_index=None).save(run / "one_way")
    data = run / "data"
    data.mkdir()
    dataset_info.DatasetInfo(
        *("tiny", ("one", "two"), "float16", {}, {}, {}),
        splits=dict.fromkeys(spec.SPLITS, ()),
        source=str(source),
    ).save(data)
    Config(data=str(data)).save(run)
    return run


@pytest.fixture
def generate(call_verb, model, image_net, monkeypatch):
    monkeypatch.setattr(features, "load_extractor", lambda name: image_net)

    def run(*argv):
        argv = [*argv, "--direction=image_to_sound"]
        if not any(str(argument).startswith("--model") for argument in argv):
            argv.append(f"--model={model}")
        call_verb("generate", *argv)

    return run


@pytest.fixture
def photo(tmp_path):
    """Writes a photo of a name."""

    def write(name):
        path = tmp_path / name
        picture = np.random.default_rng(len(name)).integers(0, 256, (20, 30, 3), np.uint8)
        path.write_bytes(image.encode_png(picture))
        return path

    return write


def table(out):
    with open(out / "sounds.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_each_photo_gets_the_nearest_sounds_and_a_table(
    generate, model, image_net, source, photo, tmp_path, capsys
):
    paths, out = [photo("a b.png"), photo("ü.png")], tmp_path / "out"
    generate(*paths, f"--out={out}", "--num_samples=4")
    rows = table(out)
    loaded = SoundToImage.load(model)
    prepared = np.stack([image_net.prepare(image.load_image(path)) for path in paths])
    positions, distances = loaded.nearest_sounds(image_net(prepared), 4)
    assert [row["sound"] for row in rows] == [IDS[position] for position in positions.flatten()]
    np.testing.assert_allclose(
        [float(row["distance"]) for row in rows], distances.flatten(), atol=1e-3
    )
    assert [row["rank"] for row in rows] == ["0", "1", "2", "3"] * 2
    names = {"a b.wav", *(f"a b_{rank}.wav" for rank in (1, 2, 3))}
    names |= {name.replace("a b", "ü") for name in names}
    lost = {row["file"] for row in rows} ^ names
    assert {path.name for path in out.iterdir()} == (names - lost) | {"sounds.csv"}
    for row in rows:
        if row["sound"] == IDS[3]:
            assert row["file"] == ""
            continue
        written = audio.load_waveform(out / row["file"])
        np.testing.assert_allclose(written, audio.load_waveform(source / row["sound"]), atol=0.02)
    said = capsys.readouterr().out
    assert said.startswith(f"6 sounds for 2 photos: {out}/sounds.csv\n2 sounds stand in the table")


def test_without_the_sounds_the_table_is_all_and_is_said(generate, model, photo, tmp_path, capsys):
    out = tmp_path / "out"
    alone = SoundToImage.load(model).save(tmp_path / "shipped")
    generate(photo("a.png"), f"--out={out}", f"--model={alone}")
    assert [path.name for path in out.iterdir()] == ["sounds.csv"]
    assert table(out)[0]["file"] == "" and table(out)[0]["sound"] in IDS
    said = capsys.readouterr().out
    assert "the model comes without its sounds; --sounds=FOLDER says where they are" in said


def test_another_folder_of_the_sounds_may_be_named(generate, model, source, photo, tmp_path):
    alone = SoundToImage.load(model).save(tmp_path / "shipped")
    argv = (photo("a.png"), f"--model={alone}", f"--sounds={source}", "--num_samples=4")
    generate(*argv, f"--out={tmp_path / 'out'}")
    assert len(list((tmp_path / "out").glob("*.wav"))) == 3
    with pytest.raises(UserError, match="--sounds=.*missing is not a folder"):
        generate(photo("a.png"), "--out=x", f"--sounds={tmp_path / 'missing'}")


@pytest.mark.parametrize("name", ["wet.wav", "sounds.csv"])
def test_what_is_made_takes_no_place_of_the_user_s_own(generate, photo, tmp_path, name):
    argv = (photo("wet.png"), f"--out={tmp_path}")
    generate(*argv)
    generate(*argv)  # into the folder of an earlier run
    (tmp_path / name).write_text("photo,place")
    with pytest.raises(UserError, match=f"{name}: is there already, and s2i is not known to"):
        generate(*argv)
    assert (tmp_path / name).read_text() == "photo,place"


def test_a_bad_photo_is_left_out_and_the_others_have_their_sounds(
    generate, photo, tmp_path, caplog
):
    bad = tmp_path / "text.jpg"
    bad.write_text("no photo")
    with pytest.raises(UserError, match="1 of 2 photos could not be used"):
        generate(bad, photo("good.png"), f"--out={tmp_path / 'out'}")
    assert [row["photo"] for row in table(tmp_path / "out")] == [str(tmp_path / "good.png")]
    assert "text.jpg" in caplog.text
    with pytest.raises(UserError, match=r"text\.jpg: not a photo"):
        generate(bad, f"--out={tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--out=x"], "no photo given; usage: s2i generate --direction=image_to_sound PHOTO"),
        (["a.png"], "--out=FOLDER is missing"),
        (["a.png", "--out=x", "--model={run}/one_way"], "goes from sound to image only"),
        (["a.png", "--out=x", "--model=m.tflite"], "m.tflite: not a TFLite file"),
    ],
)
def test_mistakes_are_found_before_any_work(generate, model, argv, message):
    with pytest.raises(UserError, match=message):
        generate(*[argument.format(run=model) for argument in argv])


def test_the_folder_of_sounds_is_of_this_direction_alone(call_verb, model):
    with pytest.raises(UserError, match="--sounds is for --direction=image_to_sound"):
        call_verb("generate", "a.wav", "--out=x", f"--model={model}", "--sounds=y")


def test_the_configuration_of_the_run_is_where_the_source_is_found(model, source):
    data = config_files.load(model).data
    assert dataset_info.load(data).source == str(source)
