"""Scenes to sounds and pictures, and to a folder of files with an index."""

import csv
import functools
import itertools
import os
import pathlib
from concurrent import futures

import numpy as np
from PIL import Image

from s2i_tf import files, spec
from s2i_tf.data import splits
from s2i_tf.data.class_folder import INDEX_FILE, KIND_FOLDERS
from s2i_tf.data.foley import dsp
from s2i_tf.data.foley.canvas import Canvas
from s2i_tf.data.foley.causes import CLASSES, Scene, causes_of, lerp, scene
from s2i_tf.data.foley.pictures import PAINTERS
from s2i_tf.data.foley.sounds import SYNTHESISERS
from s2i_tf.errors import UserError
from s2i_tf.media import audio

MAX_PER_CLASS = 100_000
PICTURE_SIDE = 256
SOURCE = "s2i_tf.data.foley"

# Of the sound as a whole where loudness is a cause, with a little spread that is none; of its
# peaks elsewhere. In dB of full scale.
_LEVELS_DB = (-38.0, -16.0)
_LEVEL_SPREAD_DB = 1.0
_PEAKS_DB = (-16.0, -2.0)


def synthesize(the_scene: Scene) -> np.ndarray:
    """The sound of a scene in a room of its own over its background noise: 6 to 8 s long."""
    rng = _generator(the_scene, "sound")
    num_samples = rng.integers(60, 81) * spec.SAMPLE_RATE_HZ // 10
    room_seconds, wet = rng.uniform(0.15, 1.2), rng.uniform(0, 0.3)
    noise_db, noise_hz = rng.uniform(-45, -18), rng.uniform(200, 6000)
    loud = rng.random()
    wave = SYNTHESISERS[the_scene.class_name](int(num_samples), the_scene.causes, rng)
    wave = dsp.reverberate(rng, wave, room_seconds, wet)
    noise = dsp.coloured_noise(rng, len(wave), dsp.band(50, noise_hz, 0.7))
    wave = wave / dsp.level(wave) + noise * np.float32(10 ** (noise_db / 20))
    wave *= np.float32(_gain(the_scene, wave, loud))
    power = wave * wave
    wave /= np.sqrt(np.sqrt(1 + power * power))  # a limiter: nothing passes full scale
    return (wave * spec.WAVEFORM_SCALE).astype(np.float32)


def render(the_scene: Scene, side: int = PICTURE_SIDE) -> np.ndarray:
    """The picture of a scene, uint8 [side, side, 3]."""
    rng = _generator(the_scene, "picture")
    canvas = Canvas(side, rng)
    PAINTERS[the_scene.class_name](canvas, the_scene.causes, rng)
    return canvas.finish()


def write_folder(out: str | os.PathLike, num_per_class: int, seed: int = 0) -> pathlib.Path:
    """Writes `sounds/CLASS/NNNN.flac`, `images/CLASS/NNNN.png` and `index.csv`.

    The sound and the picture of a scene have the same stem and the same `recording_group`, which
    no other pair has; the columns `cause_NAME` of the index hold its causes.

    Args:
      out: the folder, which appears when it is complete; an earlier one of ours is replaced.
      num_per_class: pairs of each class.
      seed: random seed of the scenes.

    Returns:
      The folder.

    Raises:
      UserError: if there is something else at `out`, or the number is out of range.
    """
    if not 1 <= num_per_class <= MAX_PER_CLASS:
        raise UserError(f"{num_per_class} pairs a class; allowed: 1 to {MAX_PER_CLASS}")
    _check_replaceable(pathlib.Path(out))
    scenes = (scene(name, index, seed) for name in CLASSES for index in range(num_per_class))
    with files.new_folder(out) as folder, futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for kind, class_name in itertools.product(KIND_FOLDERS.values(), CLASSES):
            (folder / kind / class_name).mkdir(parents=True)
        # NumPy, Pillow and the encoders leave Python to the other threads while they work.
        pairs = pool.map(functools.partial(_write_pair, folder), scenes)
        rows = list(itertools.chain.from_iterable(pairs))
        with (folder / INDEX_FILE).open("w", newline="", encoding="utf-8") as file:
            columns = list(dict.fromkeys(name for row in rows for name in row))
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return pathlib.Path(out)


def _check_replaceable(folder: pathlib.Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    index = folder / INDEX_FILE
    if index.is_file():
        with index.open(newline="", encoding="utf-8") as file:
            if next(csv.DictReader(file), {}).get("source") == SOURCE:
                return
    raise UserError(
        f"{folder}: holds something else; allowed: a new or empty folder, or an earlier rendering"
    )


def _write_pair(folder: pathlib.Path, the_scene: Scene) -> list[dict[str, str]]:
    """Writes the two files of a scene and returns their rows of the index."""
    stem = f"{the_scene.class_name}/{the_scene.index:04}"
    sound = f"{KIND_FOLDERS['sound']}/{stem}.flac"
    picture = f"{KIND_FOLDERS['image']}/{stem}.png"
    (folder / sound).write_bytes(audio.encode_audio(synthesize(the_scene), "flac"))
    # The usual compression of PNG takes longer than all the rest and saves little.
    Image.fromarray(render(the_scene)).save(folder / picture, compress_level=1)
    common = {
        # Scenes of another seed are other recordings.
        "recording_group": f"seed {the_scene.seed}/{stem}" if the_scene.seed else stem,
        "pairing": "strict",
        "source": SOURCE,
        "original_name": f"{the_scene.class_name}/{the_scene.index} of seed {the_scene.seed}",
        "licence": "Apache-2.0",
        **{f"cause_{name}": f"{value:.6f}" for name, value in the_scene.causes.items()},
    }
    return [
        {"kind": kind, "class": the_scene.class_name, "path": path, **common}
        for kind, path in (("sound", sound), ("image", picture))
    ]


def _generator(the_scene: Scene, sense: str) -> np.random.Generator:
    key = f"{the_scene.class_name}/{the_scene.index}/{sense}"
    fraction = splits.stable_fraction(key, f"foley {the_scene.seed}")
    return np.random.default_rng(int(fraction * 2**53))


def _gain(the_scene: Scene, wave: np.ndarray, loud: float) -> float:
    """What brings a wave to its level; `loud`, in [0, 1], is not the cause's doing."""
    for cause in causes_of(the_scene.class_name):
        if cause.ear.kind == "loudness":
            level_db = lerp(*_LEVELS_DB, the_scene.causes[cause.name])
            level_db += _LEVEL_SPREAD_DB * (2 * loud - 1)
            return 10 ** (level_db / 20) / dsp.level(wave)
    return 10 ** (lerp(*_PEAKS_DB, loud) / 20) / float(np.abs(wave).max())
