"""The stages of training in their order.

multimodal layers (section 5.3) → feature GAN (5.4) → image GAN (5.2). To add one: a subclass of
`Stage` in a file of its own and a line here.
"""

from s2i_tf.training.gan_stages import FeatureGanStage, ImageGanStage
from s2i_tf.training.multimodal_stage import MultimodalStage
from s2i_tf.training.stage import Stage

STAGES: dict[str, type[Stage]] = {
    stage.name: stage for stage in (MultimodalStage, FeatureGanStage, ImageGanStage)
}
