"""Everything once, as small as it goes: does the chain run?

    s2i train --config=configs/smoke.py --workdir=RUN --config.data=DATA

Cost: under a minute on 2 cores. Expected result: pictures of nothing.
"""

from s2i_tf.config import Config


def get_config() -> Config:
    """A few steps of each stage with four filters."""
    config = Config(judge="efficientnet_lite0", log_every_steps=2, checkpoint_every_steps=4)
    config.num_samples = 2
    config.multimodal.num_steps = 4
    config.multimodal.batch_size = 4
    for gan in (config.feature_gan, config.image_gan):
        gan.generator.filters = 4
        gan.discriminator.filters = 4
        gan.num_steps = 4
        gan.batch_size = 2
    return config
