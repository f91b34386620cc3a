"""What differs between Keras' backends, chosen by the one that runs.

- `pipeline`: batches and whole splits of prepared data.
- `steps`: several training steps in one call of a compiled function.
- `strategy`: on what devices a run trains.
- `updates`: gradients, and one update of a player's weights.
- `EventWriter`: of TensorBoard's files, or None.

The modules of a name have the same functions. Everything else of `s2i_tf.training` is written with
Keras alone.
"""

import keras

from s2i_tf.errors import UserError

__all__ = ["EventWriter", "pipeline", "steps", "strategy", "updates"]

_NAME = keras.backend.backend()

if _NAME == "tensorflow":
    from s2i_tf.data import pipeline
    from s2i_tf.training.backends import tf_steps as steps
    from s2i_tf.training.backends import tf_strategy as strategy
    from s2i_tf.training.backends import tf_updates as updates
    from s2i_tf.training.backends.tf_events import EventWriter
elif _NAME == "jax":
    from s2i_tf.data import arrays as pipeline
    from s2i_tf.training.backends import jax_steps as steps
    from s2i_tf.training.backends import jax_strategy as strategy
    from s2i_tf.training.backends import jax_updates as updates

    EventWriter = None
else:
    raise UserError(f"Keras runs on {_NAME}; allowed: tensorflow, jax")
