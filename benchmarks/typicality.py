"""What typicality and noise give and take: the class seen in pictures, and how various they are.

    python -m benchmarks.typicality --data=DATA [--model=MODEL] [--page=docs/study.md]

DATA is a folder that `s2i prepare` wrote, MODEL one whose feature generator has a typicality, by
default the package's own. Before it makes features of a sound, the generator moves the sound's
vector towards the photos of the class that it is like (`models.layers.Typical`); how far is changed
here at inference, from not at all to all the way, and then how much noise it adds. The pictures are
of the eval split's sounds, and of sounds whose source the ears were fitted without
(`evaluation.source_folds`). Takes as long as `s2i evaluate`.
"""

import argparse
import pathlib
import tempfile
from collections.abc import Iterator

import numpy as np

from benchmarks import pages
from s2i_tf import logs
from s2i_tf.errors import UserError, told_by
from s2i_tf.pretrained import REALPAIRS

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
NOISE_SCALES = (0.3, 0.45, 0.75, 0.9)
HEAD = (
    "typicality",
    "noise",
    "class seen, all",
    "macro",
    "sources never heard, macro",
    "diversity, of photos'",
    "KID",
)


def measure(model_dir: pathlib.Path, data_dir: pathlib.Path) -> Iterator[list[str]]:
    """The rows of the table.

    Args:
      model_dir: folder of a model or its run.
      data_dir: folder that `s2i prepare` wrote.

    Raises:
      UserError: if the model has no typicality, or nothing to compare with.
    """
    from s2i_tf.data import dataset_info
    from s2i_tf.evaluation import heldout, stats
    from s2i_tf.evaluation.judge import Judge
    from s2i_tf.evaluation.metrics import diversity, fidelity
    from s2i_tf.evaluation.on_disk import Scratch
    from s2i_tf.evaluation.predictions import predict
    from s2i_tf.media.sheet import to_uint8
    from s2i_tf.models.sound_to_image import SoundToImage

    model = SoundToImage.load(model_dir)
    layers = {layer.name: layer for layer in model.feature_generator.layers}
    if not {"typical", "noise"} <= set(layers):
        raise UserError(f"{model_dir}: its feature generator has no typicality")
    typical, noise = layers["typical"], layers["noise"]
    settings = [(share, noise.inference_scale) for share in SHARES]
    settings += [(typical.share, scale) for scale in NOISE_SCALES]
    info = dataset_info.load(data_dir)
    judge = Judge((model.recipe or {}).get("judge", "efficientnet_lite0"))
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(folder)
        held_out = heldout.load(model.trained_on, data_dir, info, scratch)
        found = predict(model, judge, held_out, scratch)
    if found.training is None or found.left_out is None:
        raise UserError(f"{data_dir}: {found.no_training or found.no_left_out}")
    sounds, left_out = found.sounds, found.left_out
    photos = diversity.pairs_by_class(
        found.judged.features, found.images.labels, found.images.groups
    )

    def seen(before: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        features = judge.look(to_uint8(model.draw(before))).features
        return features, found.training.class_seen.predict(features) == labels

    for share, scale in dict.fromkeys(settings):
        typical.share, noise.inference_scale = share, scale
        features, right = seen(found.sound_vectors.before, sounds.labels)
        drawn = left_out.drawn
        labels = left_out.sounds.labels[drawn]
        _, right_left_out = seen(left_out.vectors.before[drawn], labels)
        known = stats.rates({"": right}, sounds.labels, sounds.groups)[""]
        unknown = stats.rates({"": right_left_out}, labels, left_out.sounds.groups[drawn])[""]
        own = diversity.pairs_by_class(features, sounds.labels, sounds.groups)
        spread = diversity.ratio(own, photos, (sounds.groups, found.images.groups))
        kid = fidelity.kernel_distance(
            found.judged.features, features, found.images.groups, sounds.groups
        )
        yield [
            f"{share:g}",
            f"{scale:g}",
            *(f"{known[kind]['value']:.1%}" for kind in ("micro", "macro")),
            f"{unknown['macro']['value']:.1%}",
            f"{spread['value']:.2f}",
            f"{kid['value']:.4f}",
        ]


def main() -> None:
    """Prints the table, and puts it into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, type=pathlib.Path, help="prepared data set")
    parser.add_argument("--model", default=REALPAIRS, type=pathlib.Path, help="a model or its run")
    parser.add_argument("--page", help="page with a mark `typicality`")
    given = parser.parse_args()
    logs.show("s2i_tf")
    with told_by("benchmarks.typicality"):
        rows = []
        for row in measure(given.model, given.data):
            rows.append(row)
            print(" | ".join(row), flush=True)
        table = pages.table(HEAD, rows)
        print(table)
        if given.page:
            pages.fill(pathlib.Path(given.page), {"typicality": table})


if __name__ == "__main__":
    main()
