"""RealPairs, the recipe of the model that the package carries.

    s2i prepare --data=../shared/realpairs --out=DATA --sound_extractor=yamnet_bands
    s2i train --config=configs/realpairs/best.py --workdir=RUN --config.data=DATA \
        --config.unknown_sounds=../shared/realpairs/other

The last flag, a folder of sounds of no class, says where the unknown begins, and can be left out.
Chosen on a validation part of the training recordings (`python -m tfrecords_tools.holdout`), never
on the eval split. Against the paper's recipe (`docs/deviations.md`):

- Sound features: YAMNet's, which travel to sounds of other sources, where SoundNet's don't
  (`python -m benchmarks.feature_candidates --sounds`), and an ear of its own on them.
- Multimodal layers: class-balanced batches of any sound with any photo of a class, half of the
  features left out, hidden vectors of one length, and a contrastive loss by class beside the label
  loss, in place of the paper's losses between hidden vectors. Then the sound layer is fitted anew
  in closed form, which names more sounds of other sources than what gradients lead to.
- Sound to image features: dense layers with noise that minimise the energy distance to the
  features of the class's photos, and of their means over the places, so that they have the spread
  of real ones; no discriminator.
  Before, a sound that could be of several classes is moved towards the photos of the likeliest
  one (`typicality`), or its picture would show none of them.
  The other way round, from a photo to sound features, the same with a squared distance beside it.
- Image features to pictures: a decoder that takes the features in their own layout, a perceptual
  distance to the photo through EfficientNet-Lite2 and a discriminator that looks through the same
  net. A third of the pictures are of features that the stage before made of sounds: they have no
  photo, and the discriminator alone judges them.

The image generator that ships was trained on from there by `longer.py`: see
`s2i_tf/pretrained/realpairs/README.md`.

Cost: an hour on one core. Expected result: `docs/results.md`.
"""

from s2i_tf.config import Config


def get_config() -> Config:
    """The stages of both directions."""
    config = Config(judge="efficientnet_lite0", checkpoint_every_steps=200, num_samples=30)
    _multimodal(config.multimodal)
    for gan in (config.feature_gan, config.reverse_gan):
        _of_features(gan)
    _image_gan(config.image_gan)
    config.feature_gan.generator.dropout = 0.0  # a typical vector has nothing to overfit to
    config.feature_gan.generator.typicality = 1.0
    config.feature_gan.generator.noise_scale = 0.6
    config.feature_gan.loss.pooled_energy_weight = 4.0
    config.image_to_sound = True
    config.hearing = True
    config.reverse_gan.generator.dropout = 0.1
    config.reverse_gan.generator.filters = 32
    config.reverse_gan.loss.l2_weight = 1.0
    config.reverse_gan.num_steps = 200
    return config


def _multimodal(multimodal) -> None:
    multimodal.hidden_units = 512
    multimodal.scaling = "log_standardize"
    multimodal.normalize = "both"
    multimodal.input_dropout = 0.5
    multimodal.hidden_l1_weight = 0.0
    multimodal.before_weight = 0.0
    multimodal.after_weight = 0.0
    multimodal.class_contrastive_weight = 1.0
    multimodal.balanced = True
    multimodal.repair_pairs = True
    multimodal.refit_strength = 0.3
    multimodal.label_names = True
    multimodal.learning_rate = 1e-3
    multimodal.batch_size = 252
    multimodal.num_steps = 100


def _of_features(gan) -> None:
    gan.generator.name = "feature_decoder"
    gan.generator.norm = "none"
    gan.loss.adversarial_weight = 0.0  # no discriminator
    gan.loss.l1_weight = 0.0
    gan.loss.energy_weight = 1.0
    gan.optimizer.learning_rate = 1e-3
    gan.optimizer.beta_2 = 0.99
    gan.optimizer.constant_share = 0.0
    gan.balanced = True
    gan.repair_pairs = True
    gan.batch_size = 126
    gan.num_steps = 1200  # after 300 the features of a class are less various


def _image_gan(gan) -> None:
    gan.generator.name = "decoder"
    gan.generator.filters = 16
    gan.generator.norm = "none"
    gan.generator.dropout = 0.0
    gan.discriminator.name = "projected"
    gan.discriminator.filters = 48
    gan.discriminator.num_layers = 2
    gan.discriminator.norm = "spectral"
    gan.loss.backbone = "efficientnet_lite2"
    gan.loss.adversarial = "hinge"
    gan.loss.adversarial_weight = 2.0
    gan.loss.l1_weight = 4.0
    gan.loss.perceptual_weight = 10.0
    gan.loss.augment = "color,translation"
    gan.generated_share = 0.5
    gan.optimizer.learning_rate = 5e-4
    gan.discriminator.learning_rate = 2e-4
    gan.optimizer.beta_1 = 0.0
    gan.optimizer.beta_2 = 0.99
    gan.optimizer.ema_decay = 0.998
    gan.balanced = True
    gan.repair_pairs = True
    gan.batch_size = 16
    gan.num_steps = 3300
