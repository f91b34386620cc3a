"""The stages of training in their order.

multimodal layers (section 5.3) → feature GAN (5.4) → image GAN (5.2), and the feature GAN of the
other direction if it is wanted. To add one: a subclass of `Stage` in a file of its own and a line
here.
"""

import pathlib
from collections.abc import Callable

from s2i_tf.config import Config
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.training.stages.disco_stage import DiscoStage
from s2i_tf.training.stages.feature_gan_stage import FeatureGanStage
from s2i_tf.training.stages.image_gan_stage import ImageGanStage
from s2i_tf.training.stages.multimodal_stage import MultimodalStage
from s2i_tf.training.stages.reverse_stage import ReverseGanStage
from s2i_tf.training.stages.stage import Stage

# How the feature GAN can be trained, by `config.feature_gan.method`.
FEATURE_GANS: dict[str, type[FeatureGanStage]] = {"pix2pix": FeatureGanStage, "disco": DiscoStage}


def _feature_gan(config: Config, info: DatasetInfo, workdir: pathlib.Path) -> FeatureGanStage:
    return FEATURE_GANS[config.feature_gan.method](config, info, workdir)


STAGES: dict[str, Callable[[Config, DatasetInfo, pathlib.Path], Stage]] = {
    MultimodalStage.name: MultimodalStage,
    FeatureGanStage.name: _feature_gan,
    ImageGanStage.name: ImageGanStage,
    ReverseGanStage.name: ReverseGanStage,
}


def wanted(config: Config) -> list[str]:
    """The names of the stages that a configuration asks for, in order."""
    return [name for name in STAGES if name != ReverseGanStage.name or config.image_to_sound]
