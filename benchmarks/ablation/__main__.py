"""The study: which of the recipes help, one change at a time with the same budget for each.

    python -m benchmarks.ablation --data=DATA --out=OUT [--page=docs/study.md]

DATA is a prepared data set on whose eval split everything is measured; take a validation part out
of the training recordings (`python -m tfrecords_tools.holdout`), so that nothing is chosen on the
real eval split. The variants stand in `benchmarks/ablation/variants.py`. Each is trained and
measured, first all of them with seed 0; OUT gets a JSON file a variant and seed, `ablation.json`
with all of them, `ablation.md` with the tables, and pictures. Stages that a change does not touch
are shared. A rerun goes on where it was stopped, by SIGTERM too; a variant that is measured is not
touched again.

`--page` also puts the tables between their marks in a page, and the pictures into a folder beside
it that is named after it; with `--report_only` those of what is measured so far. `--only` takes
some variants of a stage, on other data or a longer budget than the rest: their table alone goes
into the page, between the marks of `--mark`.
"""

import argparse
import gc
import json
import logging
import pathlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from PIL import Image

from benchmarks import pages
from benchmarks.ablation import measures, tables
from benchmarks.ablation.measures import Material
from benchmarks.ablation.trainings import Training, Trainings
from benchmarks.ablation.variants import (
    AROUND,
    FEATURE_GAN,
    IMAGE_GAN,
    MULTIMODAL,
    STAGES,
    VARIANTS,
    Variant,
    find,
    in_turn,
)
from s2i_tf import files, logs
from s2i_tf.errors import EXIT_MISTAKE, EXIT_STOPPED, Stopped, UserError
from s2i_tf.evaluation.judge import Judge
from s2i_tf.media import image
from s2i_tf.media.sheet import contact_sheet

JUDGE = "efficientnet_lite0"
RESULTS_FILE = "ablation.json"
_PICTURE_SIDE = 64

logger = logging.getLogger(__name__)


class Study:
    """Trains and measures variants, each once.

    Args:
      data: the prepared data set.
      out: folder of the results and trainings.
      judge: looks at the pictures.
      budget_share: share of the pairs that each variant sees.
    """

    def __init__(self, data: str, out: pathlib.Path, judge: Judge, budget_share: float = 1.0):
        self._out = out
        for folder in ("rows", "pictures"):
            (out / folder).mkdir(parents=True, exist_ok=True)
        self.trainings = Trainings(data, out / "trainings", budget_share)
        self.material = Material(data, judge, out)

    def run(self, variants: Iterable[Variant]) -> Iterator[list[dict[str, Any]]]:
        """Takes the variants in turn, all with seed 0 first; gives all rows after each."""
        rows = []
        for variant, seed in in_turn(list(variants)):
            rows.append(self._row(variant, seed))
            yield rows

    def row_key(self, variant: Variant, seed: int) -> str:
        """What names a row: all trainings that it depends on."""
        keys = [self.trainings.key(part, 0) for part in _around(variant)]
        return "-".join([self.trainings.key(variant, seed), *keys])

    def _row(self, variant: Variant, seed: int) -> dict[str, Any]:
        key = self.row_key(variant, seed)
        path = row_path(self._out, variant, seed)
        if path.exists() and (row := json.loads(path.read_text()))["key"] == key:
            return row
        row = {"stage": variant.stage, "name": variant.name, "seed": seed, "key": key}
        try:
            training = self.trainings.get(variant, seed)
            row |= {
                "num_pairs": training.num_pairs,
                "num_steps": training.num_steps,
                "seconds": training.seconds,
                "last": training.last,
                "measures": self._measure(variant, training, f"{path.stem}.npy"),
            }
            if variant.stage == FEATURE_GAN:
                num = self.trainings.num_discriminator_weights(variant)
                row["num_discriminator_weights"] = num
        except UserError as error:  # a loss that is no longer finite is a result too
            logger.warning("%s: %s", path.stem, error)
            row["failed"] = str(error)
        files.write_json(path, row)
        keras.backend.clear_session()
        gc.collect()
        return row

    def _measure(self, variant: Variant, training: Training, picture_name: str) -> dict[str, Any]:
        parts = {part.stage: self.trainings.get(part) for part in _around(variant)}
        parts[variant.stage] = training
        if variant.stage == MULTIMODAL:
            return measures.of_retrieval(training, self.material)
        found: dict[str, Any] = {}
        if variant.stage == FEATURE_GAN:
            found = measures.of_features(parts[MULTIMODAL], training, self.material)
        if IMAGE_GAN in parts:
            model = self.material.assemble(*(parts[stage] for stage in STAGES))
            judged, shown = measures.of_pictures(model, self.material)
            np.save(self._out / "pictures" / picture_name, shown)
            found |= judged
        return found


