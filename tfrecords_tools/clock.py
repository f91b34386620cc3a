"""How long the workers spend in decoding, nets and writing, as Beam metrics."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping

from apache_beam.metrics.metric import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

logger = logging.getLogger(__name__)

NAMESPACE = "tfrecords_tools"


@contextlib.contextmanager
def measure(name: str) -> Iterator[None]:
    """Adds the time of the block to the counter `name` (microseconds, all workers together)."""
    start = time.perf_counter()
    yield
    Metrics.counter(NAMESPACE, name).inc(int((time.perf_counter() - start) * 1e6))


def log_shares(stage: str, result: PipelineResult) -> None:
    """Logs what the workers spent their time on."""
    spent = seconds(result)
    total = sum(spent.values())
    if total:
        shares = ", ".join(f"{name} {value / total:.0%}" for name, value in sorted(spent.items()))
        logger.info("%s: %.1f s of work: %s", stage, total, shares)


def seconds(result: PipelineResult) -> Mapping[str, float]:
    """The counters of a finished pipeline, in seconds."""
    found = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    return {counter.key.metric.name: counter.result / 1e6 for counter in found}
