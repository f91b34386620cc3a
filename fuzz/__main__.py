"""`python -m fuzz`: looks for inputs that do worse than a result or an error that a user can mend.

    python -m fuzz [--seconds=120] [--targets=sound,photo,…] [--seed=0] [--out=fuzz_out]

Each target of `fuzz.targets` gets an equal share of the time, in a process of its own. It is time
of the processor, from when the process is ready: so other work beside it, and the start of another
process after a finding, cost no inputs. A finding is another exception than the target allows, a
hang, memory beyond the limit, or the end of the process. Findings go to the folder `--out`: the
input, and what it did beside it. The exit code is 1 if there are any; each becomes a test, with its
fix.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

from fuzz import targets, worker

# Of the processor: for one input, and to start, which imports TensorFlow and makes the inputs.
HANG_SECONDS = 20.0
START_SECONDS = 120.0
MAX_BYTES = 4 << 30
_EXIT_FINDINGS = 1


def main() -> int:
    """Runs the targets one after the other; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="for all targets together")
    parser.add_argument("--targets", default=",".join(targets.TARGETS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("fuzz_out"))
    arguments = parser.parse_args()
    names = arguments.targets.split(",")
    unknown = [name for name in names if name not in targets.TARGETS]
    if unknown:
        parser.error(f"unknown targets {unknown}; known: {', '.join(targets.TARGETS)}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        _run(name, arguments.seconds / len(names), arguments.seed, arguments.out)
    findings = sorted(arguments.out.glob("*.txt"))
    for path in findings:
        print(f"{path}: {path.read_text(encoding='utf-8').splitlines()[0]}")
    return _EXIT_FINDINGS if findings else 0


def _run(name: str, seconds: float, seed: int, out: pathlib.Path) -> None:
    """Fuzzes a target for so long; where its process had to end, another goes on."""
    (out / name).mkdir(exist_ok=True)
    state, total, fault = worker.State(out / name), 0, "none yet"
    while fault and seconds > 0:
        state.clear()
        command = [sys.executable, "-m", "fuzz.worker", name, str(seconds), str(seed), str(out)]
        with subprocess.Popen(command) as process:
            fault, used = _watch(process, state)
        seconds -= used
        total += state.count
        seed += state.count + 1  # beyond all that it took: the same again would meet the same
        if fault:
            worker.save_finding(out, name, state.current, fault)
            if not total:  # the target itself is broken
                break
    print(f"{name}: {total} inputs", flush=True)


def _watch(process: subprocess.Popen, state: worker.State) -> tuple[str, float]:
    """Waits for the end of a worker, or ends it.

    Returns:
      What was wrong, or nothing, and the seconds of the processor since it was ready.
    """
    count, cpu, ready, changed = None, 0.0, 0.0, 0.0
    fault = ""
    while not fault and process.poll() is None:
        time.sleep(0.5)
        try:
            cpu, num_bytes = _usage(process.pid)
        except (OSError, IndexError):  # it has just ended
            continue
        if state.count != count:
            ready = cpu if count is None else ready
            count, changed = state.count, cpu
        if num_bytes > MAX_BYTES:
            fault = f"memory: {num_bytes >> 20} MiB"
        elif count and cpu - changed > HANG_SECONDS:
            fault = f"hang: {cpu - changed:.0f} s of the processor"
        elif not count and cpu > START_SECONDS:
            fault = "hang: it does not start"
    process.kill()
    if process.wait() and not fault:
        fault = f"the process ended with {process.returncode}"
    return fault, cpu - ready


def _usage(pid: int) -> tuple[float, int]:
    """Seconds of the processor that a process has used, and the bytes that it holds, on Linux."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), int(fields[21]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
