"""Names of the labels that the classifiers score, in the order of their outputs.

The order of the 1000 ImageNet labels is that of `keras.applications` and of SoundNet's head. Nets
with 1001 outputs have a background class before them, which must be dropped first. Two names
occur twice (`crane`, the bird and the machine, and `maillot`), so labels are compared by index.
"""

from s2i_tf import spec
from s2i_tf.features import weights as weights_lib

NUM_LABELS = {"imagenet": spec.NUM_IMAGENET_LABELS, "places": 401}


def load(kind: str) -> tuple[str, ...]:
    """The names, fetched at first use.

    Args:
      kind: a key of `NUM_LABELS`.

    Raises:
      UserError: if they can't be fetched.
    """
    return tuple(weights_lib.load("labels")[kind].tolist())


def numbered(kind: str, num_labels: int | None = None) -> tuple[str, ...]:
    """Stand-ins where there are no names, or where random weights don't deserve a download."""
    return tuple(f"{kind} {index}" for index in range(num_labels or NUM_LABELS[kind]))
