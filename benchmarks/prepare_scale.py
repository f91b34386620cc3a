"""How the preparation of videos grows: time and memory by stage at 100, 1,000 and 10,000 clips.

python -m benchmarks.prepare_scale --data=../shared/realpairs --out=FOLDER [--sizes=100,1000,10000]

Muxes 210 videos of real sounds and photos, and makes the clips of copies that differ in a few bytes
(so that they count as files of their own). Every stage then runs as its own command; its processor
time, its peak memory (PSS of the process tree) and what the workers did are measured. Prints one
table and writes it as JSON and Markdown. 10,000 clips take about 20 minutes on 2 cores and 3 GB of
disk.

python -m benchmarks.prepare_scale --out=FOLDER --clips=200000

measures the choice alone, on made-up rows: the stages pair, refine, balance and split of so many
clips and of a tenth of them, each in a process of its own, for what one more clip costs in memory.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator

from benchmarks import pages, videos
from tfrecords_tools import outputs
from tfrecords_tools.engine import row_tables
from tfrecords_tools.engine.rows import Item, Labels, Pair
from tfrecords_tools.stages import balance, label, pair, refine, split

STAGES = ("probe", "label", "pair", "refine", "balance", "split", "extract", "write")
# Only a part of the clips passes the filter; with this many labels about a fifth do.
TOP_K = 10
TWO_MILLION = 2_000_000
PAPER_PAIRS = 104_000
_NUM_ORIGINALS = 210
_SAMPLE_SECONDS = 0.25


def make_clips(originals: pathlib.Path, folder: pathlib.Path, num_clips: int) -> None:
    """Copies of the originals, each with a number in a box that players skip."""
    files = sorted(originals.glob("*.mp4"))
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(num_clips):
        target = folder / f"{number:06}.mp4"
        if not target.exists():
            box = (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")
            target.write_bytes(files[number % len(files)].read_bytes() + box)


def measure(command: list[str]) -> dict[str, float]:
    """Runs a command; its seconds, its processor seconds and its peak memory in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    peak = [0.0]
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(_pss_mb(pid) for pid in _tree(process.pid)))

    sampler = threading.Thread(target=sample)
    sampler.start()
    errors = process.stderr.read()
    process.wait()
    stopped.set()
    sampler.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {errors[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "command_seconds": time.monotonic() - start,
        "processor_seconds": processor,
        "peak_mb": peak[0],
    }


def run_stages(clips: pathlib.Path, out: pathlib.Path) -> list[dict]:
    """Runs every stage on the clips as its own command."""
    found = []
    for stage in STAGES:
        command = [sys.executable, "-m", "tfrecords_tools", stage]
        measured = measure([*command, f"--data={clips}", f"--out={out}", f"--top_k={TOP_K}"])
        account = json.loads((out / outputs.WORK / outputs.ACCOUNTS / f"{stage}.json").read_text())
        found.append({**account, **measured})
    return found


def choose(out: pathlib.Path, num_clips: int) -> None:
    """Pairs, refines, balances and splits made-up clips, a tenth of which agree."""

    def stage(name: str, build: Callable[[], Iterable]) -> row_tables.Table:
        table = row_tables.target_for(str(out / name), "rows", num_clips)
        row_tables.run(name, {}, [], table, build)
        return table

    clips = _Clips(num_clips)
    pairs = stage("pair", lambda: pair.pair_items(clips, 0, by_class=False))
    labels = _LabelsOf(num_clips)
    verdicts = stage(
        "refine", lambda: refine.refine(row_tables.Rows(pairs, Pair), labels, "sets_meet", 3)
    )
    agreeing = row_tables.Rows(verdicts, refine.Verdict, refine.kept_pair)
    kept = stage(
        "balance", lambda: balance.balance(agreeing, 0, 0.9, max_pairs_per_class=num_clips)
    )
    divided = stage("split", lambda: split.split(row_tables.Rows(kept, Pair), 0, 0.9))
    print(f"{num_clips:,} clips: {divided.num_rows():,} pairs kept")


@dataclasses.dataclass
class _Clips:
    """The sound and the picture of each of so many made-up clips."""

    num_clips: int

    def __iter__(self) -> Iterator[Item]:
        for number in range(self.num_clips):
            path = f"videos/{number // 1000:05}/{number:08}.mp4"
            name = f"{path}#t=0.00"
            for modality in ("sound", "image"):
                yield Item(name, modality, path, path, f"{number:016x}", belongs_to=name)


class _LabelsOf(_Clips):
    """Their labels; those of the two sides meet in one clip of ten."""

    def __iter__(self) -> Iterator[Labels]:
        scores = tuple(float(place) for place in range(label.DEPTH))
        for number, item in enumerate(super().__iter__()):
            first = number // 2 % 10 if item.modality == "sound" else 0
            names = tuple(f"label {100 * first + place}" for place in range(label.DEPTH))
            yield Labels(item.id, item.modality, names, scores)


def measure_choice(out: pathlib.Path, num_clips: int) -> dict[str, float]:
    """Peak memory and time of the choice among so many clips, and what one more clip takes."""
    found = {}
    for size in (num_clips // 10, num_clips):
        command = [sys.executable, "-m", "benchmarks.prepare_scale", f"--choose={size}"]
        found[size] = measure([*command, f"--out={out / str(size)}"])
    small, large = found.values()
    return {
        "num_clips": num_clips,
        "peak_mb": large["peak_mb"],
        "bytes_per_clip": (large["peak_mb"] - small["peak_mb"]) * 1e6 / (num_clips * 0.9),
        "processor_seconds": large["processor_seconds"],
    }


def extrapolate(small: dict, large: dict) -> float:
    """Processor seconds of one more row, start-up taken out."""
    rows = large["num_rows"] - small["num_rows"]
    return (large["processor_seconds"] - small["processor_seconds"]) / max(rows, 1)


def table(results: dict[int, list[dict]]) -> str:
    """The results as Markdown."""
    sizes = sorted(results)
    lines = []
    for position, stage in enumerate(STAGES):
        cells = []
        for size in sizes:
            row = results[size][position]
            work = sum(row["work_seconds"].values())
            net = f", nets {row['work_seconds'].get('net', 0) / work:.0%}" if work else ""
            rate = row["num_rows"] / row["wall_seconds"]
            cells.append(f"{row['num_rows']:,} rows, {rate:.1f}/s, {row['peak_mb']:.0f} MB{net}")
        marginal = extrapolate(results[sizes[0]][position], results[sizes[-1]][position])
        lines.append([stage, *cells, f"{marginal * 1e3:.2f} ms"])
    head = ["stage", *(f"{size:,} clips" for size in sizes), "one more row"]
    return f"{pages.table(head, lines)}\n\n{machine_hours(results)}"


def machine_hours(results: dict[int, list[dict]]) -> str:
    """What two million videos and the paper's 104,000 pairs would cost on one core."""
    small, large = results[min(results)], results[max(results)]
    seconds = {
        stage: extrapolate(small[position], large[position])
        for position, stage in enumerate(STAGES)
    }
    size = max(results)
    rows_per_clip = {stage: large[i]["num_rows"] / size for i, stage in enumerate(STAGES)}
    hours = sum(
        seconds[stage] * rows_per_clip[stage] * TWO_MILLION / 3600
        for stage in ("probe", "label", "pair", "refine", "balance")
    ) + sum(
        seconds[stage] * num_rows / 3600
        for stage, num_rows in (("extract", 2 * PAPER_PAIRS), ("write", PAPER_PAIRS))
    )
    return f"Two million videos to {PAPER_PAIRS:,} pairs: {hours:.0f} core-hours."


def _tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    try:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for thread in os.listdir(f"/proc/{pid}/task"):
            if thread != str(pid):
                children += pathlib.Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    except OSError:  # it has ended meanwhile
        return [pid]
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _pss_mb(pid: int) -> float:
    """Its memory in MB, what is shared counted in shares."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("Pss:")), 0.0)


def main() -> None:
    """Makes the clips, runs the stages at each size, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/realpairs", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--sizes", default="100,1000,10000")
    parser.add_argument("--clips", type=int, help="measure the choice alone, among so many")
    parser.add_argument("--choose", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.choose:
        choose(given.out, given.choose)
        return
    if given.clips:
        found = measure_choice(given.out, given.clips)
        print(
            f"{found['num_clips']:,} clips: {found['peak_mb']:.0f} MB at most, "
            f"{found['bytes_per_clip']:.0f} bytes for one more clip, "
            f"{found['processor_seconds']:.0f} s of one core"
        )
        return
    originals = given.out / "videos"
    videos.make_videos(given.data, originals, _NUM_ORIGINALS, seed=0)
    results = {}
    for size in sorted(int(size) for size in given.sizes.split(",")):
        make_clips(originals, given.out / f"clips{size}", size)
        results[size] = run_stages(given.out / f"clips{size}", given.out / f"prepared{size}")
        print(f"{size:,} clips measured", flush=True)
        (given.out / "prepare_scale.json").write_text(json.dumps(results, indent=1))
    text = table(results)
    (given.out / "prepare_scale.md").write_text(f"{text}\n")
    print(text)


if __name__ == "__main__":
    main()
