"""Waveforms to pictures beside the convolutions and products alone; a cold `s2i generate`.

The package's own model, as `serving_default` serves it: request checks, window, scaling, the sound
net, the multimodal layers and both GANs. Beside it stand the convolutions and products of the same
graph and nothing else. Both sides run on one thread. The command is timed as a whole process, from
a sound in a file to the picture's, with either of what it runs on.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.speed import tables
from benchmarks.speed.comparing import Row, compare, in_turns
from benchmarks.speed.workers import Took, Worker
from s2i_tf import spec
from s2i_tf.errors import UserError

_SIDES = "benchmarks.speed.generating_sides"
_GOAL = 0.85
_COLD_RUNTIMES = ("lite", "tensorflow")
_COLD_GOAL_SECONDS = 1.0
_COLD_GOAL_BYTES = 200e6
# A process counts the memory of the one that it was forked from, so a small one starts the command.
_LAUNCHER = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print(json.dumps([seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]))
sys.exit(os.waitstatus_to_exitcode(status))
"""
_SOUND_SECONDS = 7.0
_SOUND_RATE_HZ = 44_100


def measure(
    *,
    batch_sizes: tuple[int, ...] = (1, 16),
    num_rounds: int = 9,
    num_pictures: int = 32,
    num_cold_runs: int = 5,
) -> dict[str, Any]:
    """The rows, with so many pictures in a turn, and where the time of a picture goes.

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
    rows.append(cold(num_cold_runs))
    return {"rows": rows, "profiles": profiles}


def cold(num_runs: int) -> Row:
    """`s2i generate` of one WAV file in a new process, without TensorFlow beside with it."""
    from s2i_tf.serving import examples

    with tempfile.TemporaryDirectory() as folder:
        sound = pathlib.Path(folder, "sound.wav")
        num_seconds = _SOUND_SECONDS * _SOUND_RATE_HZ / spec.SAMPLE_RATE_HZ
        sound.write_bytes(examples.wav_file(examples.sounds(num_seconds, 1)[0], _SOUND_RATE_HZ))
        command = [sys.executable, "-m", "s2i_tf.cli.main", "generate", str(sound)]
        command.append(f"--out={folder}/pictures")

        def take(runtime: str) -> Callable[[int], Took]:
            return lambda _: _whole_process([*command, f"--runtime={runtime}"])

        times = in_turns(*map(take, _COLD_RUNTIMES), num_rounds=num_runs, num_warm_up=1)
    peaks = [statistics.median(took.peak_bytes for took in side) for side in times]
    what = f"cold `s2i generate --runtime={_COLD_RUNTIMES[0]}`"
    return compare(what, f"`--runtime={_COLD_RUNTIMES[1]}`", times, more={"peak_bytes": peaks})


def blocks(benchmark: Mapping[str, Any]) -> dict[str, str]:
    """Where the time of a picture goes, in shares that add up, and what a cold run takes."""
    found = {
        f"batch-{batch_size}": _shares(
            profile["ops"], profile["all"], "between the ops, and the call"
        )
        for batch_size, profile in benchmark["profiles"].items()
    }
    row = benchmark["rows"][-1]
    lines = [
        (f"`{runtime}`", tables.seconds(statistics.median(row[times])), f"{peak / 1e6:.0f} MB")
        for runtime, times, peak in zip(
            _COLD_RUNTIMES, ("seconds", "against_seconds"), row["more"]["peak_bytes"], strict=True
        )
    ]
    goal = ("goal", tables.seconds(_COLD_GOAL_SECONDS), f"{_COLD_GOAL_BYTES / 1e6:.0f} MB")
    found["cold"] = tables.table(("`--runtime`", "whole process", "peak of memory"), [*lines, goal])
    return found


def _shares(seconds: Mapping[str, float], total: float, rest: str) -> str:
    """A table of the parts, of what is left of the total, and of the total."""
    return tables.shares({**seconds, rest: total - sum(seconds.values())}, "all")


def _whole_process(command: list[str]) -> Took:
    finished = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, *command], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise UserError(finished.stderr.strip().splitlines()[-1])
    return Took(*json.loads(finished.stdout))
