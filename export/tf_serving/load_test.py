"""Many requests from many clients against a gRPC server, with hostile ones in between.

python -m export.tf_serving.load_test --folder=OUT [--requests=1000] [--clients=16]
    [--hostile=100] [--seconds=6] [--json=FILE]

Starts the stand-in server (`stand_in`) on OUT, the folder that `s2i export` wrote, in a process of
its own, and counts lost requests, wrong answers and hostile requests that were not refused as they
should be; measures latencies beside those of a bare model call in this process, one at a time, and
the server's memory before and after. Exit code 1 if anything was lost or wrong.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np

from export.tf_serving import common
from export.tf_serving.common import MODEL, Query, ServingError
from s2i_tf.serving import examples

with common.needed(__name__):
    import grpc
    import tensorflow as tf

    from export.tf_serving import grpc_client

CONFIG = pathlib.Path(__file__).with_name("models.config")
PORT = 18_500
WARM_UP_REQUESTS = 32
START_SECONDS = 120
TIMEOUT_SECONDS = 120.0
NUM_SOUNDS = 8
BARE_CALLS = 50

_SOUND = examples.wav_file(examples.sounds(1, 1)[0])
HOSTILE = {
    "empty": b"",
    "text": b"this is no sound" * 100,
    "bytes": bytes(range(256)) * 40,
    "cut short": _SOUND[:-1000],
    "lying header": _SOUND[:40] + b"\xff\xff\xff\x7f" + bytes(99),
}


@dataclasses.dataclass
class Outcome:
    """What became of one request: seconds until its answer, and what was wrong with that."""

    seconds: float
    hostile: bool
    problem: str = ""


def main(argv: list[str] | None = None) -> int:
    """Runs the test and prints its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--hostile", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=6.0, help="of sound in a request")
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--json", type=pathlib.Path, help="also write the figures here")
    arguments = parser.parse_args(argv)

    wavs = [examples.wav_file(sound) for sound in examples.sounds(arguments.seconds, NUM_SOUNDS)]
    bare_seconds, pictures = call_bare(arguments.folder / MODEL / "1", wavs)
    with hosted(arguments.folder, arguments.port) as process:
        address = f"localhost:{arguments.port}"
        run_clients(address, wavs, pictures, WARM_UP_REQUESTS, arguments.clients, 0)
        before = resident_mib(process.pid)
        began = time.monotonic()
        outcomes = run_clients(
            address, wavs, pictures, arguments.requests, arguments.clients, arguments.hostile
        )
        elapsed = time.monotonic() - began
        figures = summarise(outcomes, elapsed, bare_seconds)
        figures |= {"memory_before_mib": before, "memory_after_mib": resident_mib(process.pid)}
    for name, value in figures.items():
        print(f"{name:<24}{value if isinstance(value, (int, list)) else f'{value:.1f}'}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 1 if figures["problems"] else 0


def call_bare(folder: pathlib.Path, wavs: list[bytes]) -> tuple[list[float], list[bytes]]:
    """Seconds of single calls of the model in this process, and its pictures of the sounds."""
    call = tf.saved_model.load(str(folder)).signatures["wav_bytes"]
    pictures = [call(audio_bytes=tf.constant([wav]))["image_bytes"].numpy()[0] for wav in wavs]
    seconds = []
    for wav in itertools.islice(itertools.cycle(wavs), BARE_CALLS):
        began = time.perf_counter()
        call(audio_bytes=tf.constant([wav]))["image_bytes"].numpy()
        seconds.append(time.perf_counter() - began)
    return seconds, pictures


@contextlib.contextmanager
def hosted(folder: pathlib.Path, port: int) -> Iterator[subprocess.Popen]:
    """The stand-in server on `folder`, up and running."""
    command = [
        sys.executable,
        "-m",
        "export.tf_serving.stand_in",
        f"--model_config_file={CONFIG}",
        f"--models_root={folder}",
        f"--port={port}",
        "--rest_api_port=0",
    ]
    process = subprocess.Popen(command)
    try:
        with grpc.insecure_channel(f"localhost:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=START_SECONDS)
        yield process
    finally:
        process.terminate()
        process.wait()


def run_clients(
    address: str,
    wavs: list[bytes],
    pictures: list[bytes],
    num_requests: int,
    num_clients: int,
    num_hostile: int,
) -> list[Outcome]:
    """Spreads good requests, and the hostile ones evenly between them, over the clients."""
    jobs = [(index, False) for index in range(num_requests)]
    for index in reversed(range(num_hostile)):  # from the last on, so that no place moves
        jobs.insert(index * num_requests // num_hostile + 1, (index, True))
    query = Query(address, timeout_seconds=TIMEOUT_SECONDS)
    bad = list(HOSTILE.values())
    with grpc.insecure_channel(address, options=grpc_client.CHANNEL_OPTIONS) as channel:

        def send(job: tuple[int, bool]) -> Outcome:
            index, hostile = job
            sounds = bad if hostile else wavs
            sound = sounds[index % len(sounds)]
            began = time.perf_counter()
            problem = ""
            try:
                (picture,) = grpc_client.ask_over(channel, sound, query)
                if hostile:
                    problem = "a hostile request was answered"
                elif not equal(picture, pictures[index % len(pictures)]):
                    problem = "another picture than the bare model's"
            except ServingError as error:
                if not hostile:
                    problem = f"lost: {error}"
                elif "audio_bytes must be WAV files" not in str(error):
                    problem = f"refused without saying what is allowed: {error}"
            return Outcome(time.perf_counter() - began, hostile, problem)

        with concurrent.futures.ThreadPoolExecutor(num_clients) as clients:
            return list(clients.map(send, jobs))


def equal(one: bytes, other: bytes) -> bool:
    """Whether two PNG files show the same, up to one level of rounding."""
    if one == other:
        return True
    pixels = [tf.cast(tf.io.decode_png(picture), tf.int32) for picture in (one, other)]
    return int(tf.reduce_max(tf.abs(pixels[0] - pixels[1]))) <= 1


def summarise(outcomes: list[Outcome], elapsed: float, bare_seconds: list[float]) -> dict:
    """The figures, times in milliseconds."""
    good = [1000 * outcome.seconds for outcome in outcomes if not outcome.hostile]
    bare = [1000 * seconds for seconds in bare_seconds]
    problems = [outcome.problem for outcome in outcomes if outcome.problem]
    return {
        "requests": len(good),
        "hostile": len(outcomes) - len(good),
        "problems": len(problems),
        "first_problems": sorted(set(problems))[:5],
        "requests_per_second": len(good) / elapsed,
        "p50_ms": float(np.percentile(good, 50)),
        "p99_ms": float(np.percentile(good, 99)),
        "bare_call_p50_ms": float(np.percentile(bare, 50)),
        "bare_call_p99_ms": float(np.percentile(bare, 99)),
    }


def resident_mib(process_id: int) -> float:
    """Resident memory of a process, from Linux' /proc."""
    for line in pathlib.Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"process {process_id} states no memory")


if __name__ == "__main__":
    sys.exit(main())
