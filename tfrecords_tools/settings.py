"""What a preparation is told: one dataclass, its flags and its checks.

Imports no Beam and no TensorFlow.
"""

import dataclasses
import os

from absl import flags

from s2i_tf import spec
from s2i_tf.data import schema
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.media import limits

FOLEY = "foley"
REFINE_CHOICES = ("auto", "on", "off")
SPLIT_CHOICES = ("recording", "source")
_AT_LEAST_ONE = ("top_k", "num_per_class", "windows_per_video")


def _flag(default, text: str):
    return dataclasses.field(default=default, metadata={"help": text})


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a preparation; each is a flag of the same name."""

    data: str = _flag(
        "",
        "Folder by class (sounds/CLASS, images/CLASS), folder of videos, CSV of clips "
        "(path,start_seconds,label), or `foley` for the embedded data set.",
    )
    out: str = _flag("", "Folder for the data set; a run goes on with what is valid there.")
    name: str = _flag("", "Prefix of the shards; by default the name of the data.")
    num_shards: int = _flag(0, "Training shards; 0 for about 128 MiB each, at least 4.")
    sound_extractor: str = _flag("soundnet_pool5", "Net of the sound features.")
    image_extractor: str = _flag("efficientnet_lite2_map", "Net of the image features.")
    label_sound: str = _flag("soundnet", "Classifier of the sounds for the agreement filter.")
    label_image: str = _flag("efficientnet_lite2", "Classifier of the pictures for the filter.")
    refine: str = _flag(
        "auto",
        "Keep only pairs whose labels agree: on, off, or auto (on for data without classes).",
    )
    top_k: int = _flag(spec.AGREEMENT_TOP_K, "Labels of either side that the filter looks at.")
    rule: str = _flag("sets_meet", "When two lists of labels agree; an unknown name lists all.")
    num_classes: int = _flag(0, "How many classes to draw among those large enough; 0 for all.")
    instances_per_class: int = _flag(
        0, "Pairs of every class; smaller classes are left out. 0: off."
    )
    max_pairs_per_class: int = _flag(0, "At most so many pairs a class, smaller ones kept; 0: all.")
    max_items: int = _flag(0, "Look at no more than so many sounds, photos or videos; 0: all.")
    num_per_class: int = _flag(40, "Pairs a class that --data=foley renders.")
    seed: int = _flag(0, "Of the pairing, the draws and the split.")
    train_share: float = _flag(spec.TRAIN_SHARE, "Share of the recordings that train.")
    split_by: str = _flag(
        "recording",
        "What never crosses the split: recording, or source (the column of index.csv) for whole "
        "collections of sounds.",
    )
    views: int = _flag(0, "Augmented copies of every training sound, with features of their own.")
    trained_on: str = _flag(
        "", "Folder of a model: what it was trained on trains, all else evaluates."
    )
    feature_dtype: str = _flag("float16", "Of the features in the records: float16 or float32.")
    image_side: int = _flag(
        spec.IMAGE_SIDE, "Width and height of the pictures in the records: 64, 128 or 256."
    )
    windows_per_video: int = _flag(1, "Pairs to take from each video, evenly spread.")
    window_seconds: float = _flag(
        10.0, "Length of a video's or clip's sound; its frame is the middle one."
    )
    audio_track: int = _flag(
        0, "Number of the sound track of each file, from 1 on; 0 for the one that players play."
    )
    min_seconds: float = _flag(limits.MIN_SECONDS, "Shorter sounds and videos are quarantined.")
    max_seconds: float = _flag(
        3600.0, "Longer videos are quarantined; a sound file may last 600 s."
    )
    max_quarantined: int = _flag(0, "More unusable files than this make the exit status 3.")
    runner: str = _flag("DirectRunner", "Beam runner.")
    pipeline_options: str = _flag("", "Further Beam options, as one string.")
    num_workers: int = _flag(0, "Worker processes of DirectRunner; 0 for one a core.")
    weights: str = _flag("", "Weights of all nets: random:SEED for a trial without downloads.")

    def validate(self) -> None:
        """Refuses what cannot be done.

        Raises:
          UserError: naming the flag, what was got and what is allowed.
        """
        for name in ("data", "out"):
            if not getattr(self, name):
                raise UserError(f"--{name} is missing")
        if "/" in self.name or self.name.startswith("."):
            raise UserError(f"--name={self.name!r}; allowed: no slash, no leading dot")
        for name, choices in (
            ("refine", REFINE_CHOICES),
            ("feature_dtype", schema.FEATURE_DTYPES),
            ("split_by", SPLIT_CHOICES),
        ):
            if getattr(self, name) not in choices:
                raise unknown_name(f"--{name}", getattr(self, name), choices)
        if self.image_side not in spec.IMAGE_SIDES:
            sides = ", ".join(map(str, spec.IMAGE_SIDES))
            raise UserError(f"--image_side={self.image_side}; allowed: {sides}")
        if not 0 < self.train_share < 1:
            raise UserError(f"--train_share={self.train_share}; allowed: between 0 and 1")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            least = 1 if field.name in _AT_LEAST_ONE else 0
            if field.type is int and value < least:
                raise UserError(f"--{field.name}={value}; allowed: {least} or more")
        if not 0 <= self.min_seconds < self.max_seconds:
            raise UserError(
                f"--min_seconds={self.min_seconds}, --max_seconds={self.max_seconds}; "
                "allowed: 0 or more, and the first below the second"
            )
        if not limits.MIN_SECONDS <= self.window_seconds <= limits.MAX_SECONDS:
            raise UserError(
                f"--window_seconds={self.window_seconds}; "
                f"allowed: {limits.MIN_SECONDS} to {limits.MAX_SECONDS:g}"
            )
        if self.split_by == "source" and self.trained_on:
            raise UserError(
                "--split_by=source and --trained_on exclude each other: what a model was trained "
                "on decides the split"
            )
        if self.num_classes and not self.instances_per_class:
            raise UserError("--num_classes needs --instances_per_class")
        if self.max_pairs_per_class and self.instances_per_class:
            raise UserError("--max_pairs_per_class and --instances_per_class exclude each other")

    @property
    def dataset_name(self) -> str:
        """The prefix of the shards."""
        stem = os.path.splitext(os.path.basename(self.data.rstrip("/")))[0]
        return self.name or "".join(c if c.isalnum() or c in "_-" else "_" for c in stem) or "data"


def define_flags(module_name: str) -> None:
    """Defines a flag for every setting, listed under the module of that name."""
    define = {str: flags.DEFINE_string, int: flags.DEFINE_integer, float: flags.DEFINE_float}
    for field in dataclasses.fields(Settings):
        define[field.type](
            field.name, field.default, field.metadata["help"], module_name=module_name
        )


def from_flags() -> Settings:
    """The settings that the command line gave."""
    return Settings(
        **{field.name: getattr(flags.FLAGS, field.name) for field in dataclasses.fields(Settings)}
    )
