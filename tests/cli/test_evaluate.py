import functools
import subprocess
import sys

import numpy as np
import pytest

from s2i_tf import features
from s2i_tf.config import Config
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate as evaluation
from s2i_tf.features.base import Classifier, Fingerprint
from s2i_tf.models import build_generator, sound_to_image
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
    ).save(folder / sound_to_image.FOLDER_IN_RUN)
    Config(data=str(tiny_dataset), judge="mean").save(folder)
    return folder


@pytest.fixture
def mean_judge(monkeypatch):
    monkeypatch.setitem(features.CLASSIFIERS, "mean", lambda weights: MeanJudge())


def test_a_run_says_its_data_judge_and_place(call, run_folder, mean_judge, capsys):
    call(f"--workdir={run_folder}", "--num_gallery=2")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("retrieval")
    assert lines[-1] == f"report: {run_folder / 'evaluation' / 'report.html'}"
    page = (run_folder / "evaluation" / "report.html").read_text()
    assert f"s2i evaluate --workdir={run_folder} --num_gallery=2" in page


def test_a_model_alone_needs_data_and_out(call, run_folder, tiny_dataset, tmp_path, monkeypatch):
    model = run_folder / "model"
    for missing, given in (("data", []), ("out", [f"--data={tiny_dataset}"])):
        with pytest.raises(UserError, match=f"--{missing}=FOLDER is missing"):
            call(f"--model={model}", *given)

    class CalledError(Exception):
        pass

    def called(model, data, **kwargs):
        raise CalledError(data, kwargs)

    monkeypatch.setattr(evaluation, "evaluate", called)
    with pytest.raises(CalledError) as call_info:
        call(f"--model={model}", f"--data={tiny_dataset}", f"--out={tmp_path}", "--seed=3")
    data, given = call_info.value.args
    assert (data, given["out"]) == (str(tiny_dataset), str(tmp_path))
    assert given["judge"] == "efficientnet_lite0" and given["seed"] == 3
    assert given["model_dir"] == model and given["run"] is None


def test_a_folder_without_a_model_is_refused(call, tmp_path):
    with pytest.raises(UserError, match="no trained model here"):
        call(f"--model={tmp_path}", "--data=d", "--out=o")


def test_a_folder_without_data_is_refused(call, run_folder, tmp_path):
    with pytest.raises(UserError, match="no prepared data set here"):
        call(f"--workdir={run_folder}", f"--data={tmp_path}")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "either --workdir=RUN or --model=DIR"),
        (["--workdir=nowhere"], "nowhere: not a run folder (resolved_config.json is missing)"),
        (["--workdir=a", "--model=b"], "either --workdir=RUN or --model=DIR"),
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
