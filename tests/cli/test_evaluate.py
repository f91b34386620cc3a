import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

from s2i_tf import features, files, model_folder, spec
from s2i_tf.config import Config
from s2i_tf.data import dataset_info, pipeline
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate as evaluation
from s2i_tf.features.base import Classifier, Extractor, Fingerprint
from s2i_tf.media import audio, image
from s2i_tf.models import build_generator
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_to_image import SoundToImage


class MeanJudge(Classifier):
    name = "mean"
    modality = "image"
    fingerprint = Fingerprint("mean", "none", "mean", "logits")
    labels = tuple(f"shade {index}" for index in range(20))

    def prepare(self, item):
        return item.mean(dtype=np.float32)

    def __call__(self, batch):
        return -np.abs(batch[:, None] / 13 - np.arange(20, dtype=np.float32))


class HearingJudge(MeanJudge):
    modality = "sound"

    def __init__(self, weights):
        self.fingerprint = Fingerprint("hearing", weights, "mean", "logits")


@pytest.fixture
def call(call_verb):
    return functools.partial(call_verb, "evaluate")


@pytest.fixture(scope="module")
def run_folder(tiny_dataset, tmp_path_factory):
    """A finished run of the smallest model there is."""
    folder = tmp_path_factory.mktemp("run")
    layers = MultimodalLayers(3)
    layers.build()
    parts = [
        build_generator(
            "unet",
            (128, 128, 1),
            (128, 128, channels),
            filters=2,
            output_activation=activation,
            seed=0,
        )
        for channels, activation in ((1, "linear"), (3, "tanh"))
    ]
    SoundToImage(
        layers,
        *parts,
        class_names=("class0", "class1", "class2"),
        fingerprints={"sound_fingerprint": "s", "image_fingerprint": "i"},
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
    ).save(folder / model_folder.FOLDER_IN_RUN)
    Config(data=str(tiny_dataset), judge="mean").save(folder)
    return folder


@pytest.fixture
def mean_judge(monkeypatch):
    monkeypatch.setitem(features.CLASSIFIERS, "mean", lambda weights: MeanJudge())


def test_a_run_says_its_data_judge_and_place(call, run_folder, mean_judge, capsys):
    call(f"--workdir={run_folder}", "--num_gallery=2")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Retrieval")
    assert lines[-1] == f"report: {run_folder / 'evaluation' / 'report.html'}"
    page = (run_folder / "evaluation" / "report.html").read_text()
    assert f"s2i evaluate --workdir={run_folder} --num_gallery=2" in page


@pytest.fixture
def asked(call, monkeypatch):
    """Calls the verb; gives what it would evaluate: the model's folder, the data and the rest."""

    class CalledError(Exception):
        pass

    def called(model, data, **kwargs):
        raise CalledError(model, data, kwargs)

    monkeypatch.setattr(SoundToImage, "load", lambda folder: folder)
    monkeypatch.setattr(evaluation, "evaluate", called)

    def ask(*argv):
        with pytest.raises(CalledError) as call_info:
            call(*argv)
        return call_info.value.args

    return ask


def test_a_model_alone_needs_data_and_out(call, asked, run_folder, tiny_dataset, tmp_path):
    model = run_folder / "model"
    for missing, given in (("data", []), ("out", [f"--data={tiny_dataset}"])):
        with pytest.raises(UserError, match=f"--{missing}=FOLDER is missing"):
            call(f"--model={model}", *given)
    folder, data, given = asked(
        f"--model={model}", f"--data={tiny_dataset}", f"--out={tmp_path}", "--seed=3"
    )
    assert (folder, data, given["out"]) == (model, str(tiny_dataset), str(tmp_path))
    assert given["judge"] == "efficientnet_lite0" and given["seed"] == 3
    assert given["sound_judge"] is None
    assert given["model_dir"] == model and given["run"] is None


