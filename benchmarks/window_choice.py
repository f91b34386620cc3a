"""What choosing the window gains on recordings whose event is not in the middle.

    python -m benchmarks.window_choice --data=../shared/realpairs [--num=60] [--page=docs/study.md]

Puts sounds that the package's own model was not trained on somewhere into 30 s of faint noise (30
dB below them), away from the middle in two of three, and prints the share whose class it hears by
each choice of the window; and the same of the sounds alone, which no choice can better by much.
Takes five minutes on two idle cores.
"""

import argparse
import csv
import pathlib
from collections.abc import Iterator

import numpy as np

import s2i_tf
from benchmarks import pages
from s2i_tf import files, model_folder, spec
from s2i_tf.data import splits
from s2i_tf.data.trained_on import TrainedOn
from s2i_tf.media import audio
from s2i_tf.pretrained import REALPAIRS

SECONDS = 30
NOISE = 10 ** (-30 / 20)
CHOICES = ("middle", "loudest", "auto")


def unseen(data: pathlib.Path, class_names: tuple[str, ...], num: int) -> Iterator[dict]:
    """Rows of the index of sounds that the model was not trained on, in a stable order."""
    known = TrainedOn.from_dict(model_folder.read_trained_on(REALPAIRS), str(REALPAIRS))
    with open(data / "index.csv", newline="", encoding="utf-8") as file:
        rows = {row["path"]: row for row in csv.DictReader(file) if row["kind"] == "sound"}
    found = 0
    for path in splits.stable_order(rows, "window choice"):
        row = rows[path]
        content = files.content_digest(data / path)
        group = row["recording_group"] or path
        if row["class"] in class_names and not known.knows("sound", path, {group}, content):
            yield row
            found += 1
            if found == num:
                return


def hidden(waveform: np.ndarray, place: float, seed: int) -> np.ndarray:
    """The first 6 s of a waveform at a place in [0, 1] of so much noise; in [-1, 1]."""
    event = waveform[: spec.FEATURE_SAMPLES] / spec.WAVEFORM_SCALE
    level = NOISE * np.sqrt(np.mean(event**2))
    rng = np.random.default_rng(seed)
    long = level * rng.normal(size=SECONDS * spec.SAMPLE_RATE_HZ)
    start = int(place * (len(long) - len(event)))
    long[start : start + len(event)] += event
    return np.clip(long, -1, 1).astype(np.float32)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/realpairs", type=pathlib.Path)
    parser.add_argument("--num", default=60, type=int)
    parser.add_argument("--page", type=pathlib.Path, help="page to put the table into")
    args = parser.parse_args()
    model = s2i_tf.load()
    right = dict.fromkeys(("alone", *CHOICES), 0)
    rows = list(unseen(args.data, model.class_names, args.num))
    for number, row in enumerate(rows):
        waveform = audio.load_waveform(args.data / row["path"])
        alone = np.clip(waveform / spec.WAVEFORM_SCALE, -1, 1)
        long = hidden(waveform, (0.1, 0.5, 0.9)[number % 3], number)
        calls = {"alone": (alone, "middle"), **{choice: (long, choice) for choice in CHOICES}}
        for name, (sound, window) in calls.items():
            heard = model.hear(sound, rate_hz=spec.SAMPLE_RATE_HZ, window=window)
            right[name] += heard[0][0] == row["class"]
    cells = [(name, f"{count / len(rows):.1%}") for name, count in right.items()]
    table = pages.table(("window", f"class heard, of {len(rows)}"), cells)
    print(table)
    if args.page:
        pages.fill(args.page, {"window": table})


if __name__ == "__main__":
    main()
