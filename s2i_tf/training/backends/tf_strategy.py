"""On what a run trains: one device, all devices of this machine, or several machines.

Several workers run the same command with the same folder for the run, each with its own
`TF_CONFIG`. The first of them, the chief, alone writes. The functions go by the strategy in whose
scope they are called.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from s2i_tf.errors import UserError

logger = logging.getLogger(__name__)

Strategy = tf.distribute.Strategy

# Seeds of a run are small numbers, so that no other replica has the same.
_BETWEEN_SEEDS = 1_000_003

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "one_device": tf.distribute.get_strategy,
    "mirrored": tf.distribute.MirroredStrategy,
    "multi_worker": tf.distribute.MultiWorkerMirroredStrategy,
}


def build_strategy(name: str) -> Strategy:
    """The strategy of that name; `multi_worker` waits for the workers in `TF_CONFIG`."""
    return STRATEGIES[name]()


def current() -> Strategy:
    """The one in whose scope this is called."""
    return tf.distribute.get_strategy()


def make_deterministic() -> None:
    """Sums in a fixed order; to be called before anything is computed.

    An operation that is deterministic by itself still gives other last digits on another number of
    threads, and where the graph optimizer fuses it. So one thread sums, and nothing is fused.
    """
    tf.config.experimental.enable_op_determinism()
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:  # something was computed before, as in a notebook
        logger.warning("deterministic: TensorFlow runs already and keeps its number of threads")


def versions() -> dict[str, str]:
    """Of the backend's packages."""
    return {"tensorflow": tf.__version__}


def device_kinds() -> list[str]:
    """What kinds of devices there are."""
    return sorted({device.device_type for device in tf.config.list_logical_devices()})


def is_chief() -> bool:
    """Whether this process is the one that writes."""
    resolver = current().cluster_resolver
    return resolver is None or not resolver.task_type or resolver.task_id == 0


def num_workers() -> int:
    """How many processes train together."""
    cluster = getattr(current().cluster_resolver, "cluster_spec", lambda: None)()
    return max(1, sum(cluster.num_tasks(job) for job in cluster.jobs)) if cluster else 1


def any_worker(flag: bool) -> bool:
    """Whether `flag` is set on any worker; waits until all of them have asked."""
    if num_workers() == 1:
        return flag
    strategy = current()
    counts = strategy.run(lambda value: tf.identity(value), args=(tf.constant(float(flag)),))
    return bool(strategy.reduce(tf.distribute.ReduceOp.SUM, counts, axis=None) > 0)


def wait_for_all() -> None:
    """Returns once every worker has come here."""
    any_worker(False)


def distribute(dataset: tf.data.Dataset):
    """Gives every replica its part of each global batch.

    Every worker reads the same batches and keeps its own rows, so that the position in the data
    is the same number of batches, however many workers go on with a run.
    """
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return current().experimental_distribute_dataset(dataset.with_options(options))


def of_replica(draw: Callable[[int], tf.Tensor], num: int) -> tf.Tensor:
    """So many random rows for the examples of this replica, as one device would draw them.

    Args:
      draw: from a number of rows to that many.
      num: how many each replica takes.
    """
    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return draw(num)
    start = num * replicas.replica_id_in_sync_group
    return draw(num * replicas.num_replicas_in_sync)[start : start + num]


@contextlib.contextmanager
def own_draws(random_states: Sequence[tf.Variable]) -> Iterator[None]:
    """Within it every replica draws numbers of its own, from states that are the same on all.

    Call it within `strategy.run`.

    Args:
      random_states: of all random generators that are used.
    """
    replicas = tf.distribute.get_replica_context()
    if replicas.num_replicas_in_sync == 1:
        yield
        return
    own = [replicas.replica_id_in_sync_group * _BETWEEN_SEEDS, 0]
    for state in random_states:
        state.assign(state + tf.cast(own, state.dtype))
    yield
    for state in random_states:
        state.assign(state - tf.cast(own, state.dtype))


def check_batch_size(batch_size: int) -> None:
    """Raises a UserError if the replicas cannot share a global batch equally."""
    num_replicas = current().num_replicas_in_sync
    if batch_size % num_replicas:
        raise UserError(
            f"batch_size is {batch_size}; allowed: a multiple of the {num_replicas} replicas"
        )
