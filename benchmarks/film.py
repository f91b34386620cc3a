"""What making a film costs, and how its pictures move.

    python -m benchmarks.film SOUND --out=OUT
    python -m benchmarks.film DATA --out=OUT

SOUND is a file; DATA a folder of a folder a class in `sounds`, of which ten seconds of one sound a
class, drawn by seed, are joined in random order. OUT gets the film, its strip, its captions, and
`film.json`, which is printed too: seconds of film made in a second, the processor's time for them
and the peak memory; the peak memory for an hour of the same sound at a picture a second; how evenly
the pictures change; and AV-Align (Yariv et al. 2023), onsets of the sound and peaks of the optical
flow that lie within a tenth of a second of each other, over all of both, with what it is when the
sound's onsets are moved against the film. The flow needs opencv-python-headless.
"""

import argparse
import itertools
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import av
import numpy as np

from s2i_tf import files, spec
from s2i_tf.film.onsets import STEP_SECONDS, FluxMeter, onset_times
from s2i_tf.media import audio

_TOLERANCE_SECONDS = 0.1
_CHILD = "import sys; from s2i_tf.cli.main import main; main(['s2i', 'film', *sys.argv[1:]])"


def main() -> None:
    """Makes both films, and writes and prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sound", type=pathlib.Path, help="the sound, or data")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of the results")
    parser.add_argument("--seed", type=int, default=0, help="of the sounds that are joined")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    film = args.out.absolute() / "film.mp4"  # FFmpeg takes `2024:` for a protocol
    with tempfile.TemporaryDirectory() as folder:
        sound, hour = pathlib.Path(folder, "sound.wav"), pathlib.Path(folder, "hour.wav")
        if args.sound.is_dir():
            wave = joined(args.sound, args.seed)
            sound.write_bytes(audio.encode_audio(wave, "wav"))
        else:
            wave, sound = np.concatenate(list(audio.pieces(args.sound))), args.sound
        repeats = -(-3600 * spec.SAMPLE_RATE_HZ // wave.size)
        hour.write_bytes(audio.encode_audio(np.tile(wave, repeats), "wav"))
        beside = (f"--strip={args.out / 'strip.png'}", f"--captions={args.out / 'heard.vtt'}")
        costs = cost(sound, film, *beside)
        # The largest of all children so far: it grows if an hour needs more.
        costs["peak_mb_of_an_hour"] = cost(hour, hour.with_suffix(".mp4"), "--fps=1")["peak_mb"]
    measured = {**costs, **movement(film), **alignment(film)}
    print(files.write_json(args.out / "film.json", measured).read_text(), end="")


def joined(data: pathlib.Path, seed: int) -> np.ndarray:
    """Ten seconds of one sound a class, a shorter one repeated, all equally loud at their peaks."""
    rng = np.random.default_rng(seed)
    classes = sorted(path for path in (data / "sounds").iterdir() if path.is_dir())
    parts = []
    for folder in rng.permutation(np.array(classes, dtype=object)):
        name = rng.choice(sorted(path.name for path in folder.iterdir()))
        wave = np.resize(audio.load_waveform(folder / name), 10 * spec.SAMPLE_RATE_HZ)
        parts.append(wave / np.abs(wave).max())
        print(f"{10 * (len(parts) - 1):4d} s {folder.name}/{name}", file=sys.stderr)
    return np.concatenate(parts) * spec.WAVEFORM_SCALE / 2


def cost(sound: pathlib.Path, film: pathlib.Path, *flags: str) -> dict[str, float]:
    """Seconds of sound and those it took, peak memory in MB, in a process of its own."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", _CHILD, str(sound), f"--out={film}", *flags]
    subprocess.run(command, check=True)
    seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    with av.open(str(film)) as made:
        duration = made.duration / av.time_base
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
    onsets, seconds = onset_times(meter.flux()), len(flow) / fps
    moved = [(onsets + share * seconds) % seconds for share in (0.25, 0.5, 0.75)]
    return {
        "av_align": intersection_over_union(onsets, peaks / fps),
        "av_align_moved": float(np.mean([intersection_over_union(o, peaks / fps) for o in moved])),
    }


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
