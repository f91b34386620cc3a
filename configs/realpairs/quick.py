"""RealPairs on two CPU cores in half an hour: does the paper's chain work on real input?

    s2i prepare --data=../shared/realpairs --out=DATA
    s2i train --config=configs/realpairs/quick.py --workdir=RUN --config.data=DATA

30 classes, EfficientNet-Lite2 as feature net, EfficientNet-Lite0 as judge.

Cost: about 25 minutes on 2 cores. Expected result: retrieval after the activation, image to sound,
of 55 % on the eval split (chance 4 %), as `docs/results.md` has it beside the model that ships;
pictures in which nobody sees what was heard.
"""

from s2i_tf.config import Config


def get_config() -> Config:
    """The paper's chain with fewer filters and steps."""
    config = Config(judge="efficientnet_lite0", precision="mixed_bfloat16")
    config.checkpoint_every_steps = 200
    config.multimodal.num_steps = 300
    config.feature_gan.num_steps = 1200
    # Without it Adam undoes the penalty on the discriminator: see docs/deviations.md.
    config.feature_gan.optimizer.epsilon = 1e-4
    config.feature_gan.optimizer.learning_rate = 1e-3
    config.image_gan.num_steps = 1500
    for gan in (config.feature_gan, config.image_gan):
        gan.generator.filters = 32
        gan.generator.dropout = 0.2
        gan.discriminator.filters = 32
        gan.batch_size = 8
    return config
