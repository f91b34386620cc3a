"""The other direction: the feature GAN from photos to sound features, and the index of sounds.

It is the feature GAN of paper section 5.4 with the two modalities swapped. Features are no sound
yet: what stands for them are the nearest training sounds, so the stage leaves their index as well.
"""

import pathlib

import keras
import numpy as np

from s2i_tf import files, spec
from s2i_tf.data import dataset_info, schema, splits
from s2i_tf.errors import UserError
from s2i_tf.models.multimodal import MultimodalLayers
from s2i_tf.models.sound_index import MAX_SOUNDS, SoundIndex
from s2i_tf.models.sound_to_image import SOUND_INDEX_FILE
from s2i_tf.training.backends import pipeline
from s2i_tf.training.stages.feature_gan_stage import FeatureGanStage
from s2i_tf.training.trainers.gan_trainer import GanTrainer


class ReverseGanStage(FeatureGanStage):
    """Trains multimodal vectors of photos into sound features."""

    name = "reverse_gan"
    part = "reverse_generator"
    target_layout = "steps"

    def build(self) -> GanTrainer:
        """As every GAN, unless it comes with the other direction.

        Raises:
          UserError: if it does.
        """
        if self.config.feature_gan.method == "disco":
            raise UserError(
                "config.feature_gan.method is 'disco', which trains both directions in the stage "
                "feature_gan; train that one"
            )
        return super().build()

    def vectors(self, batch) -> tuple:
        """The hidden vector of the photo, and the sound's features as the networks take them."""
        condition = self.multimodal.condition_of_image(batch[schema.KEY_IMAGE_FEATURES])
        target = self.multimodal.sound_scaler(batch[schema.KEY_SOUND_FEATURES])
        return condition, self.lay_out(target)

    def centred_on(self, split) -> tuple:
        """The conditions of a split's sounds, and their labels."""
        sounds, labels = schema.once(split, "sound")
        return self.multimodal.condition_of_sound(sounds), labels

    def save_part(self, part: keras.Model) -> None:
        """Leaves the generator, and before it the index, so that a part that is there has one."""
        save_sound_index(self.multimodal, self.config.data, self.model_folder)
        super().save_part(part)


def save_sound_index(
    multimodal: MultimodalLayers, data_dir: str, folder: pathlib.Path, max_sounds: int = MAX_SOUNDS
) -> pathlib.Path:
    """Writes the index of a data set's training sounds.

    Args:
      multimodal: the trained layers, whose sound scaler it goes through.
      data_dir: the prepared data set.
      folder: folder that gets the file.
      max_sounds: most sounds in the index; of more so many are taken, evenly of the classes.

    Returns:
      The file.
    """
    split = pipeline.load_split(data_dir, spec.TRAIN_SPLIT, with_image=False)
    rows = schema.each_once(split, schema.KEY_SOUND_ID)
    ids, labels = split[schema.KEY_SOUND_ID][rows], split[schema.KEY_LABEL][rows]
    rows = rows[_evenly(ids, labels, max_sounds)]
    # A data set that does not say is of the paper's net.
    order = dataset_info.load(data_dir).nets.get("sound", {}).get("order", "time,channel")
    index = SoundIndex.of(
        np.asarray(multimodal.sound_scaler(split[schema.KEY_SOUND_FEATURES][rows])),
        split[schema.KEY_SOUND_ID][rows],
        split[schema.KEY_GROUP][rows],
        split[schema.KEY_LABEL][rows],
        time_major=order.startswith("time"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / SOUND_INDEX_FILE
    with files.new_file(path) as temporary:
        index.save(temporary)
    return path


def _evenly(ids: np.ndarray, labels: np.ndarray, num: int) -> np.ndarray:
    """At most so many positions, in order: of each class as many as there are, or an equal share.

    Which ones follows from the ids alone.
    """
    position = {item: place for place, item in enumerate(ids)}
    order = np.array([position[item] for item in splits.stable_order(ids, "sound index")])
    turns = np.zeros(len(ids), np.int64)  # how many of its class come before each
    for label in np.unique(labels):
        own = order[labels[order] == label]
        turns[own] = np.arange(len(own))
    return np.sort(order[np.argsort(turns[order], kind="stable")][:num])
