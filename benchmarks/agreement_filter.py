"""How well the agreement filter finds true pairs, on videos whose truth is known.

python -m benchmarks.agreement_filter --data=../shared/realpairs --out=FOLDER [--num_videos=600]

Muxes real sounds and real photos into videos: half of them pair a sound with a photo of its own
class, the other half with a photo of another class. Then the stages probe, label, pair and refine
run on the folder with the real nets, and their verdicts are compared with the truth, for k = 1, 3,
5, 10 and for each rule. Needs about 3 minutes on 2 cores for 600 videos; a rerun reuses what is
there.

Precision is the share of true pairs among those kept (it would be the share of true pairs in the
folder, 50 %, if the filter drew blindly), recall the share of the true pairs that are kept, lift
the first divided by 50 %.
"""

import json
import pathlib
import sys
from collections.abc import Iterable

import numpy as np
from absl import app, flags

from benchmarks import videos
from tfrecords_tools import refine, rows
from tfrecords_tools.prepare import prepare
from tfrecords_tools.refine import Verdict
from tfrecords_tools.settings import Settings

TOP_KS = (1, 3, 5, 10)

_DATA = flags.DEFINE_string("data", "../shared/realpairs", "Folder by class of sounds and photos.")
_OUT = flags.DEFINE_string("out", None, "Folder for the videos and the verdicts.", required=True)
_NUM_VIDEOS = flags.DEFINE_integer("num_videos", 600, "How many videos to make.")
_LABEL_IMAGE = flags.DEFINE_string("label_image", "efficientnet_lite2", "Classifier of pictures.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the pairs.")


def judge(settings: Settings, verdicts: Iterable[Verdict], truth: dict) -> dict[str, float]:
    """Precision, recall and lift of the verdicts, and their counts."""
    counts = np.zeros((2, 2), int)  # true or not, kept or not
    for verdict in verdicts:
        row = truth[verdict.id.split("#")[0]]
        counts[int(row["sound"] == row["picture"]), int(verdict.kept)] += 1
    kept, true = counts[:, 1].sum(), counts[1].sum()
    precision = counts[1, 1] / max(kept, 1)
    return {
        "rule": settings.rule,
        "top_k": settings.top_k,
        "kept": int(kept),
        "precision": precision,
        "recall": counts[1, 1] / true,
        "lift": precision / (true / counts.sum()),
    }


def _verdicts(settings: Settings) -> list[Verdict]:
    prepare(settings, only=refine.NAME)
    folder = pathlib.Path(settings.out) / "work" / refine.NAME
    return [
        verdict
        for path in sorted(folder.glob("*[0-9].jsonl"))
        for verdict in rows.from_lines(Verdict, path.read_bytes())
    ]


def main(arguments: list[str]) -> None:
    """Makes the videos, runs the stages, prints the table and writes it as JSON."""
    del arguments
    out = pathlib.Path(_OUT.value)
    videos.make_videos(pathlib.Path(_DATA.value), out / "videos", _NUM_VIDEOS.value, _SEED.value)
    truth = json.loads((out / videos.TRUTH_FILE).read_text())
    settings = Settings(
        data=str(out / "videos"), out=str(out / "prepared"), label_image=_LABEL_IMAGE.value
    )
    for stage in ("probe", "label", "pair"):
        prepare(settings, only=stage)
    table = []
    for rule in refine.RULES:
        for top_k in TOP_KS if rule != "first_equal" else (1,):
            chosen = Settings(**{**settings.__dict__, "rule": rule, "top_k": top_k})
            table.append(judge(chosen, _verdicts(chosen), truth))
    print(f"{'rule':16}{'k':>4}{'kept':>7}{'precision':>11}{'recall':>8}{'lift':>6}")
    for row in table:
        print(
            f"{row['rule']:16}{row['top_k']:4}{row['kept']:7}{row['precision']:11.1%}"
            f"{row['recall']:8.1%}{row['lift']:6.2f}"
        )
    (out / "agreement_filter.json").write_text(json.dumps(table, indent=1))
    sys.stdout.flush()


if __name__ == "__main__":
    app.run(main)
