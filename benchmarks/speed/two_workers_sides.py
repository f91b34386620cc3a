"""A worker of `benchmarks.speed.two_workers`: the package's step on its part of a global batch."""

import json
import os
from typing import Any

from benchmarks.speed.workers import Step, serve


def build(
    side: int, filters: int, batch_size: int, index: int = 0, addresses: tuple[str, ...] = ()
) -> tuple[Step, dict[str, Any]]:
    """A step of one worker; with others it returns once their gradients are summed up.

    Args:
      side: of the pictures.
      filters: of the networks.
      batch_size: of the global batch.
      index: of this worker.
      addresses: of all workers, `host:port`; none if it works alone.
    """
    if addresses:
        task = {"type": "worker", "index": index}
        config = {"cluster": {"worker": list(addresses)}, "task": task}
        os.environ["TF_CONFIG"] = json.dumps(config)
    import tensorflow as tf

    from benchmarks.speed import image_gan
    from s2i_tf.training.backends import tf_strategy as strategy_lib
    from s2i_tf.training.backends.tf_steps import Steps

    strategy = strategy_lib.build_strategy("multi_worker" if addresses else "one_device")
    with strategy.scope():
        trainer = image_gan.build_trainer(side, filters)
        batch = image_gan.make_batch(side, batch_size)
        # Again and again the same pictures, kept in memory.
        dataset = tf.data.Dataset.from_tensors(batch).repeat()
        batches = strategy_lib.distribute(dataset)
        steps = Steps(trainer, batches)
        iterator = iter(batches)
    return lambda: steps.take(iterator, 1), {"num_weights": image_gan.num_weights(trainer)}


if __name__ == "__main__":
    serve(build)
