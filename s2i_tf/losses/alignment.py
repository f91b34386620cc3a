"""The losses that pull the hidden vectors of the two modalities together (paper section 5.3).

The paper names an L1 loss, which depends on the vectors' size, and a cross-entropy "to quantify
the loss independently of this", without a formula. Here each hidden vector becomes a
distribution over the hidden units by a softmax, and the cross-entropy is taken both ways.

Beside the paper's: contrastive losses, which pull a vector towards those of the other modality that
it belongs with and push it from the rest of the batch. They see directions alone.
"""

import keras
from keras import ops


def hidden_l1(one, other):
    """Mean absolute difference of two hidden layers, each [batch, units]."""
    return ops.mean(ops.abs(one - other))


def hidden_cross_entropy(one, other):
    """Symmetric cross-entropy of two hidden layers as distributions, each [batch, units]."""
    log_one = ops.log_softmax(one, axis=-1)
    log_other = ops.log_softmax(other, axis=-1)
    there = ops.sum(ops.exp(log_one) * log_other, axis=-1)
    back = ops.sum(ops.exp(log_other) * log_one, axis=-1)
    return -ops.mean(there + back) / 2


def label_cross_entropy(labels, scores):
    """Cross-entropy of class scores [batch, classes] against labels [batch]."""
    return ops.mean(keras.losses.sparse_categorical_crossentropy(labels, scores, from_logits=True))


def class_contrastive(one, other, labels, temperature: float):
    """Supervised contrastive loss between modalities: of one class belongs together.

    Khosla et al. 2020, "Supervised Contrastive Learning", equation 2, with the vectors of the one
    modality as anchors and those of the other as candidates, and the other way round.

    Args:
      one: hidden vectors [batch, units] of one modality.
      other: hidden vectors of the other modality; row i has the class of row i of `one`.
      labels: class of each row, int [batch].
      temperature: number that divides the cosines.
    """
    same = ops.expand_dims(labels, 0) == ops.expand_dims(labels, 1)
    shares = ops.cast(same, one.dtype)
    shares = shares / ops.sum(shares, axis=-1, keepdims=True)
    cosines = ops.matmul(ops.normalize(one, axis=-1), ops.transpose(ops.normalize(other, axis=-1)))
    scores = cosines / temperature
    there = ops.sum(shares * ops.log_softmax(scores, axis=-1), axis=-1)
    back = ops.sum(shares * ops.log_softmax(ops.transpose(scores), axis=-1), axis=-1)
    return -ops.mean(there + back) / 2


def pair_contrastive(one, other, temperature: float):
    """The same where each row of a batch is a class of its own: a pair belongs together."""
    return class_contrastive(one, other, ops.arange(ops.shape(one)[0]), temperature)
