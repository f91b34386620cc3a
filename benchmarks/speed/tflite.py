"""The TFLite files of the package's model beside its SavedModel, one sound at a time.

Both are exported here, which compares their pictures with Keras', and both run on one thread: the
window of a sound goes in, its picture comes out as an array.
"""

import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Worker

_SIDES = "benchmarks.speed.tflite_sides"
# Not those of 8 bits: the export refuses them for this model, see docs/tflite.md.
_QUANTIZATIONS = ("float32", "float16")


def measure(*, num_rounds: int = 9, num_steps: int = 40) -> dict[str, Any]:
    """A row for each quantisation.

    Raises:
      UserError: if the sound net is not in the cache, or nothing is installed that runs the files.
    """
    from benchmarks.speed import tflite_sides

    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        exports = tflite_sides.export(pathlib.Path(temporary), _QUANTIZATIONS)
        saved_model = {"side": "saved_model", "path": exports.pop("saved_model")["path"]}
        with Worker(_SIDES, saved_model, num_threads=1) as theirs:
            for quantization in _QUANTIZATIONS:
                export = exports[quantization]
                settings = {"side": "tflite", "path": export.pop("path")}
                with Worker(_SIDES, settings, num_threads=1) as ours:
                    times = in_turns(
                        ours.take, theirs.take, num_rounds=num_rounds, num_steps=num_steps
                    )
                what = f"TFLite, {quantization}, batch 1"
                rows.append(compare(what, "the SavedModel", times, more=export))
    return {"rows": rows}


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """Size and accuracy of each file."""
    lines = [
        [
            row["what"],
            f"{row['more']['num_bytes'] / 2**20:.1f} MiB",
            f"{row['more']['mean_difference']:.2g}",
            f"{row['more']['allowed']:g}",
        ]
        for row in benchmark["rows"]
    ]
    head = ("file", "size", "mean difference from Keras", "allowed")
    return {"accuracy": tables.table(head, lines)}
