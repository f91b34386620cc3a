"""Turn sounds into pictures, or photos into sounds, with a trained model.

s2i generate SOUND… --out=DIR [--model=DIR|FILE.tflite] [--num_samples=N] [--seed=N]
             [--window=auto|middle|loudest|SECONDS] [--only_known]

s2i generate --direction=image_to_sound PHOTO… --out=DIR [--model=DIR] [--sounds=FOLDER]

Takes any sound or video file; of one longer than ten minutes, the first ten. A folder stands for
the sounds, or photos, in it, but not in its folders. Writes OUT/<the sound's stem>.png for each,
further samples as <stem>_1.png, …, and contact_sheet.png. A file that cannot be read is reported
and left out; the exit status is then 2. Files of an earlier run are replaced; where there are
others of these names, nothing is done.

What was heard is printed, stands below the pictures, and is written to OUT/heard.json by the
picture's stem: the sound's path; the classes with their probabilities, the likeliest first; whether
the sound is like anything the model knows, and how much; and which seconds were heard. Of a sound
that is like nothing known there is a picture all the same, unless --only_known leaves it out.

s2i generate --mix SOUND=WEIGHT SOUND=WEIGHT… --out=DIR

s2i generate --between SOUND SOUND --out=DIR [--steps=N]

The first draws one picture, mixture.png, of several sounds, such as rain.wav=0.7 dog.wav=0.3; the
second the way from one sound to the other, between_0.png, … and as a strip between.png.

In the other direction it makes sound features of each photo and writes the training sound that is
nearest to them as OUT/<the photo's stem>.wav, with --num_samples the next ones as <stem>_1.wav, …,
and sounds.csv with all names and distances. The sounds are read from the source folder of the data
that trained the model, or from --sounds; where they are missing, the table is all there is.

A model is a folder that was trained or exported, or a TFLite file; the other direction needs one
that was trained. Sounds to pictures need no TensorFlow where the model has a file for it, as the
package's own has (--runtime=auto); --runtime=lite makes one, once for each model.
"""

import functools
import itertools
import logging
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from absl import flags

import s2i_tf
from s2i_tf import files
from s2i_tf.api import RUNTIMES
from s2i_tf.cli import given, given_flags
from s2i_tf.cli.stems import sample_name, unique_stems
from s2i_tf.errors import MediaError, UserError, printable
from s2i_tf.iterating import batched
from s2i_tf.media.source import name_of
from s2i_tf.pretrained import given_or_own

logger = logging.getLogger(__name__)

SHEET_NAME = "contact_sheet"
HEARD_FILE = "heard.json"
_HEARD_MARK = '"known_score"'
_SHEET_PICTURES = 200
_BATCH_SIZE = 16
_FEW = 3  # pictures for which a quick start pays
_NAMED = 3  # classes in a line
_DIRECTIONS = ("sound_to_image", "image_to_sound")


def define_flags() -> None:
    """Defines the flags of both directions."""
    flags.DEFINE_enum("direction", _DIRECTIONS[0], _DIRECTIONS, "From what to what.")
    flags.DEFINE_string(
        "model",
        None,
        "Folder of a trained model, its run or a SavedModel, or a TFLite file; by default the "
        "package's own.",
    )
    flags.DEFINE_string("out", None, "Folder for the pictures or sounds.")
    flags.DEFINE_integer(
        "num_samples",
        1,
        "Pictures of each sound, or sounds for each photo.",
        lower_bound=1,
        upper_bound=1000,
    )
    flags.DEFINE_integer(
        "seed", 0, "Random seed of the second and further pictures of a sound.", lower_bound=0
    )
    flags.DEFINE_string(
        "window",
        "auto",
        "Which 6 s of a longer sound are heard: middle, loudest, the second they begin at, or "
        "auto, what the model is surest of.",
    )
    flags.DEFINE_bool("only_known", False, "Leave out sounds that are like nothing known.")
    flags.DEFINE_bool("mix", False, "Draw one picture of all sounds, each with its weight.")
    flags.DEFINE_bool("between", False, "Draw the way from one sound to another.")
    flags.DEFINE_integer(
        "steps", 8, "Pictures on the way between two sounds.", lower_bound=2, upper_bound=1000
    )
    flags.DEFINE_string("sounds", None, "Folder that the training sounds are in.")
    flags.DEFINE_enum("runtime", RUNTIMES[0], RUNTIMES, "What computes.")


def run(args: list[str]) -> None:
    """Draws, or finds, and writes some files at a time."""
    values = flags.FLAGS
    to_sound = values.direction == _DIRECTIONS[1]
    mixing = values.mix or values.between
    _check(args, to_sound, mixing)
    kind = "photo" if to_sound else "sound"
    out = pathlib.Path(values.out)
    paths = [] if mixing else given.paths(args, kind)
    num_pictures = len(paths or args) * (values.steps if values.between else values.num_samples)
    load = functools.partial(
        s2i_tf.load, values.model, runtime=values.runtime, quick_start=num_pictures <= _FEW
    )
    if mixing:
        from s2i_tf.cli import generate_mixtures

        generate_mixtures.run(load, args, out)
        return
    model = load()
    if to_sound:
        from s2i_tf.cli import generate_sounds

        found = _usable(paths, model.sounds_for, num=values.num_samples)
        source, cut = generate_sounds.source_of(given_or_own(values.model))
        num_used = generate_sounds.write(
            out, paths, found, values.num_samples, values.sounds or source, cut
        )
    else:
        num_used = _write(out, paths, _usable(paths, functools.partial(_hear_and_draw, model)))
    num_bad = len(paths) - num_used
    if not num_used:
        raise UserError(f"none of the {num_bad} {kind}s can be used")
    if num_bad:
        raise UserError(f"{num_bad} of {len(paths)} {kind}s could not be used; see above")