def _around(variant: Variant) -> list[Variant]:
    """What stands before and behind a variant where it is measured."""
    if variant.stage == MULTIMODAL:
        return []
    judged = variant.judged or variant.stage == IMAGE_GAN
    stages = STAGES if judged else (MULTIMODAL, FEATURE_GAN)
    return [find(stage, AROUND[stage]) for stage in stages if stage != variant.stage]


def row_path(out: pathlib.Path, variant: Variant, seed: int) -> pathlib.Path:
    """The file of what was measured of a variant and seed."""
    return out / "rows" / f"{variant.stage}-{variant.name}-{seed}.json"


def measured_so_far(out: pathlib.Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows that are there, and the measures of real photos.

    Raises:
      UserError: if nothing was measured yet.
    """
    paths = [row_path(out, variant, seed) for variant, seed in in_turn(VARIANTS)]
    rows = [json.loads(path.read_text()) for path in paths if path.exists()]
    if not rows or not (out / RESULTS_FILE).exists():
        raise UserError(f"{out}: nothing is measured there; run it without --report_only first")
    return rows, json.loads((out / RESULTS_FILE).read_text())["real_photos"]


def write(out: pathlib.Path, rows: Sequence[Mapping[str, Any]], real: Mapping[str, Any]) -> dict:
    """Writes `ablation.json` and `ablation.md`; returns the tables by their marks."""
    files.write_json(out / RESULTS_FILE, {"rows": list(rows), "real_photos": real})
    blocks = {stage: tables.of_stage(stage, rows, real) for stage in STAGES}
    blocks["penalty"] = tables.of_penalty(rows)
    text = "\n\n".join(f"## {name}\n\n{block}" for name, block in blocks.items())
    files.write(out / "ablation.md", f"{text}\n")
    return blocks


def write_pictures(out: pathlib.Path, folder: pathlib.Path) -> list[tuple[Variant, str]]:
    """A small PNG for each variant: pictures of sounds above, rebuilt ones below.

    Returns:
      The variants that have pictures, and their files' names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for variant in VARIANTS:
        path = out / "pictures" / f"{row_path(out, variant, 0).stem}.npy"
        if not path.exists():
            continue
        shown = np.load(path)
        small = [
            np.asarray(Image.fromarray(picture).resize((_PICTURE_SIDE, _PICTURE_SIDE)))
            for picture in shown.reshape(-1, *shown.shape[2:])
        ]
        sheet = contact_sheet(small, num_columns=shown.shape[1])
        name = f"{variant.stage}-{variant.name}.png"
        files.write(folder / name, image.encode_png(sheet))
        written.append((variant, name))
    return written


def _run(given: argparse.Namespace) -> dict[str, str]:
    if given.report_only:
        return write(given.out, *measured_so_far(given.out))
    variants = _chosen(given.stage, given.only)
    judge = Judge(JUDGE)
    study = Study(given.data, given.out, judge, given.budget_share)
    real = measures.of_real_photos(study.material)
    blocks = {}
    for rows in study.run(variants):
        blocks = write(given.out, rows, real)
    return blocks


def _chosen(stage: str | None, names: Sequence[str] | None) -> list[Variant]:
    """The variants of a stage, or of all; with names those of them alone."""
    of_stage = [one for one in VARIANTS if stage in (None, one.stage)]
    if names is None:
        return of_stage
    if unknown := set(names) - {one.name for one in of_stage}:
        known = ", ".join(one.name for one in of_stage)
        raise UserError(f"{stage} has no variant {', '.join(sorted(unknown))}; it has {known}")
    return [one for one in of_stage if one.name in names]


def main() -> None:
    """Runs what is missing, and writes the tables after each variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--page", type=pathlib.Path, help="Markdown page to put the tables into.")
    parser.add_argument("--stage", choices=STAGES, help="Only the variants of one stage.")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="Only these variants of --stage.")
    parser.add_argument("--mark", help="Of their table in the page; by default the stage's name.")
    parser.add_argument("--budget_share", default=1.0, type=float)
    parser.add_argument("--report_only", action="store_true", help="Trains and measures nothing.")
    given = parser.parse_args()
    if given.only and not given.stage:
        parser.error("--only takes variants of one stage: say which with --stage")
    logs.show("s2i_tf", "benchmarks", __name__)
    try:
        blocks = _run(given)
        if given.page and given.only:
            pages.fill(given.page, {given.mark or given.stage: blocks[given.stage]})
        elif given.page:
            folder = given.page.with_suffix("")
            blocks["pictures"] = tables.of_pictures(write_pictures(given.out, folder), folder.name)
            pages.fill(given.page, blocks)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_MISTAKE)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(EXIT_STOPPED)
    print((given.out / "ablation.md").read_text())


if __name__ == "__main__":
    main()
