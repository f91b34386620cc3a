"""How long the workers spend in decoding, nets and writing, as Beam metrics."""

import contextlib
import logging
import time
from collections.abc import Iterator

from apache_beam.metrics.metric import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

logger = logging.getLogger(__name__)

NAMESPACE = "tfrecords_tools"


@contextlib.contextmanager
def measure(name: str) -> Iterator[None]:
    """Adds the time of the block to the counter `name` (microseconds, all workers together)."""
    start = time.perf_counter()
    yield
    add(name, time.perf_counter() - start)


def add(name: str, seconds: float) -> None:
    """Adds time to the counter `name`; counts in a worker's own thread alone."""
    Metrics.counter(NAMESPACE, name).inc(int(seconds * 1e6))


def account(
    stage: str, num_rows: int, wall_seconds: float, result: PipelineResult | None = None
) -> dict:
    """Logs what the workers spent their time on, and returns it as JSON values.

    Args:
      stage: name of the stage.
      num_rows: number of rows that were done.
      wall_seconds: time from the stage's start to its end.
      result: the finished pipeline, where the stage ran one.
    """
    counters = []
    if result:
        with contextlib.suppress(NotImplementedError):  # Dask keeps none
            counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    work_seconds = {counter.key.metric.name: counter.result / 1e6 for counter in counters}
    total = sum(work_seconds.values())
    if total:
        shares = ", ".join(
            f"{name} {part / total:.0%}" for name, part in sorted(work_seconds.items())
        )
        logger.info("%s: %.1f s of work: %s", stage, total, shares)
    return {
        "stage": stage,
        "num_rows": num_rows,
        "wall_seconds": wall_seconds,
        "work_seconds": work_seconds,
    }
