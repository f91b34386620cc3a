"""The embedded data set in minutes: what `make demo` trains.

    s2i prepare --data=foley --out=DATA
    s2i train --config=demo --workdir=RUN --config.data=DATA

The recipe of `realpairs/best.py`, scaled to some minutes, and for pairs that belong together, as a
sound of this data set and its picture have their causes in common: pairs are not drawn anew,
features are also drawn towards those of the sound's own picture, and half of the pictures are made
of features of the sound. `s2i demo --config=demo:paper` trains the paper's recipe instead, with
fewer filters and steps.

Cost: five to six minutes on 2 cores, either one. Expected result: README.
"""

from s2i_tf.config import Config
from s2i_tf.errors import unknown_name


def get_config(arg: str = "working") -> Config:
    """The recipe that works, or with `paper` the paper's."""
    recipes = {"working": _working, "paper": _paper}
    if arg not in recipes:
        raise unknown_name("recipe", arg, recipes)
    config = Config(judge="efficientnet_lite0", log_every_steps=25, checkpoint_every_steps=250)
    recipes[arg](config)
    return config


def _working(config: Config) -> None:
    multimodal = config.multimodal
    multimodal.hidden_units = 512
    multimodal.scaling = "log_standardize"
    multimodal.normalize = "both"
    multimodal.input_dropout = 0.5
    multimodal.hidden_l1_weight = 0.0
    multimodal.before_weight = 0.0
    multimodal.after_weight = 0.0
    multimodal.pair_contrastive_weight = 1.0
    multimodal.temperature = 0.3
    multimodal.learning_rate = 1e-3
    multimodal.num_steps = 300

    gan = config.feature_gan
    gan.generator.name = "feature_decoder"
    gan.generator.norm = "none"
    gan.generator.dropout = 0.2
    gan.generator.noise_scale = 0.25
    gan.loss.adversarial_weight = 0.0
    gan.loss.l1_weight = 0.0
    gan.loss.l2_weight = 1.0
    gan.loss.energy_weight = 0.5
    gan.optimizer.learning_rate = 1e-3
    gan.optimizer.beta_2 = 0.99
    gan.batch_size = 60
    gan.num_steps = 400

    gan = config.image_gan
    gan.generator.name = "decoder"
    gan.generator.filters = 16
    gan.generator.norm = "none"
    gan.generator.dropout = 0.0
    gan.discriminator.name = "projected"
    gan.discriminator.filters = 48
    gan.discriminator.num_layers = 2
    gan.discriminator.norm = "spectral"
    gan.discriminator.learning_rate = 2e-4
    gan.loss.backbone = "efficientnet_lite2"
    gan.loss.adversarial = "hinge"
    gan.loss.l1_weight = 10.0
    gan.loss.perceptual_weight = 10.0
    gan.loss.augment = "color,translation"
    gan.heard_share = 0.5
    gan.optimizer.learning_rate = 1e-3
    gan.optimizer.beta_1 = 0.0
    gan.optimizer.beta_2 = 0.99
    gan.optimizer.ema_decay = 0.99
    gan.precision = "auto"
    gan.batch_size = 8
    gan.num_steps = 800


def _paper(config: Config) -> None:
    config.precision = "mixed_bfloat16"
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
