"""A trained model as a SavedModel, compared with Keras before it gets its name.

OUT/NAME/VERSION/ is laid out as TensorFlow Serving wants it. Its assets are `labels.txt` (the
classes of the training), `model.json` (preprocessing, fingerprints, versions) and `model_card.md`;
`assets.extra` holds warm-up checks and `parity.json`, the measured differences from Keras.
"""

import dataclasses
import os
import pathlib
import re
import tempfile

import keras
import tensorflow as tf

import s2i_tf
from s2i_tf import features, files, spec, templates
from s2i_tf.errors import UserError
from s2i_tf.features.base import Extractor, check_fingerprint
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import checks, exported, parity, warmup
from s2i_tf.serving.exported import DEFAULT_NAME
from s2i_tf.serving.precision import in_float32
from s2i_tf.serving.signatures import Signatures

EXTRA_FOLDER = "assets.extra"
CARD_FILE = "model_card.md"
PARITY_FILE = "parity.json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclasses.dataclass(frozen=True)
class Export:
    """A finished export.

    Attributes:
      folder: OUT/NAME/VERSION.
      num_bytes: size of all its files together.
      differences: the largest absolute difference from Keras, by `signature/output`.
    """

    folder: pathlib.Path
    num_bytes: int
    differences: dict[str, float]


def load_with_net(folder: str | os.PathLike) -> tuple[SoundToImage, Extractor]:
    """A trained model, and the net whose sound features it takes.

    Args:
      folder: of the model or of the run that trained it.

    Raises:
      UserError: if there is no model, or one of the two cannot be read.
    """
    model = SoundToImage.load(folder)
    return model, features.load_extractor(model.extractors["sound"])


def plan(out: str | os.PathLike, name: str, version: int | None = None) -> pathlib.Path:
    """The folder of an export, once nothing stands in its way.

    Args:
      out: folder of all exported models.
      name: name that the model is served under.
      version: a number, or None for one more than the highest that is there.

    Raises:
      UserError: if the name cannot be a folder's, the version is not a positive integer, or its
        folder holds something already.
    """
    check_name(name)
    base = pathlib.Path(out) / name
    if version is None:
        taken = [int(path.name) for path in base.glob("*") if path.name.isdecimal()]
        version = max(taken, default=0) + 1
    if version < 1:
        raise UserError(f"version {version}; allowed: 1 or more")
    folder = base / str(version)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists already; choose another version or remove it first")
    return folder


def check_name(name: str) -> None:
    """Refuses a name that could lead out of the folder.

    Raises:
      UserError: saying what is allowed.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"name {name!r}; allowed: letters, digits, _, - and .")


def export(
    model: SoundToImage,
    extractor: Extractor,
    out: str | os.PathLike,
    *,
    name: str = DEFAULT_NAME,
    version: int | None = None,
) -> Export:
    """Writes a SavedModel with the signatures of `s2i_tf.serving.signatures`.

    Args:
      model: the trained model.
      extractor: the net whose sound features the model was trained on.
      out: folder of all exported models.
      name: name that the model is served under.
      version: number of the served version, see `plan`.

    Raises:
      UserError: as `plan`; or if the extractor is another than the model's, or cannot be exported.
      ParityError: if the reloaded SavedModel gives other numbers than Keras.
    """
    folder = plan(out, name, version)
    check_extractor(model, extractor)
    model = in_float32(model)
    signatures = Signatures(model, extractor.model)
    module, functions = signatures.module()
    with files.new_folder(folder, "refuse") as temporary, tempfile.TemporaryDirectory() as scratch:
        module.assets = _write_assets(pathlib.Path(scratch), model, signatures)
        tf.saved_model.save(module, str(temporary), signatures=functions)
        differences = parity.compare(temporary, model, extractor)
        extra = temporary / EXTRA_FOLDER
        extra.mkdir()
        files.write_json(extra / PARITY_FILE, differences)
        warmup.write(extra, name, signatures)
    num_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Export(folder, num_bytes, differences)


def check_extractor(model: SoundToImage, extractor: Extractor) -> None:
    """Refuses a net that the model was not trained with, or that no graph can hold.

    Raises:
      UserError: naming both.
    """
    if not isinstance(getattr(extractor, "model", None), keras.Model):
        raise UserError(
            f"the sound net {extractor.name!r} cannot be exported: it is no Keras model"
        )
    check_fingerprint(extractor, model.fingerprints["sound_fingerprint"])


def facts(model: SoundToImage) -> dict:
    """What a caller must know of a model, for `model.json`."""
    return {
        "versions": {
            "s2i_tf": s2i_tf.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
        "class_names": list(model.class_names),
        "extractors": model.extractors,
        "fingerprints": model.fingerprints,
        "nets": model.nets,
        "sound": {
            "sample_rate_hz": spec.SAMPLE_RATE_HZ,
            "range": [-1.0, 1.0],
            "scaled_by": spec.WAVEFORM_SCALE,
            "window_samples": spec.FEATURE_SAMPLES,
            "window": "the middle of a longer sound; a shorter one is tiled",
            "max_samples": checks.MAX_SAMPLES,
            "max_seconds": checks.MAX_SECONDS,
        },
        "image": {"side": model.image_side, "channels": spec.IMAGE_CHANNELS, "range": [0.0, 1.0]},
        "max_pictures": checks.MAX_PICTURES if model.stochastic else 1,
    }


def _write_assets(
    folder: pathlib.Path, model: SoundToImage, signatures: Signatures
) -> list[tf.saved_model.Asset]:
    known = facts(model)
    card = templates.fill(
        __package__,
        CARD_FILE,
        **known,
        signatures=signatures.specs(),
        known_score=spec.KNOWN_SCORE,
    )
    contents = {**exported.described(known), CARD_FILE: card}
    return [
        tf.saved_model.Asset(str(files.write(folder / name, text)))
        for name, text in contents.items()
    ]
