"""Waveforms to pictures beside the convolutions and matrix products alone; a cold `s2i generate`.

The package's own model, as `serving_default` serves it: request checks, window, scaling, the sound
net, the multimodal layers and both GANs. Beside it stand the convolutions and products of the same
graph and nothing else. Both sides run on one thread.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import compare, in_turns
from benchmarks.speed.workers import Worker
from s2i_tf import spec
from s2i_tf.errors import UserError

_SIDES = "benchmarks.speed.generating_sides"
_COLD = "benchmarks.speed.generating_cold"
_GOAL = 0.85
_SOUND_SECONDS = 7.0
_SOUND_RATE_HZ = 44_100


def measure(
    *,
    batch_sizes: tuple[int, ...] = (1, 16),
    num_rounds: int = 9,
    num_pictures: int = 32,
    num_cold_runs: int = 3,
) -> dict[str, Any]:
    """The rows, with so many pictures in a turn, and the seconds of cold runs.

    Raises:
      UserError: if the sound net is not in the cache.
    """
    from benchmarks.speed import generating_sides

    generating_sides.require_sound_net()
    rows = []
    for batch_size in batch_sizes:
        sides = [{"side": side, "batch_size": batch_size} for side in ("waveform", "products")]
        with (
            Worker(_SIDES, sides[0], num_threads=1) as ours,
            Worker(_SIDES, sides[1], num_threads=1) as alone,
        ):
            num_steps = max(num_pictures // batch_size, 2)
            times = in_turns(ours.take, alone.take, num_rounds=num_rounds, num_steps=num_steps)
            what = f"waveform to picture, batch {batch_size}"
            against = "its convolutions and products alone"
            rows.append(compare(what, against, times, goal=_GOAL, more=alone.info))
    profiles = {}
    for batch_size in batch_sizes:
        settings = {"side": "profile", "batch_size": batch_size}
        with Worker(_SIDES, settings, num_threads=1) as profiled:
            profiles[batch_size] = profiled.info
    return {"rows": rows, "profiles": profiles, "cold": cold(num_cold_runs)}


def cold(num_runs: int) -> dict[str, Any]:
    """Seconds of `s2i generate` of one WAV file in a new process, and where they go."""
    from s2i_tf.serving import examples

    with tempfile.TemporaryDirectory() as folder:
        sound = pathlib.Path(folder, "sound.wav")
        num_seconds = _SOUND_SECONDS * _SOUND_RATE_HZ / spec.SAMPLE_RATE_HZ
        sound.write_bytes(examples.wav_file(examples.sounds(num_seconds, 1)[0], _SOUND_RATE_HZ))
        arguments = [str(sound), f"--out={folder}/pictures"]
        command = [sys.executable, "-m", "s2i_tf.cli.main", "generate", *arguments]
        whole = [_seconds_of(command) for _ in range(num_runs)]
        parts = []
        for _ in range(num_runs):
            with Worker(_COLD, {"arguments": arguments}) as worker:
                parts.append(worker.info["seconds"])
    return {"seconds": whole, "parts": parts}


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """Where the time goes, of a picture and of a cold run, in shares that add up."""
    found = {
        f"batch-{batch_size}": _shares(
            profile["ops"], profile["all"], "between the ops, and the call"
        )
        for batch_size, profile in benchmark["profiles"].items()
    }
    cold_runs = benchmark["cold"]
    medians = {
        name: statistics.median(run[name] for run in cold_runs["parts"])
        for name in cold_runs["parts"][0]
    }
    total = statistics.median(cold_runs["seconds"])
    found["cold"] = _shares(medians, total, "starting and ending Python, reading flags")
    return found


def _shares(seconds: Mapping[str, float], total: float, rest: str) -> str:
    """A table of the parts, of what is left of the total, and of the total."""
    return tables.shares({**seconds, rest: total - sum(seconds.values())}, "all")


def _seconds_of(command: list[str]) -> float:
    began = time.perf_counter()
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise UserError(finished.stderr.strip().splitlines()[-1])
    return time.perf_counter() - began
