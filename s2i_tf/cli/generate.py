"""Turn sounds into pictures, or photos into sounds, with a trained model.

s2i generate SOUND… --model=DIR|FILE.tflite --out=DIR [--num_samples=N] [--seed=N]

s2i generate --direction=image_to_sound PHOTO… --model=DIR --out=DIR [--sounds=FOLDER]

Takes any sound or video file; of one longer than ten minutes, the first ten. Writes
OUT/<the sound's stem>.png for each, further samples as <stem>_1.png, …, and contact_sheet.png. A
file that cannot be read is reported and left out; the exit status is then 2.

In the other direction it makes sound features of each photo and writes the training sound that is
nearest to them as OUT/<the photo's stem>.wav, with --num_samples the next ones as <stem>_1.wav, …,
and sounds.csv with all names and distances. The sounds are read from the source folder of the data
that trained the model, or from --sounds; where they are missing, the table is all there is.
"""

import logging
import os
import pathlib
from concurrent import futures

from absl import flags

from s2i_tf import files
from s2i_tf.cli import generate_sounds
from s2i_tf.cli.stems import unique_stems
from s2i_tf.errors import MediaError, UserError
from s2i_tf.pretrained import REALPAIRS

logger = logging.getLogger(__name__)

SHEET_NAME = "contact_sheet"
_SHEET_PICTURES = 200
_BATCH_SIZE = 16
_DIRECTIONS = ("sound_to_image", "image_to_sound")


def define_flags() -> None:
    """Defines --direction, --model, --out, --num_samples, --seed and --sounds."""
    flags.DEFINE_enum("direction", _DIRECTIONS[0], _DIRECTIONS, "From what to what.")
    flags.DEFINE_string(
        "model",
        None,
        "Folder of a trained model or its run, or a TFLite file; by default the package's own.",
    )
    flags.DEFINE_string("out", None, "Folder for the pictures or sounds.")
    flags.DEFINE_integer(
        "num_samples", 1, "Pictures of each sound, or sounds for each photo.", lower_bound=1
    )
    flags.DEFINE_integer("seed", 0, "Of the second and further pictures of a sound.", lower_bound=0)
    flags.DEFINE_string("sounds", None, "Folder that the training sounds are in.")


def run(args: list[str]) -> None:
    """Reads all sounds or photos, then draws, then writes."""
    to_sound = flags.FLAGS.direction == _DIRECTIONS[1]
    if not args:
        given, usage = (
            ("photo", "--direction=image_to_sound PHOTO…") if to_sound else ("sound", "SOUND…")
        )
        raise UserError(f"no {given} given; usage: s2i generate {usage} --out=DIR")
    if not flags.FLAGS.out:
        raise UserError("--out=FOLDER is missing")
    model_path = flags.FLAGS.model or str(REALPAIRS)
    out = pathlib.Path(flags.FLAGS.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={out} is not a folder")
    if to_sound:
        generate_sounds.run(
            [pathlib.Path(path) for path in args],
            model_path,
            out,
            num_samples=flags.FLAGS.num_samples,
            sounds=flags.FLAGS.sounds,
        )
        return
    if flags.FLAGS.sounds:
        raise UserError("--sounds is for --direction=image_to_sound")

    model = _load(model_path)
    features, paths, num_bad = _features(args, model)
    if not paths:
        raise UserError(f"none of the {num_bad} sounds can be used")
    samples = [
        model.generate(features, sample=sample, seed=flags.FLAGS.seed)
        for sample in range(flags.FLAGS.num_samples)
    ]
    _write(out, unique_stems(paths, {SHEET_NAME}), samples)
    if num_bad:
        raise UserError(f"{num_bad} of {len(args)} sounds could not be used; see above")


def _load(path: str):
    """A `SoundToImage`, or a `TFLiteModel` that draws as it does."""
    if path.endswith(".tflite"):
        from s2i_tf.serving.tflite import TFLiteModel

        return TFLiteModel.load(path)
    from s2i_tf.models.sound_to_image import SoundToImage

    return SoundToImage.load(path)


def _features(args: list[str], model):
    """Features [num, 4096] of the sounds that can be read, their paths, and how many cannot."""
    import numpy as np

    from s2i_tf import features
    from s2i_tf.features.base import check_fingerprint
    from s2i_tf.media import audio, limits

    extractor = features.load_extractor(model.extractors["sound"])
    check_fingerprint(extractor, model.fingerprints["sound_fingerprint"])

    def prepare(path: str):
        try:
            waveform = audio.load_waveform(path, max_seconds=limits.MAX_SECONDS)
        except MediaError as error:
            return None, str(error)
        return extractor.prepare(waveform), ""

    rows, paths = [], []
    # In threads: tracing a graph that decodes takes a second, as long as decoding many sounds.
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(args), _BATCH_SIZE):
            batch = []
            some = args[start : start + _BATCH_SIZE]
            for path, (prepared, message) in zip(some, pool.map(prepare, some), strict=True):
                if prepared is not None:
                    batch.append(prepared)
                    paths.append(pathlib.Path(path))
                elif len(args) == 1:
                    raise UserError(message)
                else:
                    logger.warning("left out: %s", message)
            if batch:
                rows.append(extractor(np.stack(batch)))
    return np.concatenate(rows) if rows else None, paths, len(args) - len(paths)


def _write(out: pathlib.Path, stems: list[str], samples: list) -> None:
    from s2i_tf.media import image
    from s2i_tf.media.sheet import contact_sheet, to_uint8

    out.mkdir(parents=True, exist_ok=True)
    drawn, captions = [], []
    for index, stem in enumerate(stems):
        for number, sample in enumerate(samples):
            name = f"{stem}_{number}" if number else stem
            picture = to_uint8(sample[index])
            files.write(out / f"{name}.png", image.encode_png(picture))
            drawn.append(picture)
            captions.append(name)
    sheet = contact_sheet(drawn[:_SHEET_PICTURES], captions[:_SHEET_PICTURES])
    files.write(out / f"{SHEET_NAME}.png", image.encode_png(sheet))
    print(f"{len(drawn)} pictures of {len(stems)} sounds: {out / SHEET_NAME}.png")
