"""Feature extraction from files beside the same nets on batches that are ready.

The stage `extract` of the preparation takes made-up sounds (FLAC) and pictures (JPEG) of a
temporary folder: decoding, windows and crops, the net, for a picture also its square as JPEG, and
the part's file. Beside it the net runs on the same batches in memory. The nets have one thread on
both sides; the stage decodes in threads of its own beside them.
"""

import pathlib
import statistics
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Worker

_SIDES = "benchmarks.speed.extraction_sides"
_GOAL = 0.9
_KINDS = {
    "sound": "features of sounds from FLAC files",
    "image": "features of pictures from JPEG files",
    "both": "features of sounds and pictures from files",
}


def measure(
    *, kinds: tuple[str, ...] = tuple(_KINDS), num_pairs: int = 64, num_rounds: int = 7
) -> dict[str, Any]:
    """A row for each kind of items; a step is a part of `num_pairs` of each modality.

    Raises:
      UserError: if a net is not in the cache, or Apache Beam is not installed.
    """
    from benchmarks.speed import extraction_sides

    extraction_sides.require()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        extraction_sides.write_files(pathlib.Path(folder), num_pairs)
        for kind in kinds:
            settings = {"kind": kind, "folder": folder}
            with (
                Worker(_SIDES, {"side": "files", **settings}, num_threads=1) as ours,
                Worker(_SIDES, {"side": "net", **settings}, num_threads=1) as net,
            ):
                times = in_turns(ours.take, net.take, num_rounds=num_rounds, num_warm_up=1)
            net_seconds = statistics.median(took.processor_seconds for took in times[1])
            seconds = {**net.info["seconds"], "the net": net_seconds}
            more = {"num_pairs": num_pairs, **ours.info, "seconds": seconds}
            rows.append(
                compare(_KINDS[kind], "the nets on ready batches", times, goal=_GOAL, more=more)
            )
    return {"rows": rows}


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """What each kind of items costs the processor, one thing after the other."""
    rows = benchmark["rows"]
    lines = []
    for name in rows[0]["more"]["seconds"]:
        cells = []
        for row in rows:
            seconds, num_pairs = row["more"]["seconds"], row["more"]["num_pairs"]
            share = seconds[name] / sum(seconds.values())
            cells.append(f"{1e3 * seconds[name] / num_pairs:.2f} ms, {share:.0%}")
        lines.append([name, *cells])
    head = ("of the processor's time", *(row["what"] for row in rows))
    return {"shares": tables.table(head, lines)}
