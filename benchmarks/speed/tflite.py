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
# By quantisation: the goal, if it has one.
# Not full_int8: the export refuses it for this model, as 8-bit activations do not carry YAMNet's
# logarithm of the spectrum (pictures differ by 0.23 on average, 0.2 is allowed).
_GOALS = {"float32": None, "dynamic_int8": 2.0}


def measure(*, num_rounds: int = 9, num_steps: int = 40) -> dict[str, Any]:
    """A row for each quantisation.

    Raises:
      UserError: if the sound net is not in the cache, or nothing is installed that runs the files.
    """
    from benchmarks.speed import tflite_sides

    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        exports = tflite_sides.export(pathlib.Path(temporary), tuple(_GOALS))
        saved_model = {"side": "saved_model", "path": exports.pop("saved_model")["path"]}
        with Worker(_SIDES, saved_model, num_threads=1) as theirs:
            for quantization, goal in _GOALS.items():
                export = exports[quantization]
                settings = {"side": "tflite", "path": export.pop("path")}
                with Worker(_SIDES, settings, num_threads=1) as ours:
                    times = in_turns(
                        ours.take, theirs.take, num_rounds=num_rounds, num_steps=num_steps
                    )
                what = f"TFLite, {quantization.replace('_', ' ')}, batch 1"
                rows.append(compare(what, "the SavedModel", times, goal=goal, more=export))
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
