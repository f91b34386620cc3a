"""Every shipped configuration trains: each of its stages is built and takes a step."""

import gc
import pathlib
import re
import runpy

import numpy as np
import pytest

from s2i_tf.config import Config

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "configs"
PATHS = sorted(path for path in FOLDER.rglob("*.py") if path.name != "__init__.py")


def made_small(config: Config, data: pathlib.Path) -> Config:
    """The same recipe with few filters and pairs; what else it is stays."""
    config.data = str(data)
    config.multimodal.batch_size = 2
    config.hearing = False  # listens to sounds, which the smallest data set has not
    for gan in (config.feature_gan, config.image_gan, config.reverse_gan):
        gan.batch_size = 2
        gan.generator.filters = 4
        if gan.has_discriminator:
            gan.discriminator.filters = 4
    return config


def stages_of(documentation: str, config: Config) -> list[str]:
    """The stages that its command trains: all that it wants, unless it names some."""
    from s2i_tf.training.stages import wanted

    named = re.search(r"--stage=([\w,]+)", documentation)
    return named[1].split(",") if named else wanted(config)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_stage_is_built_and_takes_a_step(path, tiny_dataset, tmp_path):
    import keras

    from s2i_tf.data import dataset_info
    from s2i_tf.errors import UserError
    from s2i_tf.features.backbones import load_backbone
    from s2i_tf.training.stages import STAGES

    module = runpy.run_path(str(path))
    config = made_small(module["get_config"](), tiny_dataset).validate()
    for backbone in {config.feature_gan.loss.backbone, config.image_gan.loss.backbone} - {""}:
        try:
            load_backbone(backbone, 128)
        except UserError as error:
            pytest.skip(f"the net to look through is missing: {error}")
    info = dataset_info.load(tiny_dataset)

    def take_a_step(name):
        keras.utils.set_random_seed(0)
        stage = STAGES[name](config, info, tmp_path)
        trainer = stage.build()
        part = stage.trained_part(trainer)
        before = [variable.numpy() for variable in part.trainable_variables]
        logs = trainer.train_step(next(iter(stage.dataset(0))))
        assert all(np.isfinite(value) for value in logs.values()), logs
        after = part.trainable_variables
        assert any(np.any(one != other) for one, other in zip(before, after, strict=True))
        stage.save(trainer)

    for name in stages_of(module["__doc__"], config):
        take_a_step(name)
        gc.collect()  # models are cycles
