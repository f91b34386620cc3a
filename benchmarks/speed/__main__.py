"""Every speed benchmark: one table, ratios first, and its numbers as JSON.

    python -m benchmarks.speed [--only=NAME …] [--out=FILE.json] [--page=docs/speed.md]

Runs what stands in `BENCHMARKS`, one after the other; each module has a `measure()` that gives
`{"rows": [Row, …]}` and whatever else it wants to keep. A benchmark that cannot run here, such as
one beside PyTorch without PyTorch, is named with the reason and left out. `--page` puts the tables
between their marks in a page and the pictures of those that `draw` some into the folder of its
name; with `--report_only` those of an earlier run's JSON. `--only` measures some and leaves the
others in the JSON as they are. Half an hour on 2 cores that do nothing else: other work makes the
clock meaningless.
"""

import argparse
import dataclasses
import importlib
import json
import logging
import os
import pathlib
import platform
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any

from benchmarks import pages
from benchmarks.speed import tables
from benchmarks.speed.workers import WorkerFailed
from s2i_tf import files, logs
from s2i_tf.errors import EXIT_MISTAKE, UserError

# Name on the command line: the module whose `measure()` gives the rows.
BENCHMARKS: dict[str, str] = {
    "step": "benchmarks.speed.step",
    "recipe": "benchmarks.speed.recipe",
    "loop": "benchmarks.speed.loop",
    "multimodal": "benchmarks.speed.multimodal",
    "reading": "benchmarks.speed.reading",
    "extraction": "benchmarks.speed.extraction",
    "generating": "benchmarks.speed.generating",
    "tflite": "benchmarks.speed.tflite",
    "retrieval": "benchmarks.speed.retrieval",
    "two_workers": "benchmarks.speed.two_workers",
    "growth": "benchmarks.speed.growth",
}

_PACKAGES = ("tensorflow", "keras", "numpy", "torch")

logger = logging.getLogger(__name__)


def machine() -> dict[str, object]:
    """What the figures depend on: the processor and the versions."""
    info = pathlib.Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": models[0] if models else platform.processor(),
        "num_cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "load_before": os.getloadavg()[0],
    }


def run(names: Iterable[str], before: Mapping[str, Any]) -> Iterator[dict]:
    """All rows by benchmark, and what the machine is; once after each benchmark.

    Args:
      names: of the benchmarks to measure.
      before: results by benchmark, of which those of these names are replaced.
    """
    benchmarks = dict(before)
    here = machine()
    for name in names:
        began = time.perf_counter()
        logger.info("%s …", name)
        benchmark: dict = {}
        try:
            benchmark |= importlib.import_module(BENCHMARKS[name]).measure()
            benchmark["rows"] = [dataclasses.asdict(row) for row in benchmark["rows"]]
        except (UserError, WorkerFailed) as error:
            logger.warning("%s is left out: %s", name, error)
            benchmark["left_out"] = str(error)
        benchmark["took_seconds"] = time.perf_counter() - began
        benchmarks[name] = benchmark
        yield {
            "machine": here,
            "benchmarks": {name: benchmarks[name] for name in BENCHMARKS if name in benchmarks},
        }


def draw(found: dict, folder: pathlib.Path) -> None:
    """Writes the pictures of the benchmarks that have any, by their function `draw`."""
    for name, benchmark in found["benchmarks"].items():
        module = importlib.import_module(BENCHMARKS[name])
        if hasattr(module, "draw") and "left_out" not in benchmark:
            module.draw(benchmark, folder)


def main() -> None:
    """Measures, prints the table and writes what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, help="Measures these alone.")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write, or to report on.")
    parser.add_argument("--page", type=pathlib.Path, help="Markdown page to put the tables into.")
    parser.add_argument("--report_only", action="store_true", help="Measures nothing.")
    given = parser.parse_args()
    logs.show("benchmarks", __name__)
    try:
        if given.report_only:
            found = json.loads(given.out.read_text())
        else:
            if given.out:
                given.out.parent.mkdir(parents=True, exist_ok=True)
            before = {}
            if given.only and given.out and given.out.exists():
                before = json.loads(given.out.read_text())["benchmarks"]
            for found in run(given.only or BENCHMARKS, before):
                if given.out:
                    files.write_json(given.out, found)
        blocks = tables.blocks(found, BENCHMARKS)
        if given.page:
            pages.fill(given.page, blocks)
            draw(found, given.page.with_suffix(""))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_MISTAKE)
    print(blocks["summary"])


if __name__ == "__main__":
    main()
