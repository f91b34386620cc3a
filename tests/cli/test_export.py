import functools
import pathlib
import types

import numpy as np
import pytest

from s2i_tf import config, features
from s2i_tf.errors import UserError
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.serving import lite_file, saved_model, tflite_export


@pytest.fixture
def call(call_verb, tmp_path, monkeypatch):
    """Runs the verb in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return functools.partial(call_verb, "export")


@pytest.fixture
def model_folder(tmp_path):
    folder = tmp_path / "run" / "model"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["more"], "takes no arguments, got 'more'"),
        ([], "--out=FOLDER is missing"),
        (["--workdir=a", "--model=b"], "one of --workdir=RUN and --model=DIR"),
        (["--model=b"], "--out=FOLDER is missing"),
        (
            ["--model=b", "--out=c", "--format=onnx"],
            "unknown format 'onnx'; known: compact, lite, saved_model, tflite",
        ),
        (["--model=b", "--out=c"], "b: no trained model here"),
        (
            ["--out=c", "--quantization=full_int8"],
            "--quantization has no effect with --format=saved_model",
        ),
        (
            ["--out=c", "--format=tflite", "--data=d"],
            "--data has no effect without --quantization=full_int8",
        ),
        (["--out=c", "--format=lite", "--name=n"], "--name has no effect with --format=lite"),
    ],
)
def test_mistakes_are_answered_in_one_line(call, arguments, message):
    with pytest.raises(UserError, match=message) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    assert not list(pathlib.Path().iterdir())


def test_a_file_is_no_folder_for_exports(call, tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(UserError, match="out is not a folder"):
        call("--format=lite", "--out=out")


def test_a_compact_model_draws_as_the_one_it_was_made_of(call):
    """The package's own, which is taken where no other is named."""
    arguments = ("--out=out", "--name=small", "--format=compact")
    call(*arguments)
    features = np.random.default_rng(0).normal(size=(1, 4096)).astype(np.float32)
    own, small = (
        SoundToImage.load(folder).generate(features) for folder in (REALPAIRS, "out/small")
    )
    np.testing.assert_allclose(own, small, atol=1e-4)  # scales are found again but for a bit
    assert np.std(own) > 0.05
    with pytest.raises(UserError, match="small exists already"):
        call(*arguments)


def test_a_version_that_exists_is_refused_before_the_model_is_loaded(call, model_folder, tmp_path):
    taken = tmp_path / "out" / "m" / "3"
    taken.mkdir(parents=True)
    (taken / "kept").touch()
    with pytest.raises(UserError, match="m/3 exists already; choose another version"):
        call(f"--model={model_folder}", "--out=out", "--name=m", "--version=3")
    assert [path.name for path in taken.iterdir()] == ["kept"]


def test_a_run_is_exported_with_its_own_sound_net(call, model_folder, monkeypatch, capsys):
    calls = []

    def export(*args, **settings):
        calls.append((args, settings))
        return saved_model.Export(pathlib.Path("out/m/2"), 2**20, {"wav_bytes/image_bytes": 1.0})

    model = types.SimpleNamespace(extractors={"sound": "its own"})
    monkeypatch.setattr(SoundToImage, "load", lambda folder: model)
    monkeypatch.setattr(features, "load_extractor", lambda name: f"the net {name}")
    monkeypatch.setattr(saved_model, "export", export)
    call(f"--workdir={model_folder.parent}", "--out=out", "--name=m", "--version=2")
    assert calls == [((model, "the net its own", "out"), {"name": "m", "version": 2})]
    assert "exported: out/m/2 (1.0 MiB)" in capsys.readouterr().out


def test_a_tflite_file_is_calibrated_with_the_run_s_data(call, model_folder, monkeypatch, capsys):
    calls = []

    def export(*args, **settings):
        calls.append((args, settings))
        return tflite_export.TFLiteExport(pathlib.Path("out/m.tflite"), 2**20, 0.01)

    config.Config(data="its data").save(model_folder.parent)
    model = types.SimpleNamespace(extractors={"sound": "its own"})
    monkeypatch.setattr(SoundToImage, "load", lambda folder: model)
    monkeypatch.setattr(features, "load_extractor", lambda name: f"the net {name}")
    monkeypatch.setattr(tflite_export, "export", export)
    monkeypatch.setattr(tflite_export, "plan", lambda *_: None)
    for quantization in ("float16", "full_int8"):
        call(
            f"--workdir={model_folder.parent}",
            "--out=out",
            "--format=tflite",
            f"--quantization={quantization}",
        )
    assert [settings["data"] for _, settings in calls] == [None, "its data"]
    assert "exported: out/m.tflite (1.0 MiB)" in capsys.readouterr().out


def test_an_unknown_quantization_is_refused(call, model_folder):
    with pytest.raises(UserError, match="unknown quantization 'int4'; known: dynamic_int8"):
        call(f"--model={model_folder}", "--out=out", "--format=tflite", "--quantization=int4")


def test_a_lite_file_has_the_name_by_which_it_is_found(call, model_folder, monkeypatch, capsys):
    def make(folder, path):
        assert folder == model_folder
        path.parent.mkdir()
        path.write_bytes(bytes(1 << 20))

    monkeypatch.setattr(lite_file, "make", make)
    call(f"--model={model_folder}", "--out=out", "--format=lite")
    assert "exported: out/lite.tflite (1.0 MiB)" in capsys.readouterr().out
