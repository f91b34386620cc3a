"""The classes of the embedded data set and the causes that a sound shares with its picture.

A cause is a number in [0, 1] drawn once for a pair. `causes.csv` lists them: each changes one
property that can be heard and one that can be seen, which rises (`+`) or falls (`-`) with it, and
says what a person notices. The properties are those that `s2i_tf.data.foley.measures` knows:

ears  `loudness` · `pitch` the fundamental · `tone` the centre of the spectrum · `onsets` events a
      second · `swell` and `throb` how often the sound comes round again, slowly or quickly
eyes  `light` mean brightness · `warmth` red against blue · `tint` the same of the subject alone ·
      `area` share of the picture that the subject fills · `height` of the subject ·
      `stripes` bands from top to bottom · `sparks` bright specks

Everything else that varies (background, viewpoint, palette, room, noise) is drawn apart from the
causes and tells nothing about them.
"""

import csv
import dataclasses
import pathlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from s2i_tf import errors
from s2i_tf.data import splits
from s2i_tf.errors import UserError


class Effect(NamedTuple):
    """What a cause does to one sense.

    Attributes:
      kind: the measured property, a key of `EARS` or `EYES` in `foley.measures`.
      rises: whether the property rises or falls with the cause.
    """

    kind: str
    rises: bool


class Cause(NamedTuple):
    """One latent number of a class: its name and its effects on the ear and on the eye."""

    name: str
    ear: Effect
    eye: Effect


def _read_causes() -> Mapping[str, tuple[Cause, ...]]:
    found: dict[str, tuple[Cause, ...]] = {}
    with open(pathlib.Path(__file__).with_suffix(".csv"), newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            ear, eye = (Effect(row[sense][1:], row[sense][0] == "+") for sense in ("ear", "eye"))
            causes = found.get(row["class"], ())
            found[row["class"]] = (*causes, Cause(row["cause"], ear, eye))
    return MappingProxyType(found)


CAUSES = _read_causes()
CLASSES: tuple[str, ...] = tuple(CAUSES)


@dataclasses.dataclass(frozen=True)
class Scene:
    """Everything that a sound and its picture are made from.

    Attributes:
      class_name: one of `CLASSES`.
      index: the scene's number within its class, from 0.
      seed: the seed of the data set.
      causes: a number in [0, 1] for each cause of the class, by name.
    """

    class_name: str
    index: int
    seed: int
    causes: Mapping[str, float]

    def __post_init__(self):
        names = [cause.name for cause in causes_of(self.class_name)]
        if sorted(self.causes) != sorted(names):
            raise UserError(
                f"causes {sorted(self.causes)} of a {self.class_name} scene; allowed: {names}"
            )
        for name, value in self.causes.items():
            if not 0 <= value <= 1:
                raise UserError(f"cause {name} is {value}; allowed: 0 to 1")


def causes_of(class_name: str) -> tuple[Cause, ...]:
    """The causes of a class.

    Raises:
      UserError: if there is no such class.
    """
    if class_name not in CAUSES:
        raise errors.unknown_name("foley class", class_name, CAUSES)
    return CAUSES[class_name]


def scene(class_name: str, index: int, seed: int = 0) -> Scene:
    """Draws the scene of a class and number: the same one in every process and on every machine.

    Raises:
      UserError: if there is no such class.
    """
    causes = {
        cause.name: splits.stable_fraction(f"{class_name}/{index}/{cause.name}", f"foley {seed}")
        for cause in causes_of(class_name)
    }
    return Scene(class_name, index, seed, causes)


def lerp(low: float, high: float, share: float) -> float:
    """`low` at share 0, `high` at share 1."""
    return low + (high - low) * share


def glide(low: float, high: float, share: float) -> float:
    """`low` at share 0, `high` at share 1, in equal ratios, as ears count pitch and tempo."""
    return low * (high / low) ** share
