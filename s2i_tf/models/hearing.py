"""What a sound is, with honest probabilities, and whether it is like anything the model knows.

From sound features [batch, 4096] alone, with core operations, so that it runs in every export. A
linear map gives the evidence for each class, in which classes that look alike then speak for each
other; divided by a temperature, the softmax of that is calibrated. A sound is known if its
embedding (the features' first columns) has a small angle to that of its fifth nearest training
sound, and if there is much evidence for some class. A logistic curve over both gives `known_score`:
from `spec.KNOWN_SCORE` on the sound passes for known.

Everything is fitted in closed form, or by a search over one number: `training.fit_hearing`.
"""

import keras
from keras import ops

NUM_NEIGHBOURS = 5


@keras.saving.register_keras_serializable("s2i_tf")
class Hearing(keras.Model):
    """The classifier and the reference sounds.

    Args:
      num_features: length of the features.
      num_classes: number of classes.
      num_references: number of training sounds to compare with.
      num_embedding: how many of the features, from the first on, are compared.
      num_directions: length of the compared vectors, to which these are projected.
    """

    def __init__(
        self,
        num_features: int,
        num_classes: int,
        num_references: int,
        num_embedding: int,
        num_directions: int,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._config = {
            "num_features": num_features,
            "num_classes": num_classes,
            "num_references": num_references,
            "num_embedding": num_embedding,
            "num_directions": num_directions,
        }
        shapes = {
            "kernel": (num_features, num_classes),
            "bias": (num_classes,),
            "alike": (num_classes, num_classes),
            "basis": (num_embedding, num_directions),
            "references": (num_directions, num_references),
            "curve": (3,),
        }
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(shape=shape, trainable=False, name=name))
        self.built = True

    def call(self, features):
        """`heard`, probabilities [batch, classes], and `known_score` [batch] in [0, 1]."""
        evidence = ops.matmul(features, self.kernel) + self.bias
        vectors = ops.matmul(features[:, : self.basis.shape[0]], self.basis)
        cosines = ops.matmul(ops.normalize(vectors, axis=-1), self.references)
        fifth = ops.min(ops.top_k(cosines, NUM_NEIGHBOURS)[0], axis=-1)
        likeness = self.curve[0] * fifth + self.curve[1] * ops.max(evidence, axis=-1)
        return {
            "heard": ops.softmax(ops.matmul(evidence, self.alike)),
            "known_score": ops.sigmoid(likeness + self.curve[2]),
        }

    def get_config(self):
        """The constructor's arguments, for Keras' files."""
        return {**super().get_config(), **self._config}
