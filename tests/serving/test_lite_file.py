"""The file that stands for a model where TensorFlow does not run."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest

import s2i_tf
from s2i_tf import features, model_folder
from s2i_tf.errors import UserError
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.serving import examples, lite_file

pytest.importorskip("ai_edge_litert.interpreter")


@pytest.fixture
def folder(toy, small, tmp_path, monkeypatch):
    """A model's folder, with a cache of its own."""
    monkeypatch.setenv("S2I_TF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "load_extractor", lambda name: toy.extractor)
    return small.save(tmp_path / "model")


def test_it_is_made_once_and_draws_what_the_model_does(folder, monkeypatch):
    sound = (examples.sounds(7, 1)[0], 22_050)
    assert lite_file.find(folder) is None
    whole = s2i_tf.load(folder)
    expected, heard = whole.generate(sound, samples=3, seed=5), whole.hear(sound)
    assert expected.std() > 10
    lite = s2i_tf.load(folder, runtime="lite")
    kept = lite_file.find(folder)
    assert kept.is_relative_to(folder.parent / "cache")
    monkeypatch.setattr(lite_file, "make", None)
    for model in (lite, s2i_tf.load(folder), s2i_tf.load(folder, runtime="lite")):
        drawn = model.generate(sound, samples=3, seed=5)
        np.testing.assert_allclose(drawn.astype(int), expected, atol=1)
        assert [name for name, _ in model.hear(sound)] == [name for name, _ in heard]
    beside = folder / lite_file.FILE_NAME  # a file there needs no cache
    kept.rename(beside)
    assert lite_file.find(folder) == beside
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**description, "recipe": {"changed": True}}))
    assert lite_file.find(folder) is None  # of another model


def test_the_package_s_own_model_has_its_file():
    found = lite_file.find(REALPAIRS)
    assert found == REALPAIRS / lite_file.FILE_NAME, (
        "the model has changed; `s2i export --format=lite --out=s2i_tf/pretrained/realpairs`"
    )


def test_a_call_of_the_package_s_own_model_imports_no_tensorflow(tmp_path):
    import soundfile

    soundfile.write(tmp_path / "a.ogg", examples.sounds(3, 1)[0], 48_000)
    code = (
        "import sys\n"
        "from s2i_tf.cli import main\n"
        "try: main.main(['s2i', 'generate', 'a.ogg', '--out=out', '--num_samples=2'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "found = {name.split('.')[0] for name in sys.modules}\n"
        "assert 'ai_edge_litert' in found\n"
        "assert not {'tensorflow', 'tensorflow_io', 'keras', 'matplotlib', 'jax'} & found, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("a.png", "a_1.png", "contact_sheet.png", "heard.json")
    ]


def test_what_cannot_be_is_said(folder, exported, monkeypatch):
    with pytest.raises(UserError, match="unknown runtime 'torch'; known: auto, lite, tensorflow"):
        s2i_tf.load(folder, runtime="torch")
    with pytest.raises(UserError, match="a SavedModel runs on TensorFlow"):
        s2i_tf.load(exported.folder, runtime="lite")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "tensorflow" else find_spec(name)
    )
    for runtime in s2i_tf.api.RUNTIMES:
        with pytest.raises(UserError, match="TensorFlow is not installed"):
            s2i_tf.load(folder, runtime=runtime)


@pytest.mark.weights
def test_both_runtimes_hear_and_draw_the_same_with_the_package_s_own_model(realpairs):
    sounds = sorted((realpairs / "sounds").glob("*/*"))[::700]
    lite, whole = (s2i_tf.load(runtime=runtime) for runtime in ("lite", "tensorflow"))
    one, other = (model.hear(sounds) for model in (lite, whole))
    for mine, theirs in zip(one, other, strict=True):
        assert dict(mine) == pytest.approx(dict(theirs), abs=1e-3)
    drawn = lite.generate(one, samples=2, seed=3), whole.generate(other, samples=2, seed=3)
    for mine, theirs in zip(*drawn, strict=True):
        np.testing.assert_allclose(mine.astype(int), theirs, atol=1)


def test_the_fingerprint_goes_by_every_file_of_the_model(tmp_path):
    for name in ("model.json", "a.npz", "b.keras"):
        (tmp_path / name).write_text(name)
    first = model_folder.fingerprint(tmp_path)
    (tmp_path / "README.md").write_text("no part of it")
    assert model_folder.fingerprint(tmp_path) == first
    (tmp_path / "a.npz").write_text("other")
    assert model_folder.fingerprint(tmp_path) != first
