"""`s2i generate`: its pictures, their names, and sounds that cannot be used."""

import json
import pathlib
import re
import types

import numpy as np
import pytest

from s2i_tf import api, features, spec
from s2i_tf.cli.stems import sample_name, unique_stems
from s2i_tf.errors import UserError
from s2i_tf.features.base import Fingerprint
from s2i_tf.media import audio, image, limits
from s2i_tf.models.sound_to_image import SoundToImage
from tests.toy import build_smallest_model


@pytest.fixture(scope="module")
def sound_net():
    return features.load_extractor("soundnet_pool5", weights="random:0")


@pytest.fixture(scope="module")
def model(sound_net, tmp_path_factory):
    """A folder with the smallest model that draws several pictures of a sound."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    digests = {"sound": sound_net.fingerprint.digest, "image": "i"}
    return build_smallest_model(("one", "two"), digests).save(folder)


@pytest.fixture
def generate(call_verb, model, sound_net, monkeypatch):
    monkeypatch.setattr(features, "load_extractor", lambda name: sound_net)
    return lambda *argv: call_verb("generate", *argv, f"--model={model}")


@pytest.fixture
def sounds(tmp_path):
    """Writes sounds of a name and a length in seconds."""

    def write(name, seconds=0.5):
        path = tmp_path / "sounds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(len(name))
        wave = rng.uniform(-100, 100, int(seconds * spec.SAMPLE_RATE_HZ)).astype(np.float32)
        path.write_bytes(audio.encode_audio(wave, path.suffix[1:]))
        return path

    return write


def test_a_picture_for_each_sample_of_each_sound_and_a_sheet(generate, sounds, tmp_path, capsys):
    out = tmp_path / "out"
    generate(sounds("a b.wav"), sounds("ü.flac"), f"--out={out}", "--num_samples=2", "--seed=3")
    assert {path.name for path in out.iterdir()} == {
        *("a b.png", "a b_1.png", "ü.png", "ü_1.png", "contact_sheet.png", "heard.json")
    }
    pictures = [image.load_image(out / name) for name in ("a b.png", "a b_1.png")]
    assert pictures[0].shape == (spec.IMAGE_SIDE, spec.IMAGE_SIDE, 3)
    assert not np.array_equal(*pictures)
    first, second, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"a b\.wav: (one|two) \d+ %, (one|two) \d+ %", first)
    assert second.startswith("ü.flac: ")
    assert last == f"4 pictures of 2 sounds: {out}/contact_sheet.png"


def test_all_are_called_by_their_paths_where_two_have_one_name(generate, sounds, tmp_path, capsys):
    paths = [sounds(name) for name in ("one/a.wav", "two/a.wav", "two/b.wav")]
    generate(*paths, f"--out={tmp_path / 'out'}")
    *lines, _ = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [str(path) for path in paths]


def test_what_a_name_holds_for_a_terminal_is_not_obeyed(generate, sounds, tmp_path, capsys):
    generate(sounds("a\n\x1b[31mb.wav"), f"--out={tmp_path / 'out'}")
    line, _ = capsys.readouterr().out.splitlines()
    assert line.startswith(r"'a\n\x1b[31mb.wav': ")


def test_what_was_heard_is_written_by_the_picture_s_stem(generate, sounds, tmp_path):
    long = sounds("long.wav", 20)
    generate(sounds("a.wav", 3), long, f"--out={tmp_path / 'out'}", "--window=2.5")
    said = json.loads((tmp_path / "out" / "heard.json").read_text())
    assert set(said) == {"a", "long"}
    assert {name for name, _ in said["a"]["classes"]} == {"one", "two"}
    shares = [share for _, share in said["a"]["classes"]]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(1)
    assert said["a"]["known"] is True and said["a"]["known_score"] == 1
    assert said["a"]["window_seconds"] == [0, 3]
    assert said["long"]["sound"] == str(long)
    assert said["long"]["window_seconds"] == [2.5, 8.5]
    with pytest.raises(UserError, match="window 'quiet'; allowed: auto, middle, loudest"):
        generate(long, f"--out={tmp_path / 'other'}", "--window=quiet")


def test_sounds_like_nothing_known_can_be_left_out(generate, sounds, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(api.Heard, "known", property(lambda heard: heard.window_seconds[1] > 0.6))
    paths = sounds("strange.wav"), sounds("b.wav", 0.7)
    generate(*paths, f"--out={tmp_path / 'all'}")
    assert re.search(r"strange\.wav: like nothing known \(", capsys.readouterr().out)
    assert (tmp_path / "all" / "strange.png").exists()
    generate(*paths, f"--out={tmp_path / 'some'}", "--only_known")
    assert "strange.wav: like nothing known" in capsys.readouterr().out
    names = {path.name for path in (tmp_path / "some").iterdir()}
    assert names == {"b.png", "contact_sheet.png", "heard.json"}
    said = json.loads((tmp_path / "some" / "heard.json").read_text())
    assert (said["strange"]["known"], said["b"]["known"]) == (False, True)


def test_the_same_call_gives_the_same_pictures_and_the_model_s_own(
    generate, model, sound_net, sounds, tmp_path
):
    path = sounds("a.wav")
    for out in ("one", "two"):
        generate(path, f"--out={tmp_path / out}", "--num_samples=2", "--seed=5")
    for name in ("a.png", "a_1.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    prepared = sound_net.prepare(audio.load_waveform(path))
    expected = SoundToImage.load(model).generate(sound_net(prepared[None]), sample=1, seed=5)[0]
    drawn = image.load_image(tmp_path / "one" / "a_1.png")
    np.testing.assert_allclose(drawn / 255, expected, atol=1 / 255)


def test_a_tflite_file_draws_what_its_model_draws(
    call_verb, toy, float32_file, sounds, tmp_path, monkeypatch
):
    monkeypatch.setattr(features, "load_extractor", lambda name: toy.extractor)
    path, exported = sounds("a.wav", 7), float32_file
    model = toy.model.save(tmp_path / "model")
    call_verb("generate", path, f"--out={tmp_path / 'one'}", f"--model={model}")
    call_verb("generate", path, f"--out={tmp_path / 'two'}", f"--model={exported}")
    pictures = [image.load_image(tmp_path / out / "a.png") for out in ("one", "two")]
    np.testing.assert_allclose(*[picture.astype(int) for picture in pictures], atol=1)
    with pytest.raises(UserError, match="takes sounds alone; photos need the model's folder"):
        call_verb("generate", path, "--out=x", f"--model={exported}", "--direction=image_to_sound")
    with pytest.raises(UserError, match="a TFLite file runs without TensorFlow"):
        call_verb("generate", path, "--out=x", f"--model={exported}", "--runtime=tensorflow")


def test_another_sound_net_than_the_model_s_is_refused(generate, sounds, monkeypatch, tmp_path):
    other = types.SimpleNamespace(modality="sound", fingerprint=Fingerprint("a", "b", "c", "d"))
    monkeypatch.setattr(features, "load_extractor", lambda name: other)
    with pytest.raises(UserError, match="the sound net has fingerprint"):
        generate(sounds("a.wav"), f"--out={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_a_bad_sound_is_left_out_and_the_others_are_drawn(generate, sounds, tmp_path, caplog):
    bad = tmp_path / "text.mp3"
    bad.write_text("no sound")
    with pytest.raises(UserError, match="1 of 2 sounds could not be used"):
        generate(bad, sounds("good.wav"), f"--out={tmp_path / 'out'}")
    assert {path.stem for path in (tmp_path / "out").iterdir()} == {
        *("good", "contact_sheet", "heard")
    }
    assert "text.mp3" in caplog.text


def test_a_picture_does_not_take_the_place_of_its_sound(generate, sounds, tmp_path):
    sound = sounds("a.wav").rename(tmp_path / "a.png")
    contents = sound.read_bytes()
    with pytest.raises(UserError, match="a picture would take its place; choose another --out"):
        generate(sound, f"--out={tmp_path}")
    assert sound.read_bytes() == contents and not (tmp_path / "heard.json").exists()


@pytest.mark.parametrize("name", ["a_1.png", "contact_sheet.png", "heard.json"])
def test_what_is_made_takes_no_place_of_the_user_s_own(generate, sounds, tmp_path, name):
    argv = (sounds("a.wav"), f"--out={tmp_path / 'out'}", "--num_samples=2")
    generate(*argv)
    generate(*argv)  # into the folder of an earlier run
    own = tmp_path / "out" / name
    own.write_bytes(image.encode_png(np.zeros((200, 200, 3), np.uint8)))
    before = {path: path.read_bytes() for path in own.parent.iterdir()}
    with pytest.raises(UserError, match=f"{name}: is there already, and s2i is not known to"):
        generate(*argv)
    assert {path: path.read_bytes() for path in own.parent.iterdir()} == before


def test_a_folder_stands_for_the_sounds_in_it(generate, sounds, tmp_path):
    sounds("a.wav"), sounds("b.wav").with_name("cover.jpg").touch()
    generate(tmp_path / "sounds", f"--out={tmp_path / 'out'}")
    assert json.loads((tmp_path / "out" / "heard.json").read_text()).keys() == {"a", "b"}


def test_one_bad_sound_is_one_line_and_writes_nothing(generate, tmp_path):
    (tmp_path / "README.md").write_text("# no sound")
    with pytest.raises(UserError, match=r"README\.md: not a sound or video; allowed: WAV, MP3"):
        generate(tmp_path / "README.md", f"--out={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_of_a_very_long_sound_the_beginning_counts(generate, sounds, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_SECONDS", 2.0)
    generate(sounds("long.wav", 5), f"--out={tmp_path / 'out'}")
    assert (tmp_path / "out" / "long.png").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no sound given"),
        (["a.wav"], "--out=FOLDER is missing"),
        (["a.wav", "--out={file}"], "is not a folder"),
        (["a.wav", "--out=x", "--model={file}"], "no trained model here"),
    ],
)
def test_mistakes_are_found_before_any_work(call_verb, model, tmp_path, argv, message):
    (tmp_path / "file").touch()
    argv = [argument.format(file=tmp_path / "file") for argument in argv]
    if not any(argument.startswith("--model") for argument in argv):
        argv.append(f"--model={model}")
    with pytest.raises(UserError, match=message):
        call_verb("generate", *argv)


def test_equal_stems_are_told_apart(tmp_path):
    paths = [tmp_path / name for name in ("x/a.wav", "y/a.ogg", "b.wav", "x/a.mp3")]
    assert unique_stems(paths) == ["x_a", "y_a", "b", "x_a-2"]
    assert unique_stems([tmp_path / "contact_sheet.wav"], {"contact_sheet"}) == [
        f"{tmp_path.name}_contact_sheet"
    ]


@pytest.mark.parametrize("names", [("rec", "rec_1"), ("rec_1", "rec"), ("REC", "rec_1", "rec-2")])
def test_samples_of_numbered_recordings_have_names_of_their_own(names):
    stems = unique_stems([pathlib.Path(f"{name}.ogg") for name in names], num_samples=3)
    made = [sample_name(stem, number).casefold() for stem in stems for number in range(3)]
    assert len(set(made)) == 3 * len(names)
    assert stems[0] == names[0]


def test_names_stay_within_what_a_file_system_allows(generate, sounds, tmp_path):
    longest = sounds(f"{'m' * 251}.wav")
    umlauts = sounds(f"{'ü' * 125}.wav")
    generate(sounds("0.wav"), longest, umlauts, f"--out={tmp_path / 'out'}", "--num_samples=2")
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(written) == 8 and {"contact_sheet.png", "heard.json"} <= set(written)
    assert f"{'m' * 249}.png" in written and f"{'m' * 249}_1.png" in written
    assert f"{'ü' * 124}_1.png" in written
    image.load_image(tmp_path / "out" / f"{'m' * 249}_1.png")


def test_the_package_s_own_model_is_taken_where_none_is_named(call_verb, sounds, tmp_path):
    call_verb("generate", sounds("hiss.wav"), sounds("longer_hiss.wav", 8), f"--out={tmp_path}")
    pictures = [image.load_image(tmp_path / f"{stem}.png") for stem in ("hiss", "longer_hiss")]
    assert all(picture.shape == (128, 128, 3) and picture.std() > 10 for picture in pictures)
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 1


def test_mixtures_and_the_way_between_two_sounds(generate, tmp_path, sounds):
    one, other = sounds("a.wav"), sounds("bb.wav")
    out = tmp_path / "out"
    generate("--mix", f"{one}=0.7", f"{other}=0.3", f"--out={out}")
    assert image.load_image(out / "mixture.png").shape == (128, 128, 3)
    generate("--between", one, other, "--steps=3", f"--out={out}")
    ways = [image.load_image(out / f"between_{step}.png") for step in range(3)]
    assert not np.array_equal(ways[0], ways[2])
    assert (out / "between.png").exists() and not (out / "between_3.png").exists()
    generate("--between", one, other, "--steps=3", f"--out={out}")
    for name, argv in (("between_1", ("--between", one, other)), ("mixture", ("--mix", one))):
        (out / f"{name}.png").write_text("mine")
        with pytest.raises(UserError, match=f"{name}.png: is there already"):
            generate(*argv, f"--out={out}")
        assert (out / f"{name}.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--mix", "a.wav=much"), "no weight"),
        (("--between", "a.wav"), "two sounds"),
        (("--mix", "--between", "a.wav", "b.wav"), "one of them"),
        (("--mix", "--num_samples=3", "a.wav", "b.wav"), "--num_samples has no effect beside"),
        (("--between", "--only_known", "a.wav", "b.wav"), "--only_known has no effect beside"),
        (("--seed=3", "a.wav"), "--seed has no effect without --num_samples"),
        (("--mix", "--seed=3", "a.wav", "b.wav"), "--seed has no effect beside --mix"),
        (("--steps=3", "a.wav"), "--steps has no effect without --between"),
        (("--direction=image_to_sound", "--seed=3", "a.jpg"), "--seed has no effect beside --dir"),
    ],
)
def test_mistakes_in_mixtures_are_named(generate, tmp_path, argv, message):
    with pytest.raises(UserError, match=message):
        generate(*argv, f"--out={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()
