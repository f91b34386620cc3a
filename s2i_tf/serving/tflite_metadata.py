"""What a TFLite file says about itself, in TensorFlow Lite's metadata format.

A flatbuffer named `TFLITE_METADATA` (schema `ModelMetadata`, identifier M001) names and describes
the model; the files that belong to it, `labels.txt` and `model.json`, are appended to the model as
a ZIP archive, which loaders of the model do not see: `unzip -p FILE.tflite labels.txt` shows them.
"""

import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from s2i_tf import files
from s2i_tf.errors import UserError
from s2i_tf.serving.exported import FACTS_FILE, LABELS_FILE, described

if TYPE_CHECKING:
    import flatbuffers

DESCRIPTION = (
    "Draws a picture of what may have made a sound. waveform: 6 s, mono, 22050 Hz, in [-1, 1]; "
    "sound_features: of the net that model.json names. image: RGB in [0, 1]."
)
LICENSE = "Apache-2.0"
MODEL_IDENTIFIER = b"TFL3"

_METADATA_NAME = b"TFLITE_METADATA"
_METADATA_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"

# Field numbers of the two tables of the schema that are used.
_MODEL_FIELDS = 8
_NAME, _DESCRIPTION, _VERSION, _FILES, _LICENSE, _PARSER = 0, 1, 2, 5, 6, 7
_FILE_FIELDS = 5
_FILE_NAME, _FILE_DESCRIPTION = 0, 1


def add(contents: bytes, facts: Mapping[str, Any], quantization: str) -> bytes:
    """A TFLite model with metadata and its files inside.

    Args:
      contents: the model.
      facts: what a caller must know of the model, as `saved_model.facts` gives it.
      quantization: number format of its weights and activations.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(contents, 0))
    model.description = DESCRIPTION.encode()
    entry, buffer = schema.MetadataT(), schema.BufferT()
    buffer.data = list(_metadata(facts["versions"]["s2i_tf"]))
    entry.name, entry.buffer = _METADATA_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    builder = flatbuffers.Builder(len(contents))
    builder.Finish(model.Pack(builder), MODEL_IDENTIFIER)
    packed = io.BytesIO()
    packed.write(builder.Output())
    with zipfile.ZipFile(packed, "a") as archive:
        for name, text in described({**facts, "quantization": quantization}).items():
            # Without a date, so that the same model gives the same bytes.
            archive.writestr(zipfile.ZipInfo(name), text)
    return packed.getvalue()


def is_tflite(path: pathlib.Path) -> bool:
    """Whether it is a TFLite file, by its content."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8)[4:] == MODEL_IDENTIFIER


def read(path: str | os.PathLike) -> dict[str, Any]:
    """The facts inside a file.

    Raises:
      UserError: if it is no TFLite file of this package.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read(FACTS_FILE))
        return facts if isinstance(facts, dict) else {}  # what another program calls so
    except files.ARCHIVE_ERRORS as error:
        reason = getattr(error, "strerror", None) or f"it holds no {FACTS_FILE}"
        raise UserError(f"{path}: not a TFLite file that `s2i export` wrote: {reason}") from None


def _metadata(version: str) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    named = [
        _file(builder, LABELS_FILE, "The classes of the training."),
        _file(builder, FACTS_FILE, "Preprocessing, fingerprints and versions."),
    ]
    builder.StartVector(4, len(named), 4)
    for offset in reversed(named):
        builder.PrependUOffsetTRelative(offset)
    fields = {
        _FILES: builder.EndVector(),
        _NAME: builder.CreateString("Pictures from sounds"),
        _DESCRIPTION: builder.CreateString(DESCRIPTION),
        _VERSION: builder.CreateString(version),
        _LICENSE: builder.CreateString(LICENSE),
        _PARSER: builder.CreateString(_MIN_PARSER_VERSION),
    }
    builder.Finish(_table(builder, _MODEL_FIELDS, fields), _METADATA_IDENTIFIER)
    return bytes(builder.Output())


def _file(builder: "flatbuffers.Builder", name: str, description: str) -> int:
    fields = {
        _FILE_NAME: builder.CreateString(name),
        _FILE_DESCRIPTION: builder.CreateString(description),
    }
    return _table(builder, _FILE_FIELDS, fields)


def _table(builder: "flatbuffers.Builder", num_fields: int, fields: Mapping[int, int]) -> int:
    builder.StartObject(num_fields)
    for number, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return builder.EndObject()
