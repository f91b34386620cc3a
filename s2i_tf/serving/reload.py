"""Loads a SavedModel and calls its signatures, as a process that has TensorFlow alone.

python reload.py FOLDER REQUESTS.npz ANSWERS.npz

The arrays of both files are named `signature/input` and `signature/output`. Byte strings go in as
rows of uint8; PNG files come out decoded. It is run as a script and imports nothing of this
package, so that an export which needs more than TensorFlow fails here and not with its user.
"""

import collections
import sys

import numpy as np
import tensorflow as tf

_FOREIGN = ("s2i_tf", "tensorflow_io")


def main(folder: str, requests_file: str, answers_file: str) -> None:
    """Answers every request of one file into another."""
    calls: dict[str, dict[str, tf.Tensor]] = collections.defaultdict(dict)
    with np.load(requests_file) as requests:
        for key, values in requests.items():
            signature, name = key.split("/")
            if values.dtype == np.uint8:
                values = np.array([row.tobytes() for row in values], object)
            calls[signature][name] = tf.constant(values)
    loaded = tf.saved_model.load(folder)
    if set(calls) != set(loaded.signatures):
        sys.exit(f"signatures {sorted(loaded.signatures)}; expected {sorted(calls)}")
    answers = {}
    for signature, inputs in calls.items():
        for name, values in loaded.signatures[signature](**inputs).items():
            answers[f"{signature}/{name}"] = _decoded(values.numpy())
    if foreign := set(_FOREIGN) & set(sys.modules):
        sys.exit(f"loading it imported {', '.join(sorted(foreign))}")
    np.savez(answers_file, **answers)


def _decoded(values: np.ndarray) -> np.ndarray:
    if values.dtype != object:
        return values
    pictures = [tf.io.decode_png(file).numpy() for file in values.flat]
    return np.stack(pictures).reshape(*values.shape, *pictures[0].shape)


if __name__ == "__main__":
    main(*sys.argv[1:])
