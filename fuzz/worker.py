"""Damages the inputs of one target and feeds it with them, in a process that may come to grief."""

import hashlib
import logging
import os
import pathlib
import sys
import tempfile
import time
import traceback

import hypothesis
from hypothesis import strategies as st

from fuzz.targets import TARGETS, Run, Seed

_EXAMPLES_AT_ONCE = 500
_MAX_CHANGES = 6
_MAX_INSERTED = 40
# Lengths, counts and offsets that programs stumble over.
_NUMBERS = (0, 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)


class State:
    """What a worker is at, in files that are there still when it is not."""

    def __init__(self, folder: pathlib.Path):
        self._count, self._current = folder / "count", folder / "current"

    def clear(self) -> None:
        """Forgets what was."""
        self._count.unlink(missing_ok=True)
        self._current.unlink(missing_ok=True)

    def begin(self, count: int, contents: bytes) -> None:
        """Notes an input, the number `count`, before it is tried."""
        self._current.write_bytes(contents)
        self._count.write_text(str(count))

    @property
    def count(self) -> int:
        """How many inputs were begun."""
        try:
            return int(self._count.read_text() or 0)
        except FileNotFoundError:
            return 0

    @property
    def current(self) -> bytes:
        """The last one."""
        return self._current.read_bytes() if self._current.exists() else b""


def save_finding(out: pathlib.Path, name: str, contents: bytes, fault: str) -> None:
    """Writes an input and what it did; what has come to pass before is passed over.

    A finding is known by the lines of code it came by, or else by its input.
    """
    where = "".join(line for line in fault.splitlines(True) if line.startswith("  File"))
    digest = hashlib.sha256(where.encode() or contents).hexdigest()[:12]
    path = out / f"{name}-{digest}"
    if not path.with_suffix(".txt").exists():
        path.with_suffix(".bin").write_bytes(contents)
        path.with_suffix(".txt").write_text(fault + "\n", encoding="utf-8")


@st.composite
def _damaged(draw: st.DrawFn, seeds: list[Seed]) -> Seed:
    """A seed with some bytes changed, cut out, put in, or taken from another."""
    seed = draw(st.sampled_from(seeds))
    contents = bytearray(seed.contents)
    for _ in range(draw(st.integers(0, _MAX_CHANGES))):
        # Half of the changes in the first bytes, where headers are.
        size = min(len(contents), 256) if draw(st.booleans()) else len(contents)
        at = draw(st.integers(0, size))
        kind = draw(st.sampled_from(("bytes", "number", "cut", "end", "insert", "copy", "bit")))
        if kind == "bytes":
            new = draw(st.binary(min_size=1, max_size=8))
            contents[at : at + len(new)] = new
        elif kind == "number":
            width, order = (
                draw(st.sampled_from((2, 4, 8))),
                draw(st.sampled_from(("little", "big"))),
            )
            number = draw(st.sampled_from(_NUMBERS)) % 2 ** (8 * width)
            contents[at : at + width] = number.to_bytes(width, order)
        elif kind == "cut":
            del contents[at : at + draw(st.integers(1, 1 + len(contents) // 4))]
        elif kind == "end":
            del contents[at:]
        elif kind == "insert":
            contents[at:at] = draw(st.binary(max_size=_MAX_INSERTED))
        elif kind == "copy":
            other = draw(st.sampled_from(seeds)).contents
            start = draw(st.integers(0, len(other)))
            contents[at:at] = other[start : start + draw(st.integers(1, 400))]
        elif at < len(contents):
            contents[at] ^= 1 << draw(st.integers(0, 7))
    return Seed(seed.name, bytes(contents))


def main(name: str, seconds: float, seed: int, out: pathlib.Path) -> None:
    """Fuzzes a target for so many seconds of the processor, from when all is ready."""
    logging.disable(logging.CRITICAL)
    state = State(out / name)
    with tempfile.TemporaryDirectory() as temporary:
        seeds, run = TARGETS[name](pathlib.Path(temporary))
        for one in seeds:  # what is whole has to work, and whatever is slow at first is done
            run(one)
        state.begin(0, b"")
        deadline = time.process_time() + seconds
        while time.process_time() < deadline:
            found = _fuzz(seeds, run, state, seed, deadline)
            if found:
                save_finding(out, name, *found)
            seed += 1
    os._exit(0)  # native libraries that were fed with damage need not end well


def _fuzz(
    seeds: list[Seed], run: Run, state: State, seed: int, deadline: float
) -> tuple[bytes, str] | None:
    """Tries some hundred inputs; the finding among them, as simple as it could be made, if any."""
    failed: list[tuple[bytes, str]] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=_EXAMPLES_AT_ONCE,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=(hypothesis.Phase.generate, hypothesis.Phase.shrink),
    )
    @hypothesis.given(_damaged(seeds))
    def attempt(damaged: Seed) -> None:
        if time.process_time() > deadline:
            return
        state.begin(state.count + 1, damaged.contents)
        try:
            run(damaged)
        except Exception:
            failed.append((damaged.contents, f"{damaged.name}\n{traceback.format_exc()}"))
            raise

    try:
        attempt()
    except Exception:
        if not failed:
            raise
    return failed[-1] if failed else None


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
