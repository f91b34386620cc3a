"""What the parts of the feature stage that ships do for its pictures.

    python -m benchmarks.feature_stage --data=VAL --out=FILE.json [--page=docs/study.md]

VAL is a validation part of the data (`python -m tfrecords_tools.holdout`), so that nothing is
chosen on the eval split. The feature stage of the package's model is trained anew on VAL's training
part, with each change and seed behind the model's own multimodal layers, and its image generator
draws the sounds of the other part. That generator has seen the photos of both parts; it is the
same for all. The energy distance compares sets of features, so a stage is best where its pictures
are various and still like photos: each is drawn with two factors on the noise.
What is measured goes to FILE.json at once, and a rerun goes on from there. Half an hour on two idle
cores.
"""

import argparse
import itertools
import json
import pathlib
import shutil
import statistics
import tempfile
from collections.abc import Iterable, Iterator

import numpy as np

from benchmarks import pages
from s2i_tf import files, logs
from s2i_tf.errors import told_by
from s2i_tf.pretrained import REALPAIRS

NUM_SEEDS = 3
# Of each variant: its title, changes to `feature_gan`, and factors on the noise.
VARIANTS = {
    "whole": (
        "whole vectors, half of a sound's vector dropped out",
        {"generator.dropout": 0.5, "loss.pooled_energy_weight": 0.0},
        (1.0, 1.2),
    ),
    "pooled": (
        "… and means over places",
        {"generator.dropout": 0.5, "loss.pooled_energy_weight": 4.0},
        (1.0, 1.2),
    ),
    "no_dropout": (
        "whole vectors, nothing dropped out",
        {"generator.dropout": 0.0, "loss.pooled_energy_weight": 0.0},
        (0.45, 0.6),
    ),
    "both": (
        "… and means over places (chosen, with 0.6)",
        {"generator.dropout": 0.0, "loss.pooled_energy_weight": 4.0},
        (0.45, 0.6),
    ),
}
COLUMNS = ("class_seen", "macro", "diversity", "kid")
HEAD = (
    "feature stage",
    "noise",
    "seeds",
    "class seen, all",
    "macro",
    "diversity, of photos'",
    "KID",
)


class Pictures:
    """Measures what a feature generator leads to, on the sounds of the validation part."""

    def __init__(self, data: pathlib.Path):
        from s2i_tf import spec
        from s2i_tf.data import dataset_info
        from s2i_tf.evaluation import heldout, probes
        from s2i_tf.evaluation.judge import Judge
        from s2i_tf.evaluation.metrics import diversity
        from s2i_tf.evaluation.on_disk import Scratch
        from s2i_tf.models.sound_to_image import SoundToImage

        self.model = SoundToImage.load(REALPAIRS)
        self.judge = Judge(self.model.recipe["judge"])
        info = dataset_info.load(data)
        with tempfile.TemporaryDirectory() as folder:
            held_out = heldout.load(None, data, info, Scratch(folder))
            _, training = held_out.sides[spec.TRAIN_SPLIT]
            self.sounds, photos = held_out.sides[spec.EVAL_SPLIT]
            self.features = np.asarray(self.sounds.features)
            seen = self.judge.look(training.pictures).features
            self.photos = self.judge.look(photos.pictures).features
        self.probe = probes.fit(seen, training.labels, training.ids)
        self.photo_groups = photos.groups
        self.between_photos = diversity.pairs_by_class(self.photos, photos.labels, photos.groups)

    def measure(self, generator, noise_scale: float) -> dict[str, float]:
        """The values of `COLUMNS`.

        Args:
          generator: makes image features of multimodal vectors.
          noise_scale: factor on its noise.
        """
        from s2i_tf.evaluation import stats
        from s2i_tf.evaluation.metrics import diversity, fidelity
        from s2i_tf.media.sheet import to_uint8

        self.model.feature_generator = generator
        generator.get_layer("noise").inference_scale = noise_scale
        looks = self.judge.look(to_uint8(self.model.generate(self.features))).features
        labels, groups = self.sounds.labels, self.sounds.groups
        right = self.probe.predict(looks) == labels
        own = diversity.pairs_by_class(looks, labels, groups)
        spread = diversity.ratio(own, self.between_photos, (groups, self.photo_groups))
        kid = fidelity.kernel_distance(self.photos, looks, self.photo_groups, groups)
        seen = stats.rates({"": right}, labels, groups)[""]
        found = seen["micro"], seen["macro"], spread, kid
        return {column: one["value"] for column, one in zip(COLUMNS, found, strict=True)}


