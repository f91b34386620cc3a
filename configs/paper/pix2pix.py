"""The paper's recipe at the paper's size: 52 classes of 2,000 pairs, VGG-16 fc6, SoundNet pool5.

    s2i prepare --data=VIDEOS --out=DATA --image_extractor=vgg16_fc6 \\
        --label_image=inception_resnet_v2 --num_classes=52 --instances_per_class=2000
    s2i train --config=configs/paper/pix2pix.py --workdir=RUN --config.data=DATA

Cost: 93,600 training pairs, 2 × 468,000 GAN steps of 4 pairs (20 epochs); meant for a GPU: on
2 CPU cores about six weeks. Expected result (paper): retrieval on the eval split 25.3 % after the
activation, label match 1.65 / 8.9 / 16.04 / 31.92 % at top 1 / 3 / 5 / 10. Nobody has run it yet
with this package: the videos have to be collected first.
"""

from s2i_tf.config import Config


def get_config() -> Config:
    """The defaults are the paper's; what the paper leaves open is pix2pix's."""
    config = Config(judge="inception_resnet_v2", checkpoint_every_steps=10_000)
    config.multimodal.num_steps = 20 * 93_600 // config.multimodal.batch_size
    for gan in (config.feature_gan, config.image_gan):
        gan.num_steps = 20 * 93_600 // gan.batch_size
    return config
