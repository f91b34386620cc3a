"""`python -m benchmarks.evaluation_scale`: the memory of `s2i evaluate` at the paper's size.

    python -m benchmarks.evaluation_scale --folder=SCRATCH [--num_train=93600] [--num_eval=10400]

Writes a data set of made-up features and photos in 52 classes to SCRATCH and evaluates a tiny model
and a tiny judge on it in a process of its own. The nets are small as their size is the same for any
data; the judge's features have the size of EfficientNet-Lite's. Prints the largest resident set of
that process and its seconds; what is mapped from disk counts as far as it was resident.
"""

import pathlib
import resource
import shutil
import subprocess
import sys
import time

from absl import flags

from s2i_tf.errors import EXIT_MISTAKE, UserError

NUM_CLASSES = 52
NUM_JUDGED = 1280
_SHARD_PAIRS = 5200


def write_data(folder: pathlib.Path, sizes: dict[str, int]) -> None:
    """Writes a data set of made-up features and photos.

    Args:
      folder: folder of the data set.
      sizes: how many pairs each split has.
    """
    import numpy as np
    import tensorflow as tf

    from s2i_tf import spec
    from s2i_tf.data import dataset_info, schema

    rng = np.random.default_rng(0)
    fingerprints = {"sound_fingerprint": "s", "image_fingerprint": "i"}
    centres = rng.normal(size=(2, NUM_CLASSES, spec.FEATURE_SIZE)).astype(np.float32)
    side = spec.IMAGE_SIDE
    folder.mkdir(parents=True, exist_ok=True)
    splits = {}
    for split, num_pairs in sizes.items():
        shards = []
        num_shards = -(-num_pairs // _SHARD_PAIRS)
        for shard in range(num_shards):
            path = folder / f"made_up-{split}.tfrecord-{shard:05}-of-{num_shards:05}"
            rows = range(shard * _SHARD_PAIRS, min((shard + 1) * _SHARD_PAIRS, num_pairs))
            with tf.io.TFRecordWriter(str(path)) as writer:
                for row in rows:
                    label = row % NUM_CLASSES
                    noise = rng.standard_normal((2, spec.FEATURE_SIZE), np.float32)
                    sound, image = centres[:, label] + noise
                    photo = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
                    photo = photo.repeat(side // 8, axis=0).repeat(side // 8, axis=1)
                    record = schema.PairRecord(
                        id=f"{split}/{row}",
                        label=label,
                        group=f"{split}{row}",
                        sound_features=sound,
                        image_features=image,
                        image=tf.io.encode_jpeg(photo).numpy(),
                        sound_id=f"sounds/{split}{row}.wav",
                        image_id=f"images/{split}{row}.jpg",
                        **fingerprints,
                    )
                    writer.write(schema.encode(record))
            size = path.stat().st_size
            shards.append(dataset_info.Shard(path.name, len(rows), size, ""))
        splits[split] = tuple(shards)
    dataset_info.DatasetInfo(
        name="made_up",
        class_names=tuple(f"class{label:02}" for label in range(NUM_CLASSES)),
        feature_dtype="float16",
        fingerprints=fingerprints,
        extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
        nets={},
        splits=splits,
        source="",
    ).save(folder)


def evaluate(data: pathlib.Path, out: pathlib.Path) -> None:
    """Evaluates a tiny model with a tiny judge, and prints the peak of memory and the seconds."""
    import keras
    import numpy as np

    from s2i_tf.data import dataset_info
    from s2i_tf.evaluation import evaluate as evaluation
    from s2i_tf.features.base import Classifier, Fingerprint
    from s2i_tf.models import build_generator
    from s2i_tf.models.multimodal import MultimodalLayers
    from s2i_tf.models.sound_to_image import SoundToImage

    class TinyJudge(Classifier):
        name, modality = "tiny", "image"
        fingerprint = Fingerprint("tiny", "random:0", "none", "logits")
        labels = tuple(f"label {index}" for index in range(1000))

        def __init__(self) -> None:
            keras.utils.set_random_seed(0)
            inputs = keras.Input((32, 32, 3), dtype="uint8")
            x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
            x = keras.layers.Dense(NUM_JUDGED, activation="relu")(x)
            self.model = keras.Model(inputs, keras.layers.Dense(len(self.labels))(x))

        def prepare(self, item: np.ndarray) -> np.ndarray:
            return item[::4, ::4]

        def __call__(self, batch: np.ndarray) -> np.ndarray:
            return np.asarray(self.model(batch, training=False))

    info = dataset_info.load(data)
    layers = MultimodalLayers(64)
    layers.build()
    parts = [
        build_generator(
            "unet",
            (128, 128, 1),
            (128, 128, channels),
            filters=2,
            output_activation=activation,
            seed=0,
        )
        for channels, activation in ((1, "linear"), (3, "tanh"))
    ]
    model = SoundToImage(
        layers,
        *parts,
        class_names=info.class_names,
        fingerprints=info.fingerprints,
        extractors=info.extractors,
        nets={},
    )
    began = time.perf_counter()
    evaluation.evaluate(model, data, judge=TinyJudge(), out=out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    print(f"peak of memory: {peak:.2f} GiB; {time.perf_counter() - began:.0f} s")


def main() -> None:
    """Reads the flags, writes the data and measures. Always ends in `SystemExit`."""
    flags.DEFINE_string("folder", None, "Where there is room for 10 GB, which are removed again.")
    flags.DEFINE_integer("num_train", 93_600, "Pairs of the training split.", lower_bound=1)
    flags.DEFINE_integer("num_eval", 10_400, "Pairs of the eval split.", lower_bound=1)
    flags.DEFINE_bool("measure", False, "Only evaluate what lies in the folder.")
    values = flags.FLAGS
    try:
        values(sys.argv)
        if not values.folder:
            raise UserError("--folder=SCRATCH is missing")
    except (UserError, flags.Error) as error:
        print(f"benchmarks.evaluation_scale: error: {error}", file=sys.stderr)
        sys.exit(EXIT_MISTAKE)
    folder = pathlib.Path(values.folder) / "evaluation_scale"
    if values.measure:
        evaluate(folder / "data", folder / "out")
        sys.exit(0)
    try:
        write_data(folder / "data", {"train": values.num_train, "eval": values.num_eval})
        # In a process of its own: this one's peak is that of writing.
        module = [sys.executable, "-m", "benchmarks.evaluation_scale", "--measure"]
        finished = subprocess.run([*module, f"--folder={values.folder}"], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(finished.returncode)


if __name__ == "__main__":
    main()
