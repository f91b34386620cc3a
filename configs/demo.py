"""The embedded data set in minutes: what `make demo` trains.

    s2i prepare --data=foley --out=DATA
    s2i train --config=configs/demo.py --workdir=RUN --config.data=DATA

Cost: about six minutes on 2 cores. Expected result: retrieval after the activation of 90 % on the
eval split (ten classes, chance 10 %), pictures with the colours and layout of their class.
"""

from s2i_tf.config import Config


def get_config() -> Config:
    """The paper's recipe with fewer filters and steps."""
    config = Config(judge="efficientnet_lite0", precision="mixed_bfloat16")
    config.log_every_steps = 25
    config.checkpoint_every_steps = 250
    for gan in (config.feature_gan, config.image_gan):
        gan.generator.filters = 24
        gan.generator.dropout = 0.2
        gan.discriminator.filters = 24
    config.multimodal.num_steps = 150
    config.feature_gan.num_steps = 300
    config.feature_gan.batch_size = 8
    # Without it Adam undoes the penalty on the discriminator: see docs/deviations.md.
    config.feature_gan.optimizer.epsilon = 1e-4
    config.feature_gan.optimizer.learning_rate = 1e-3
    config.image_gan.num_steps = 1000
    return config
