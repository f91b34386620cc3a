import json

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.models import part_file
from s2i_tf.training import run
from s2i_tf.training.backends import pipeline
from s2i_tf.training.loop import METRICS_FILE
from s2i_tf.training.stages import MultimodalStage


@pytest.fixture
def config(tiny_dataset):
    """A few steps with everything that draws at random."""
    config = Config(data=str(tiny_dataset), log_every_steps=1, checkpoint_every_steps=2)
    multimodal = config.multimodal
    multimodal.hidden_units = 8
    multimodal.normalize = "both"
    multimodal.input_dropout = multimodal.hidden_dropout = 0.5
    multimodal.class_contrastive_weight = 1.0
    multimodal.balanced = multimodal.repair_pairs = True
    multimodal.num_steps = 5
    multimodal.batch_size = 6
    return config


def losses(workdir):
    lines = (workdir / "multimodal" / METRICS_FILE).read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_resumed_run_draws_the_batches_and_the_dropout_of_one_that_never_stopped(
    config, tmp_path, monkeypatch
):
    whole = losses(run.train(config, tmp_path / "whole", ["multimodal"]))

    def stop(self, trainer, step):
        if step == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MultimodalStage, "draw_samples", stop)
        with pytest.raises(KeyboardInterrupt):
            run.train(config, tmp_path / "stopped", ["multimodal"])
    stopped = losses(run.train(config, tmp_path / "stopped", ["multimodal"]))
    assert len(whole) == 5
    for one, other in zip(whole, stopped, strict=True):
        assert one == pytest.approx(other, rel=1e-5)
    assert whole[0]["class_contrastive"] != pytest.approx(whole[1]["class_contrastive"], rel=1e-3)


@pytest.mark.parametrize(("net", "num_warnings"), [("soundnet_pool5", 1), ("yamnet_bands", 0)])
def test_label_names_of_a_net_without_label_scores_are_warned_of(
    config, tmp_path, caplog, net, num_warnings
):
    config.multimodal.refit_strength, config.multimodal.label_names = 1.0, True
    stage = MultimodalStage(config, dataset_info.load(config.data), tmp_path)
    stage.info.extractors["sound"] = net
    stage.check_closely()
    assert caplog.text.count("multimodal.label_names does nothing") == num_warnings


def test_refitted_sounds_lie_where_the_photos_of_their_class_do(config, tmp_path):
    config.multimodal.refit_strength = 1e-3
    model = run.train(config, tmp_path / "run", ["multimodal"]) / "model"
    layers = part_file.load(model, "multimodal")
    split = pipeline.load_split(config.data, "train", with_image=False)
    labels = split["label"]
    vectors = np.asarray(layers.hidden_of_image(split["image_features"]).before)
    means = np.stack([vectors[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    sounds = np.asarray(layers.hidden_of_sound(split["sound_features"]).before)
    distances = np.linalg.norm(sounds[:, None] - means, axis=2)
    assert np.mean(distances.argmin(axis=1) == labels) > 0.9
