"""RealPairs, the image stage of `best.py` trained on from the generator that the package carries.

    s2i train --config=configs/realpairs/longer.py --workdir=RUN --config.data=DATA \
        --config.image_gan.generator.start=s2i_tf/pretrained/realpairs

The other stages are those of `best.py`. What the image stage has beside it, which together with the
longer training made more pictures of sounds show their class (`docs/results.md`); alone, in 300
steps, no part does (`docs/study.md`):

- Every level of the decoder is told all the features as one vector, which at first changes nothing.
- A linear layer on EfficientNet-Lite2's last map learns the classes from photos, and pictures are
  trained to be named by it.
- Half of the pictures, instead of a third, are of features that the stage before made of sounds.
- The players see half of the pictures mirrored.
- bfloat16 where the device multiplies it about twice as fast or more.

Cost: as many hours as there are; a training that was stopped goes on with `--resume`, and
RUN/image_gan/samples shows where it is.
"""

import pathlib
import runpy

from s2i_tf.config import Config


def get_config() -> Config:
    """The configuration of `best.py` with another image stage."""
    # By its path: the files of this folder are no package where the command runs elsewhere.
    config = runpy.run_path(str(pathlib.Path(__file__).with_name("best.py")))["get_config"]()
    gan = config.image_gan
    gan.generator.name = "modulated_decoder"
    gan.loss.class_weight = 0.3
    gan.generated_share = 1.0
    gan.loss.augment = "color,translation,flip"
    gan.precision = "auto"
    gan.batch_size = 12
    gan.num_steps = 60_000
    return config
