"""The mixtures of `s2i generate`: several sounds in one picture, and the way between two."""

import pathlib
from collections.abc import Callable

from absl import flags

from s2i_tf import files
from s2i_tf.api import Model
from s2i_tf.cli import given_flags
from s2i_tf.errors import UserError

_WITHOUT_EFFECT = ("direction", "num_samples", "window", "only_known", "sounds")


def run(load: Callable[[], Model], args: list[str], out: pathlib.Path) -> None:
    """Draws what --mix or --between asks for.

    Args:
      load: gives the model that draws; not called for arguments that cannot be.
      args: with --mix, SOUND=WEIGHT each; with --between, two sounds.
      out: folder for the pictures.

    Raises:
      UserError: if the arguments are others, or a sound cannot be used.
    """
    from s2i_tf.media import image
    from s2i_tf.media.sheet import contact_sheet

    values = flags.FLAGS
    if values.mix and values.between:
        raise UserError("--mix and --between are two things. Give one of them.")
    given_flags.refuse(_WITHOUT_EFFECT, "beside --mix and --between")
    if values.mix:
        given_flags.refuse(("steps", "seed"), "beside --mix")
        sounds, weights = zip(*map(_weighted, args), strict=True)
        files.refuse_taken([out / "mixture.png"])
        pictures = {"mixture": load().mix(sounds, weights)}
    else:
        if len(args) != 2:
            raise UserError(f"--between takes two sounds, got {len(args)}. Give the two.")
        names = ["between", *(f"between_{step}" for step in range(values.steps))]
        files.refuse_taken(out / f"{name}.png" for name in names)
        way = load().between(*args, steps=values.steps, seed=values.seed)
        pictures = {f"between_{step}": picture for step, picture in enumerate(way)}
        pictures["between"] = contact_sheet(way, num_columns=len(way))
    out.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        files.write(out / f"{name}.png", image.encode_png(picture, files.MADE_BY))
    print(f"{out / name}.png")


def _weighted(argument: str) -> tuple[str, float]:
    """A sound and its weight, of SOUND=WEIGHT."""
    path, _, weight = argument.rpartition("=")
    if not path or pathlib.Path(argument).is_file():
        return argument, 1.0
    try:
        return path, float(weight)
    except ValueError:
        raise UserError(
            f"{argument}: {weight!r} is no weight. Write SOUND=WEIGHT, such as rain.wav=0.7."
        ) from None