def train(data: pathlib.Path, changes: dict[str, float], seed: int):
    """The feature generator of the package's recipe, with changes to `feature_gan`."""
    import tensorflow as tf

    from s2i_tf import config as config_lib
    from s2i_tf import config_files
    from s2i_tf.data import dataset_info
    from s2i_tf.model_folder import FOLDER_IN_RUN, read_description
    from s2i_tf.training.stages import STAGES

    recipe = read_description(REALPAIRS)["recipe"]
    config = config_files.from_dict({**recipe, "data": str(data), "seed": seed}, str(REALPAIRS))
    for name, value in changes.items():
        config_lib.set_field(config, f"feature_gan.{name}", value)
    with tempfile.TemporaryDirectory() as folder:
        workdir = pathlib.Path(folder)
        shutil.copytree(REALPAIRS, workdir / FOLDER_IN_RUN)
        stage = STAGES["feature_gan"](config.validate(), dataset_info.load(data), workdir)
        trainer = stage.build()
        step = tf.function(trainer.train_step)
        for batch in itertools.islice(stage.dataset(0), config.feature_gan.num_steps):
            step(batch)
        return stage.trained_part(trainer)


def measure_all(data: pathlib.Path, out: pathlib.Path) -> Iterator[dict]:
    """A row of each variant, seed and factor, those in the file first.

    The seeds come one after the other, so that what is there after a stop compares.
    """
    rows = json.loads(out.read_text()) if out.exists() else []
    yield from rows
    pictures = Pictures(data)
    for seed, (name, (_, changes, scales)) in itertools.product(range(NUM_SEEDS), VARIANTS.items()):
        there = {row["noise"] for row in rows if (row["name"], row["seed"]) == (name, seed)}
        if not (wanted := [scale for scale in scales if scale not in there]):
            continue
        generator = train(data, changes, seed)
        for scale in wanted:
            row = {"name": name, "seed": seed, "noise": scale}
            rows.append({**row, **pictures.measure(generator, scale)})
            files.write_json(out, rows)
            yield rows[-1]


def lines(rows: Iterable[dict]) -> Iterator[list[str]]:
    """The lines of the table: the mean of the seeds, and their standard deviation."""
    rows = list(rows)
    for name, (title, _, scales) in VARIANTS.items():
        for scale in scales:
            own = [row for row in rows if (row["name"], row["noise"]) == (name, scale)]
            if not own:
                continue
            cells = []
            for column, form in zip(COLUMNS, (".1%", ".1%", ".2f", ".4f"), strict=True):
                values = [row[column] for row in own]
                spread = f" ± {statistics.stdev(values):{form}}" if len(own) > 1 else ""
                cells.append(f"{statistics.mean(values):{form}}{spread}")
            yield [title, f"{scale:g}", str(len(own)), *cells]


def main() -> None:
    """Trains and measures what is missing, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=pathlib.Path, help="validation part")
    parser.add_argument("--out", required=True, type=pathlib.Path, help="JSON file of the rows")
    parser.add_argument("--page", type=pathlib.Path, help="page with a mark `feature-stage`")
    given = parser.parse_args()
    logs.show("s2i_tf")
    with told_by("benchmarks.feature_stage"):
        rows = []
        for row in measure_all(given.data, given.out):
            rows.append(row)
            print(row, flush=True)
        table = pages.table(HEAD, lines(rows))
        print(table)
        if given.page:
            pages.fill(given.page, {"feature-stage": table})


if __name__ == "__main__":
    main()
