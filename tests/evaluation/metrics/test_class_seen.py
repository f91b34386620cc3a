import numpy as np

from s2i_tf.evaluation.metrics import class_seen


def test_the_confusion_counts_true_classes_by_row():
    found = class_seen.confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), 3)
    assert found == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]
