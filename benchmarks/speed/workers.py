"""Processes that take the two sides' steps in turn, each with threads and libraries of its own.

A side of a comparison is a module that calls `serve` when it runs: it builds a step once, and then
takes it as often as it is told to. Two frameworks in one process would share, or fight over,
thread pools and memory; as processes one sleeps while the other is timed.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Step = Callable[[], Any]

_THREAD_VARIABLES = (
    "TF_NUM_INTRAOP_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


@dataclasses.dataclass(frozen=True)
class Took:
    """What some steps took together.

    Attributes:
      seconds: by the clock.
      processor_seconds: of all threads together.
      peak_bytes: the most memory that the process has held so far.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int


class WorkerFailed(Exception):
    """A side that could not be built or ended; its message is the last line of its errors."""


class Worker:
    """A running side.

    Args:
      module: whose process calls `serve`.
      settings: for its `build`, as JSON.
      num_threads: that it may use; None for as many as there are cores.
      python: the interpreter that runs it.

    Raises:
      WorkerFailed: if it ends before it is ready.
    """

    def __init__(
        self,
        module: str,
        settings: Mapping[str, Any] | None = None,
        *,
        num_threads: int | None = None,
        python: str = sys.executable,
    ):
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
        if num_threads is not None:
            environment |= {name: str(num_threads) for name in _THREAD_VARIABLES}
            environment["TF_NUM_INTEROP_THREADS"] = "1" if num_threads == 1 else "2"
        self._process = subprocess.Popen(
            [python, "-m", module, json.dumps(dict(settings or {}))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        try:
            self.info: dict[str, Any] = self._read()  # what `build` tells about the step
        except WorkerFailed:
            self.close()
            raise

    def take(self, num_steps: int = 1) -> Took:
        """Takes steps and waits for them."""
        self._process.stdin.write(f"{num_steps}\n")
        self._process.stdin.flush()
        return Took(**self._read())

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            lines = self._process.stderr.read().strip().splitlines()
            raise WorkerFailed(lines[-1] if lines else f"ended with {self._process.wait()}")
        return json.loads(line)


def serve(build: Callable[..., Step | tuple[Step, Mapping[str, Any]]]) -> None:
    """Builds a step from the settings on the command line and takes it as often as asked.

    Args:
      build: of the settings as keywords; gives the step, and what the other end may know of it.
    """
    with _answers() as answer:
        built = build(**json.loads(sys.argv[1]))
        step, info = built if isinstance(built, tuple) else (built, {})
        answer(dict(info))
        for line in sys.stdin:
            answer(dataclasses.asdict(timed(step, int(line))))


def timed(step: Step, num_steps: int) -> Took:
    """Takes steps in this process, and times them."""
    began = time.perf_counter(), time.process_time()
    for _ in range(num_steps):
        step()
    seconds = time.perf_counter() - began[0], time.process_time() - began[1]
    return Took(*seconds, _peak_bytes())


def _peak_bytes() -> int:
    """The most memory that this process has held; `ru_maxrss` begins with what its parent had."""
    status = pathlib.Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else ()
    kibibytes = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
    return (kibibytes or [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss])[0] << 10


@contextlib.contextmanager
def _answers() -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Writes lines of JSON to where standard output was; what libraries print goes to errors."""
    with os.fdopen(os.dup(1), "w") as stream:
        os.dup2(2, 1)

        def answer(values: Mapping[str, Any]) -> None:
            stream.write(json.dumps(values) + "\n")
            stream.flush()

        yield answer
