"""The losses that pull the hidden vectors of the two modalities together (paper section 5.3).

The paper names an L1 loss, which depends on the vectors' size, and a cross-entropy "to quantify
the loss independently of this", without a formula. Here each hidden vector becomes a
distribution over the hidden units by a softmax, and the cross-entropy is taken both ways.
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