def test_the_judge_of_sounds_by_name(asked, run_folder, monkeypatch, tmp_path):
    monkeypatch.setitem(features.CLASSIFIERS, "ear", lambda weights: HearingJudge("sum"))
    _, _, given = asked(f"--workdir={run_folder}", f"--out={tmp_path}", "--sound_judge=ear")
    assert given["sound_judge"].fingerprint.weights_sha256 == "sum"
    assert given["command"].endswith(f"--sound_judge=ear --out={tmp_path}")


def test_a_judge_of_sounds_that_is_none_is_refused_at_once(call, run_folder, monkeypatch, tmp_path):
    with pytest.raises(UserError, match="unknown classifier 'ear'"):
        call(f"--workdir={run_folder}", "--sound_judge=ear", f"--out={tmp_path / 'out'}")
    judge = HearingJudge("sum")
    monkeypatch.setitem(features.CLASSIFIERS, "ear", lambda weights: judge)
    own = {"nets": {"sound": {"net": judge.fingerprint.net}}}
    monkeypatch.setattr(model_folder, "read_description", lambda folder: own)
    with pytest.raises(UserError, match="--sound_judge=ear is the net that the model hears with"):
        call(f"--workdir={run_folder}", "--sound_judge=ear", f"--out={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_unknown_sounds_that_is_none_is_refused_at_once(call, run_folder, tmp_path):
    with pytest.raises(UserError, match="--unknown_sounds is 'nowhere', which is no folder"):
        call(f"--workdir={run_folder}", "--unknown_sounds=nowhere", f"--out={tmp_path / 'out'}")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_model_is_refused(call, tmp_path):
    with pytest.raises(UserError, match="no trained model here"):
        call(f"--model={tmp_path}", "--data=d", "--out=o")


def test_a_folder_without_data_is_refused(call, run_folder, tmp_path):
    with pytest.raises(UserError, match="no prepared data set here .*, and no folder"):
        call(f"--workdir={run_folder}", f"--data={tmp_path}")


class SmallNet(Extractor):
    """The first values of a sound, or a small grey picture, as features."""

    def __init__(self, modality):
        self.name = f"small_{modality}"
        self.modality = modality
        self.fingerprint = Fingerprint(self.name, "none", "none", "values")

    def prepare(self, item):
        if self.modality == "sound":
            return np.resize(item, spec.FEATURE_SIZE)
        return image.square(item, spec.FEATURE_SIDE).mean(axis=-1)

    def __call__(self, batch):
        return batch.reshape(len(batch), -1).astype(np.float32)


@pytest.fixture(scope="module")
def small_nets():
    pytest.importorskip("apache_beam")
    from tfrecords_tools.engine import nets

    nets._load.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        for modality in ("sound", "image"):
            net = SmallNet(modality)
            patch.setitem(features.EXTRACTORS, net.name, lambda weights, net=net: net)
        yield
    nets._load.cache_clear()


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory):
    """Two classes of 6 sounds and 6 photos, all different; tests leave it as it is."""
    root, rng = tmp_path_factory.mktemp("classes") / "folder", np.random.default_rng(0)
    for index in range(24):
        kind, name = ("sounds", "images")[index % 2], ("bell", "drum")[index // 2 % 2]
        path = root / kind / name / f"{index}.{'wav' if kind == 'sounds' else 'png'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "sounds":
            wave = rng.normal(0, 50, spec.SAMPLE_RATE_HZ).astype(np.float32)
            path.write_bytes(audio.encode_audio(wave, "wav"))
        else:
            picture = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
            path.write_bytes(image.encode_png(picture))
    return root


@pytest.fixture(scope="module")
def trained(small_nets, class_folder, tmp_path_factory, run_folder):
    """A prepared data set of half of the folder's recordings, and a model trained on them.

    Tests leave both as they are.
    """
    from tfrecords_tools import job, settings

    root = tmp_path_factory.mktemp("trained")
    data = root / "data"
    job.prepare(
        settings.Settings(
            data=str(class_folder),
            out=str(data),
            train_share=0.5,
            sound_extractor="small_sound",
            image_extractor="small_image",
            num_workers=1,
        )
    )
    info = dataset_info.load(data)
    model = root / "model"
    shutil.copytree(run_folder / model_folder.FOLDER_IN_RUN, model, copy_function=os.link)
    model_folder.write_description(
        model,
        class_names=info.class_names,
        fingerprints=info.fingerprints,
        extractors=info.extractors,
        nets={},
        trained_on=TrainedOn.of_split(data).as_dict(),
    )
    return data, model


def evaluated(call, *argv):
    call(*argv, "--judge=mean", "--num_gallery=2")
    out = next(arg.split("=")[1] for arg in argv if arg.startswith("--out="))
    return json.loads((pathlib.Path(out) / "metrics.json").read_text())


def test_a_folder_gives_the_figures_of_the_split_that_was_held_out(
    call, trained, class_folder, mean_judge, tmp_path, capsys, undrawn
):
    data, model = trained
    outs = [tmp_path / "one", tmp_path / "two"]
    prepared = evaluated(call, f"--model={model}", f"--data={data}", f"--out={outs[0]}")
    # The same files under other names; what the model knows is known by its contents.
    renamed = tmp_path / "renamed"
    for path in class_folder.rglob("*.*"):
        kind, name = path.relative_to(class_folder).parts[:2]
        copy = renamed / kind / name / f"renamed_{path.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    found = evaluated(call, f"--model={model}", f"--data={renamed}", f"--out={outs[1]}")
    for metrics in (prepared, found):
        assert metrics["data"]["left_out"] == {
            "known": True,
            "trained_on": {"num_sounds": 6, "num_images": 6},
            "num_sounds": 6,
            "num_images": 6,
            "num_eval_pairs": 0,
        }
    assert found["data"]["source"] == str(renamed)
    for part in ("splits", "overlap", "class_names"):
        assert found["data"][part] == prepared["data"][part]
    rows = [row["measures"]["top_1"]["micro"]["value"] for row in found["retrieval"]]
    assert rows == [row["measures"]["top_1"]["micro"]["value"] for row in prepared["retrieval"]]
    assert "6 sounds and 6 photos" in capsys.readouterr().out


def test_a_folder_that_the_model_was_trained_on_is_refused(call, trained, class_folder, tmp_path):
    data, model = trained
    held_out = pipeline.load_split(data, spec.EVAL_SPLIT, with_image=False)
    folder = shutil.copytree(class_folder, tmp_path / "folder")
    for item_id in {*held_out["sound_id"], *held_out["image_id"]}:
        (folder / item_id).unlink()
    with pytest.raises(UserError, match="nothing is left to evaluate: the model was trained on"):
        call(f"--model={model}", f"--data={folder}", f"--out={tmp_path / 'out'}")


def test_a_folder_of_new_data_has_no_training_figures(
    call, trained, class_folder, mean_judge, tmp_path, undrawn
):
    model = shutil.copytree(trained[1], tmp_path / "model")
    path = model / model_folder.TRAINED_ON_FILE
    nothing = {"recordings": [], "contents": ["0" * 16], "paths": []}
    files.write_json(path, json.loads(path.read_text()) | nothing)
    metrics = evaluated(
        call, f"--model={model}", f"--data={class_folder}", f"--out={tmp_path / 'out'}"
    )
    assert metrics["data"]["splits"]["eval"]["num_sounds"] == 12
    assert metrics["data"]["left_out"]["num_sounds"] == 0
    assert metrics["memorization"] is None and metrics["class_seen"] is None
    assert metrics["missing"]["memorization"] == "the data set has no training split"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--data=FOLDER is missing: "),
        (["--workdir=nowhere"], "nowhere: not a run folder (resolved_config.json is missing)"),
        (["--workdir=a", "--model=b"], "give one of --workdir=RUN and --model=DIR"),
        (["--num_gallery=0", "--model=m"], "num_gallery=0"),
        (["something", "--model=m"], "evaluate takes no arguments, got 'something'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(argv, message, tmp_path):
    finished = subprocess.run(
        [sys.executable, "-m", "s2i_tf.cli.main", "evaluate", *argv],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert finished.returncode == 2
    assert finished.stderr.count("\n") == 1
    assert finished.stderr.startswith("s2i evaluate: error: ") and message in finished.stderr
    assert not list(tmp_path.iterdir())
