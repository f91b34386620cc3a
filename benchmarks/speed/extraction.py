"""Feature extraction from files beside the same nets on batches that are ready.

The stage `extract` of the preparation takes made-up sounds (FLAC) and pictures (JPEG) of a
temporary folder: decoding, windows and crops, the net, for a picture also its square as JPEG, and
the part's file. Beside it the net runs on the same batches in memory. The nets have one thread on
both sides; the stage decodes in threads of its own beside them.
"""

import pathlib
import tempfile
from typing import Any

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
                more = {"num_pairs": num_pairs, **ours.info}
            rows.append(
                compare(_KINDS[kind], "the nets on ready batches", times, goal=_GOAL, more=more)
            )
    return {"rows": rows}
