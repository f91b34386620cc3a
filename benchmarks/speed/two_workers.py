"""Two workers of one core each, beside one worker on one core, at the same global batch.

Both sides take the package's step of the image GAN. The two workers are processes that speak over
the loopback interface; a step ends when both have the sum of their gradients.
"""

import contextlib
import socket
from collections.abc import Mapping
from concurrent import futures
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Took, Worker

_SIDES = "benchmarks.speed.two_workers_sides"
_GOAL = 1.7
_NUM_WORKERS = 2
_PICTURE_SIDE = 128
_FILTERS = 32
# The larger one reaches the goal by its work; the smaller one shows what the sum costs.
_BATCH_SIZES = (64, 16)


def measure(
    *,
    picture_side: int = _PICTURE_SIDE,
    filters: int = _FILTERS,
    batch_sizes: tuple[int, ...] = _BATCH_SIZES,
    num_rounds: int = 4,
) -> dict[str, Any]:
    """A row for each global batch."""
    rows = []
    for batch_size in batch_sizes:
        settings = {"side": picture_side, "filters": filters, "batch_size": batch_size}
        with Worker(_SIDES, settings, num_threads=1) as one, _together(settings) as both:
            times = in_turns(both, one.take, num_rounds=num_rounds, num_warm_up=1)
            goal = _GOAL if batch_size == batch_sizes[0] else None
            what = f"two workers, global batch {batch_size}, {filters} filters"
            more = {"batch_size": batch_size, **one.info}
            rows.append(compare(what, "one worker on one core", times, goal=goal, more=more))
    return {"rows": rows}


@contextlib.contextmanager
def _together(settings: Mapping[str, Any]):
    """Workers that wait for one another; gives what takes steps with all of them."""
    addresses = [f"localhost:{port}" for port in free_ports(_NUM_WORKERS)]
    with futures.ThreadPoolExecutor(_NUM_WORKERS) as threads, contextlib.ExitStack() as stack:
        starting = [
            threads.submit(
                Worker,
                _SIDES,
                {**settings, "index": index, "addresses": addresses},
                num_threads=1,
            )
            for index in range(_NUM_WORKERS)
        ]
        workers = [stack.enter_context(started.result()) for started in starting]

        def take(num_steps: int) -> Took:
            took = list(threads.map(lambda worker: worker.take(num_steps), workers))
            return Took(
                max(each.seconds for each in took),
                sum(each.processor_seconds for each in took),
                sum(each.peak_bytes for each in took),
            )

        yield take


def free_ports(num: int) -> list[int]:
    """Ports of this machine that nothing listens to."""
    sockets = [socket.socket() for _ in range(num)]
    for one in sockets:
        one.bind(("localhost", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """Where the time of a step of two workers goes: half of one's, and all that comes on top."""
    lines = []
    for row in benchmark["rows"]:
        num_weights = row["more"]["num_weights"]
        one, both = (min(row[side]) for side in ("against_seconds", "seconds"))
        half = one / _NUM_WORKERS
        lines.append(
            (
                str(row["more"]["batch_size"]),
                f"{4 * num_weights / 1e6:.0f} MB",
                tables.seconds(one),
                f"{tables.seconds(half)} ({half / both:.0%})",
                f"{tables.seconds(max(both - half, 0.0))} ({1 - half / both:.0%})",
                tables.seconds(both),
            )
        )
    head = ("global batch", "gradients", "one worker", "half of that", "the rest", "two workers")
    return {"profile": tables.table(head, lines)}
