"""The classes of the embedded data set and the causes that a sound shares with its picture.

A cause is a number in [0, 1] drawn once for a pair. It changes one property that can be heard and
one that can be seen, each named by a kind that `s2i_tf.data.foley.measures` knows how to measure:

ears  `loudness` · `pitch` the fundamental · `tone` the centre of the spectrum · `onsets` events a
      second · `swell` and `throb` how often the sound comes round again, slowly or quickly
eyes  `light` mean brightness · `warmth` red against blue · `tint` the same of the subject alone ·
      `area` share of the picture that the subject fills · `height` of the subject ·
      `stripes` bands from top to bottom · `sparks` bright specks

Everything else that varies (background, viewpoint, palette, room, noise) is drawn apart from the
causes and tells nothing about them.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType

from s2i_tf import errors
from s2i_tf.data import splits
from s2i_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Effect:
    """What a cause does to one sense.

    Attributes:
      kind: the measured property, a key of `EARS` or `EYES` in `foley.measures`.
      rises: whether the property rises or falls with the cause.
      words: what a person notices as the cause goes from 0 to 1.
    """

    kind: str
    rises: bool
    words: str


@dataclasses.dataclass(frozen=True)
class Cause:
    """One latent number of a class: its name and its effects on the ear and on the eye."""

    name: str
    ear: Effect
    eye: Effect


def _up(kind: str, words: str) -> Effect:
    return Effect(kind, True, words)


def _down(kind: str, words: str) -> Effect:
    return Effect(kind, False, words)


CAUSES: Mapping[str, tuple[Cause, ...]] = MappingProxyType(
    {
        "rain": (
            Cause(
                "intensity",
                _up("loudness", "from single drops to a downpour"),
                _down("light", "a darker sky, more and longer streaks"),
            ),
            Cause(
                "shelter",
                _down("tone", "from bright hiss in the open to a muffled wash behind a window"),
                _up("warmth", "the warm room around the window takes more of the picture"),
            ),
        ),
        "sea_waves": (
            Cause(
                "nearness",
                _up("loudness", "louder surf"),
                _up("warmth", "the beach comes into view and grows"),
            ),
            Cause(
                "storm",
                _down("tone", "from hiss to a deep roar"),
                _down("light", "a darker sky and sea, higher waves"),
            ),
            Cause(
                "rhythm",
                _up("swell", "waves break in quicker succession"),
                _up("stripes", "more crests between the horizon and the shore"),
            ),
        ),
        "siren": (
            Cause(
                "pitch",
                _up("pitch", "a higher siren"),
                _down("tint", "from red lights to blue ones"),
            ),
            Cause(
                "nearness",
                _up("loudness", "a louder siren"),
                _up("area", "a larger vehicle"),
            ),
            Cause(
                "urgency",
                _up("swell", "a quicker alternation"),
                _up("light", "from deep night to dusk, and a stronger glow"),
            ),
        ),
        "clock": (
            Cause("size", _down("onsets", "slower ticks"), _up("area", "a larger dial")),
            Cause(
                "metal",
                _up("tone", "from a wooden knock to a bright metallic tick"),
                _down("warmth", "from wood in warm light to steel in cold light"),
            ),
        ),
        "engine": (
            Cause("nearness", _up("loudness", "a louder engine"), _up("area", "a larger engine")),
            Cause(
                "revs",
                _up("pitch", "quicker firing, from idling to full speed"),
                _up("warmth", "the exhaust glows and heats its surroundings"),
            ),
        ),
        "guitar": (
            Cause("size", _down("tone", "lower notes"), _up("area", "a larger instrument")),
            Cause(
                "pace",
                _up("onsets", "more plucks a second"),
                _up("light", "from a dim room to full light"),
            ),
        ),
        "horn": (
            Cause("size", _down("pitch", "lower notes"), _up("area", "a larger instrument")),
            Cause(
                "force",
                _up("loudness", "from soft and dull to loud and brassy"),
                _up("light", "more light on the stage and on the brass"),
            ),
        ),
        "helicopter": (
            Cause(
                "nearness",
                _up("loudness", "a louder rotor"),
                _up("area", "a larger helicopter"),
            ),
            Cause(
                "altitude",
                _down("tone", "the air swallows the treble"),
                _up("height", "it flies higher"),
            ),
            Cause(
                "weight",
                _down("throb", "slower blades"),
                _down("tint", "from a red sports craft to a dark green transporter"),
            ),
        ),
        "fire": (
            Cause("blaze", _up("loudness", "a louder roar"), _up("area", "taller, wider flames")),
            Cause(
                "crackle",
                _up("onsets", "more crackles a second"),
                _up("sparks", "more sparks in the air"),
            ),
        ),
        "bird": (
            Cause("perch", _up("pitch", "a higher whistle"), _up("height", "a higher branch")),
            Cause("flock", _up("onsets", "more chirps a second"), _up("area", "more birds")),
        ),
    }
)

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