def _check(args: list[str], to_sound: bool, mixing: bool) -> None:
    """Refuses arguments and flags that do not go together, before anything is loaded."""
    values = flags.FLAGS
    if not args:
        kind, usage = "sound", "SOUND…"
        if to_sound:
            kind, usage = "photo", "--direction=image_to_sound PHOTO…"
        raise UserError(f"no {kind} given; usage: s2i generate {usage} --out=DIR")
    if not values.out:
        raise UserError("--out=FOLDER is missing")
    out = pathlib.Path(values.out)
    if out.exists() and not out.is_dir():
        raise UserError(f"--out={out} is not a folder")
    if values.sounds and not to_sound:
        raise UserError("--sounds is for --direction=image_to_sound")
    if not mixing:
        given_flags.refuse(("steps",), "without --between")
    if to_sound:
        given_flags.refuse(("seed", "window", "only_known"), "beside --direction=image_to_sound")
    elif values.num_samples == 1 and not mixing:
        given_flags.refuse(
            ("seed",), "without --num_samples: the first picture has no chance in it"
        )
    if values.sounds and not pathlib.Path(values.sounds).is_dir():
        raise UserError(f"--sounds={values.sounds} is not a folder")


def _usable(paths: list[pathlib.Path], call: Callable, **settings: Any) -> Iterator[tuple]:
    """The position of each path that can be used, and what the model's `call` makes of it."""
    calls = (call(some, return_exceptions=True, **settings) for some in batched(paths, _BATCH_SIZE))
    for position, result in enumerate(itertools.chain.from_iterable(calls)):
        if not isinstance(result, MediaError):
            yield position, result
        elif len(paths) == 1:
            raise result
        else:
            logger.warning("left out: %s", result)


def _hear_and_draw(model: Any, batch: list[pathlib.Path], return_exceptions: bool) -> list:
    """For each sound what was heard and its pictures, of which one that is left out has none."""
    values = flags.FLAGS

    def is_drawn(heard: Any) -> bool:
        return not isinstance(heard, MediaError) and (heard.known or not values.only_known)

    found = model.hear(batch, window=values.window, return_exceptions=return_exceptions)
    wanted = [heard for heard in found if is_drawn(heard)]
    drawn = iter(model.generate(wanted, samples=values.num_samples, seed=values.seed))
    return [
        heard if isinstance(heard, MediaError) else (heard, next(drawn) if is_drawn(heard) else ())
        for heard in found
    ]


def _described(heard: Any) -> str:
    """What was heard, in a few words."""
    likeliest = ", ".join(f"{name} {100 * share:.0f} %" for name, share in heard[:_NAMED])
    return likeliest if heard.known else f"like nothing known ({likeliest})"


def _write(out: pathlib.Path, paths: list[pathlib.Path], drawn: Iterator[tuple]) -> int:
    """Writes the pictures, their sheet and what was heard; returns how many sounds were used."""
    from s2i_tf.media import image
    from s2i_tf.media.sheet import contact_sheet

    num_samples = flags.FLAGS.num_samples
    stems = unique_stems(paths, {SHEET_NAME}, num_samples)
    names = [sample_name(stem, at) for stem in stems for at in range(num_samples)]
    made = {HEARD_FILE, *(f"{name}.png" for name in (SHEET_NAME, *names))}
    for path in paths:
        if path.name in made and files.is_same(path, out / path.name):
            raise UserError(f"{path}: a picture would take its place; choose another --out")
    files.refuse_taken(out / name for name in sorted(made - {HEARD_FILE}))
    files.refuse_taken([out / HEARD_FILE], _HEARD_MARK)
    is_told_apart = len({path.name for path in paths}) == len(paths)
    shown: dict[str, Any] = {}
    said: dict[str, Any] = {}
    num_pictures = 0
    for position, (heard, pictures) in drawn:
        out.mkdir(parents=True, exist_ok=True)
        left_out = "" if len(pictures) else ": left out"
        path = paths[position]
        called = name_of(path.name if is_told_apart else path)
        stem = stems[position]
        drawn_as = f" ({printable(stem)}.png)" if len(pictures) and stem != path.stem else ""
        print(f"{called}: {_described(heard)}{left_out}{drawn_as}")
        said[stem] = {
            "sound": str(path),
            "classes": [list(pair) for pair in heard],
            "known": heard.known,
            "known_score": heard.known_score,
            "window_seconds": list(heard.window_seconds),
        }
        for number, picture in enumerate(pictures):
            name = sample_name(stem, number)
            files.write(out / f"{name}.png", image.encode_png(picture, files.MADE_BY))
            if len(shown) < _SHEET_PICTURES:
                likeliest = heard[0][0] if heard.known else "?"
                shown[f"{likeliest}\n{printable(name)}"] = picture
        num_pictures += len(pictures)
    if said:
        files.write_json(out / HEARD_FILE, said)
    if shown:
        sheet = contact_sheet(list(shown.values()), list(shown))
        files.write(out / f"{SHEET_NAME}.png", image.encode_png(sheet, files.MADE_BY))
        print(f"{num_pictures} pictures of {len(said)} sounds: {out / SHEET_NAME}.png")
    return len(said)
