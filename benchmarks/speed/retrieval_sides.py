"""The sides of `benchmarks.speed.retrieval`: the package's ranking, and NumPy's product alone.

Vectors lie in `.npy` files, those of a side's targets in float16. The package reads them mapped
into memory; NumPy has them all in memory as float32, as it needs them.
"""

import contextlib
import os
import pathlib
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

from benchmarks.speed.workers import Step, serve

SIDES = ("ours", "numpy", "parts")
_NUMPY_BLOCK_BYTES = 256 << 20


def write_vectors(folder: pathlib.Path, name: str, num: int, size: int, num_classes: int) -> None:
    """Random vectors that lean towards their class, as float16, and their labels."""
    import numpy as np

    rng = np.random.default_rng(num)
    labels = rng.integers(0, num_classes, num)
    centres = np.random.default_rng(0).standard_normal((num_classes, size), np.float32) / 8
    file = np.lib.format.open_memmap(
        folder / f"{name}.npy", mode="w+", dtype=np.float16, shape=(num, size)
    )
    for start in range(0, num, 1024):
        rows = labels[start : start + 1024]
        file[start : start + len(rows)] = centres[rows] + rng.standard_normal(
            (len(rows), size), np.float32
        )
    file.flush()
    np.save(folder / f"{name}_labels.npy", labels)


def build(
    side: str, folder: str, targets: str, num_queries: int, core_type: str = ""
) -> tuple[Step, dict[str, Any]]:
    """A step of one side.

    Args:
      side: one of `SIDES`; `parts` takes one step of ours at once and tells how long its parts
        took.
      folder: that `write_vectors` wrote into, `queries` among others.
      targets: the name of the targets there.
      num_queries: how many of the queries a step takes.
      core_type: the kernels that NumPy's OpenBLAS should use; empty for those it chooses.
    """
    if core_type:
        os.environ["OPENBLAS_CORETYPE"] = core_type  # read when NumPy is imported
    import numpy as np

    def load(name: str) -> np.ndarray:
        return np.load(pathlib.Path(folder, f"{name}.npy"), mmap_mode="r")

    queries = load("queries")[:num_queries]
    if side == "numpy":
        return _product(queries.astype(np.float32), load(targets).astype(np.float32)), {}
    labels = np.array(load("queries_labels")[:num_queries]), np.array(load(f"{targets}_labels"))

    from s2i_tf.evaluation import neighbors

    def rank() -> None:
        neighbors.rank(queries, labels[0], load(targets), labels[1])

    neighbors.rank(queries[:64], labels[0][:64], load(targets)[:64], labels[1][:64])
    return rank, dict(_parts(rank)) if side == "parts" else {}


def _product(queries: Any, targets: Any) -> Step:
    """All products, a block of queries at a time: together they would not fit."""
    import numpy as np

    num_rows = max(1, min(len(queries), _NUMPY_BLOCK_BYTES // (4 * len(targets))))
    products = np.empty((num_rows, len(targets)), np.float32)

    def multiply() -> None:
        for start in range(0, len(queries), num_rows):
            block = queries[start : start + num_rows]
            np.matmul(block, targets.T, out=products[: len(block)])

    return multiply


def _parts(rank: Step) -> Iterator[tuple[str, float]]:
    """Seconds of one step by part, which add up to the whole."""
    from s2i_tf.evaluation import neighbors, on_disk

    homes = {"_products": neighbors, "read": on_disk, "squared_norms": neighbors}
    took = dict.fromkeys(homes, 0.0)
    running: list[str] = []

    def timed(name: str) -> contextlib.AbstractContextManager:
        function = getattr(homes[name], name)

        def call(*args: Any) -> Any:
            running.append(name)
            began = time.perf_counter()
            try:
                return function(*args)
            finally:
                seconds = time.perf_counter() - began
                running.pop()
                took[name] += seconds
                if running:  # what it calls is not its own
                    took[running[-1]] -= seconds

        return mock.patch.object(homes[name], name, call)

    with contextlib.ExitStack() as stack:
        for name in took:
            stack.enter_context(timed(name))
        began = time.perf_counter()
        rank()
        whole = time.perf_counter() - began
    yield "products", took["_products"]
    yield "reading, and norms", took["read"] + took["squared_norms"]
    yield "ranks and the nearest", whole - sum(took.values())


def best_core_type() -> str:
    """OpenBLAS's name of the kernels that fit this processor; empty if it is not known here."""
    if os.environ.get("OPENBLAS_CORETYPE"):
        return ""
    info = pathlib.Path("/proc/cpuinfo")
    flags = info.read_text().split() if info.exists() else ()
    kinds = {"avx512f": "SkylakeX", "avx2": "Haswell"}
    return next((kernels for flag, kernels in kinds.items() if flag in flags), "")


if __name__ == "__main__":
    serve(build)
