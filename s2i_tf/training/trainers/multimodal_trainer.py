"""One training step of the multimodal layers (paper section 5.3).

Three losses: L1 between the hidden outputs for images only (I), sounds only (S) and half of both
(B); cross-entropy of the hidden outputs for I and S before and after the activation; and label
cross-entropy of the output layer for all three, without which zero vectors would do.

Beside the paper's, with a weight of 0 unless told: contrastive losses between I and S, each the
mean of that before and that after the activation. Without a weight they are not computed.
"""

from collections.abc import Mapping
from typing import Any

import keras

from s2i_tf.config import MultimodalConfig
from s2i_tf.data import schema
from s2i_tf.losses.alignment import (
    class_contrastive,
    hidden_cross_entropy,
    hidden_l1,
    label_cross_entropy,
    pair_contrastive,
)
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.training.backends import updates


class MultimodalTrainer(keras.Model):
    """Trains multimodal layers with a weighted sum of losses.

    Args:
      layers: the multimodal layers, with their scalers adapted.
      settings: its weights, and the temperature of the contrastive losses.
    """

    def __init__(self, layers: MultimodalLayers, settings: MultimodalConfig):
        super().__init__()
        self.multimodal = layers
        self.temperature = settings.temperature
        self.weights_by_loss = {
            "hidden_l1": settings.hidden_l1_weight,
            "cross_entropy_before": settings.before_weight,
            "cross_entropy_after": settings.after_weight,
            "label_cross_entropy": settings.label_weight,
            "class_contrastive": settings.class_contrastive_weight,
            "pair_contrastive": settings.pair_contrastive_weight,
        }
        if not layers.built:
            layers.build()

    def losses_of(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """The unweighted losses of a batch as of `schema.parse_batch` in training, by name.

        Contrastive losses without a weight are left out.
        """
        model = self.multimodal
        sound = model.hidden_of_sound(batch[schema.KEY_SOUND_FEATURES], training=True)
        image = model.hidden_of_image(batch[schema.KEY_IMAGE_FEATURES], training=True)
        both = model.hidden_of_both(sound, image)
        pairs = ((image, sound), (image, both), (sound, both))
        labels = batch[schema.KEY_LABEL]
        losses = {
            "hidden_l1": sum(hidden_l1(one.after, other.after) for one, other in pairs) / 3,
            "cross_entropy_before": hidden_cross_entropy(image.before, sound.before),
            "cross_entropy_after": hidden_cross_entropy(image.after, sound.after),
            "label_cross_entropy": sum(
                label_cross_entropy(labels, model.labels(hidden, training=True))
                for hidden in (image, sound, both)
            )
            / 3,
        }
        if not (
            self.weights_by_loss["class_contrastive"] or self.weights_by_loss["pair_contrastive"]
        ):
            return losses
        # Before and after the activation, of all replicas.
        *hidden, labels = updates.whole_batch(*image, *sound, labels)
        layers = (hidden[0], hidden[2]), (hidden[1], hidden[3])
        if self.weights_by_loss["class_contrastive"]:
            of_layers = [class_contrastive(*layer, labels, self.temperature) for layer in layers]
            losses["class_contrastive"] = sum(of_layers) / 2
        if self.weights_by_loss["pair_contrastive"]:
            of_layers = [pair_contrastive(*layer, self.temperature) for layer in layers]
            losses["pair_contrastive"] = sum(of_layers) / 2
        return losses

    def train_step(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """One update; returns every loss by name, their weighted sum and the gradient norm."""

        def losses():
            losses = self.losses_of(data)
            total = sum(self.weights_by_loss[name] * loss for name, loss in losses.items())
            return total, {**losses, "total": total}

        forward = updates.Forward(losses, self.multimodal.trainable_variables)
        logs, norm = updates.minimize(self.optimizer, forward)
        return {**logs, "gradient_norm": norm}
