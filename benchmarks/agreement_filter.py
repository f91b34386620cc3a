"""How well the agreement filter finds true pairs, on videos whose truth is known.

python -m benchmarks.agreement_filter --data=../shared/realpairs --out=FOLDER [--num_videos=600]
    [--label_sound=yamnet]

Muxes real sounds and real photos into videos: half of them pair a sound with a photo of its own
class, the other half with a photo of another class. Then the stages probe, label, pair and refine
run on the folder with the real nets, and their verdicts are compared with the truth, for k = 1, 3,
5, 10 and for each rule. Needs about 3 minutes on 2 cores for 600 videos; a rerun reuses what is
there.

Precision is the share of true pairs among those kept (it would be the share of true pairs in the
folder, 50 %, if the filter drew blindly), recall the share of the true pairs that are kept, lift
the first divided by 50 %.
"""

import argparse
import dataclasses
import json
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from benchmarks import videos
from s2i_tf.evaluation.stats import wilson
from tfrecords_tools import outputs
from tfrecords_tools.engine import rows
from tfrecords_tools.job import prepare
from tfrecords_tools.settings import Settings
from tfrecords_tools.stages import label, pair, probe, refine
from tfrecords_tools.stages.refine import Verdict

TOP_KS = (1, 3, 5, 10)


def judge(settings: Settings, verdicts: Iterable[Verdict], truth: dict) -> dict[str, Any]:
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
        "precision_95": wilson(precision, max(int(kept), 1)),
        "recall": counts[1, 1] / true,
        "lift": precision / (true / counts.sum()),
    }


def _verdicts(settings: Settings) -> list[Verdict]:
    prepare(settings, only=refine.NAME)
    folder = pathlib.Path(settings.out) / outputs.WORK / refine.NAME
    return [
        verdict
        for path in sorted(folder.glob("*[0-9].jsonl"))
        for verdict in rows.from_lines(Verdict, path.read_bytes())
    ]


def run(
    data: pathlib.Path, out: pathlib.Path, num_videos: int, nets: tuple[str, str], seed: int
) -> list[dict]:
    """Makes the videos, runs the stages and judges every rule and k.

    Args:
      data: folder of sounds and photos by class.
      out: folder for the videos and what is prepared of them.
      num_videos: number of videos.
      nets: classifiers of the sounds and of the pictures.
      seed: random seed of the pairs.
    """
    videos.make_videos(data, out / "videos", num_videos, seed)
    truth = json.loads((out / videos.TRUTH_FILE).read_text())
    settings = Settings(
        data=str(out / "videos"),
        out=str(out / f"prepared-{nets[0]}-{nets[1]}"),
        label_sound=nets[0],
        label_image=nets[1],
    )
    for stage in (probe.Probe.name, label.Label.name, pair.NAME):
        prepare(settings, only=stage)
    rows_of_table = []
    for rule in refine.RULES:
        for top_k in TOP_KS if rule != "first_equal" else (1,):
            chosen = dataclasses.replace(settings, rule=rule, top_k=top_k)
            rows_of_table.append(judge(chosen, _verdicts(chosen), truth))
    return rows_of_table


def table(results: Iterable[dict]) -> str:
    """The results as Markdown."""
    lines = ["| rule | k | kept | precision | 95 % | recall | lift |", "|---|" + "---|" * 6]
    for row in results:
        low, high = row["precision_95"]
        lines.append(
            f"| {row['rule']} | {row['top_k']} | {row['kept']} | {row['precision']:.1%} "
            f"| {low:.0%}–{high:.0%} | {row['recall']:.1%} | {row['lift']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Prints the table and writes it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="../shared/realpairs", type=pathlib.Path)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--num_videos", default=600, type=int)
    parser.add_argument("--label_sound", default="soundnet")
    parser.add_argument("--label_image", default="efficientnet_lite2")
    parser.add_argument("--seed", default=0, type=int)
    given = parser.parse_args()
    nets = given.label_sound, given.label_image
    results = run(given.data, given.out, given.num_videos, nets, given.seed)
    (given.out / "agreement_filter.json").write_text(json.dumps(results, indent=1))
    print(table(results))


if __name__ == "__main__":
    main()
