"""What making a film costs, and how its pictures move: `python -m benchmarks.film SOUND`.

Prints seconds of film made in a second, the processor's time for them and the peak memory, for the
sound and for `--repeat` times as much of it, then how evenly the pictures of the first film change
and AV-Align (Yariv et al. 2023): onsets of the sound and peaks of the optical flow that lie within
a tenth of a second of each other, over all of both. The flow needs opencv-python-headless.
"""

import argparse
import itertools
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import av
import numpy as np

from s2i_tf.film.onsets import STEP_SECONDS, FluxMeter, onset_times
from s2i_tf.media import audio

_TOLERANCE_SECONDS = 0.1
_CHILD = "import sys; from s2i_tf.cli.main import main; main(['s2i', 'film', *sys.argv[1:]])"


def main() -> None:
    """Makes both films and prints what was measured as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sound", help="the sound")
    parser.add_argument("--repeat", type=int, default=3, help="how much longer the second one is")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        longer = folder / "longer.wav"
        wave = np.concatenate(list(audio.pieces(args.sound)))
        longer.write_bytes(audio.encode_audio(np.tile(wave, args.repeat), "wav"))
        film = folder / "film.mp4"
        rows = [cost(args.sound, film), cost(longer, folder / "longer.mp4")]
        print(json.dumps({"costs": rows, **movement(film), **alignment(film)}, indent=2))


def cost(sound, film: pathlib.Path) -> dict[str, float]:
    """Seconds of sound and those it took, peak memory in MB, in a process of its own."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", _CHILD, str(sound), f"--out={film}"], check=True)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    with av.open(str(film)) as made:
        duration = made.duration / av.time_base
    # Of all children so far the largest: the longer film comes last.
    return {
        "film_seconds": duration,
        "seconds": seconds,
        "times_playing_speed": duration / seconds,
        # A busy computer takes longer, but hardly more of this.
        "processor_seconds": sum(
            getattr(after, kind) - getattr(before, kind) for kind in ("ru_utime", "ru_stime")
        ),
        "peak_mb": after.ru_maxrss / 1024,
    }


def movement(film: pathlib.Path) -> dict[str, float]:
    """The mean difference of consecutive frames: its median and its largest, of 255."""
    pairs = itertools.pairwise(_frames(film, "rgb24"))
    steps = [np.abs(before.astype(np.int16) - after).mean() for before, after in pairs]
    return {"median_step": float(np.median(steps)), "largest_step": float(np.max(steps))}


def alignment(film: pathlib.Path) -> dict[str, float | str]:
    """AV-Align of a film, or what it needs."""
    try:
        import cv2
    except ImportError:
        return {"av_align": "needs opencv-python-headless"}
    flows = [
        np.linalg.norm(
            cv2.calcOpticalFlowFarneback(*pair, None, 0.5, 3, 15, 3, 5, 1.2, 0), axis=-1
        ).mean()
        for pair in itertools.pairwise(_frames(film, "gray"))
    ]
    with av.open(str(film)) as made:
        fps = float(made.streams.video[0].average_rate)
    flow = np.array([0.0, *flows])
    peaks = 1 + np.flatnonzero((flow[1:-1] > flow[:-2]) & (flow[1:-1] >= flow[2:]))
    meter = FluxMeter()
    for piece in audio.pieces(film):
        meter.add(piece)
    return {"av_align": intersection_over_union(onset_times(meter.flux()), peaks / fps)}


def intersection_over_union(sounds: np.ndarray, pictures: np.ndarray) -> float:
    """Moments of both that have a partner, over all moments of both, a pair counting once."""
    if not len(sounds) or not len(pictures):
        return 0.0
    near = np.abs(sounds[:, None] - pictures) <= _TOLERANCE_SECONDS + STEP_SECONDS / 2
    both = int(near.any(axis=1).sum())
    return both / (both + int((~near.any(axis=1)).sum()) + int((~near.any(axis=0)).sum()))


def _frames(film: pathlib.Path, kind: str) -> Iterator[np.ndarray]:
    with av.open(str(film)) as made:
        for frame in made.decode(video=0):
            yield frame.to_ndarray(format=kind)


if __name__ == "__main__":
    main()
