"""A trained model as one TFLite file: waveform to picture, at once or by its multimodal vector.

Batch 1, builtin ops alone, norms and dropout as at inference. The file's signatures:

  serving_default  waveform float32 [1, 132300]       → image float32 [1, 128, 128, 3] in [0, 1]
  sound_features   sound_features float32 [1, 4096]   → image
  embed_sound      waveform                           → before, after float32 [1, hidden units],
                                                        heard float32 [1, classes],
                                                        known_score float32 [1]
  draw             before                             → image
  draw_samples     before, numbers_0, numbers_1, …    → image

`before` and `after` are the multimodal vectors before and after the activation, `heard` class
probabilities. The last one exists where the model is stochastic: each of its layers that draws
takes random numbers in [0, 1), `s2i_tf.serving.draws.uniform((seed, sample * layers + position))`
for a sample of `s2i generate`. The waveform is the 6 s window of `audio.feature_window` in [-1, 1].
Weights that several signatures use are in the file once. What else a caller must know is inside,
see `s2i_tf.serving.tflite_metadata`; `s2i_tf.serving.tflite` runs the file.
"""

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from s2i_tf import files, spec
from s2i_tf.data import dataset_info, pipeline, source_sounds
from s2i_tf.errors import UserError, unknown_name
from s2i_tf.features.base import Extractor
from s2i_tf.models.layers import given_numbers
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import (
    draws,
    examples,
    exported,
    saved_model,
    tflite_convert,
    tflite_metadata,
    wav,
)
from s2i_tf.serving.exported import EMBED_SIGNATURE
from s2i_tf.serving.parity import ParityError
from s2i_tf.serving.tflite import (
    DRAW_SIGNATURE,
    FEATURES_SIGNATURE,
    NUMBERS,
    SAMPLES_SIGNATURE,
    WAVEFORM_SIGNATURE,
    TFLiteModel,
    interpreter,
)
from s2i_tf.serving.tflite_convert import CALIBRATED, Examples, traced

ENDING = ".tflite"
NUM_CALIBRATION_SOUNDS = 64

# Weights float32; weights float16; weights int8, activations float32; both int8. For each the mean
# difference of the pictures from Keras that a file is refused above, and what is heard; quantised
# activations change pictures visibly, which the sweep measures against the data.
QUANTIZATIONS = {"float32": 1e-4, "float16": 0.02, "dynamic_int8": 0.1, "full_int8": 0.2}
_NUM_COMPARED = 3


@dataclasses.dataclass(frozen=True)
class TFLiteExport:
    """A finished file: its path, its size and its pictures' mean difference from Keras'."""

    path: pathlib.Path
    num_bytes: int
    mean_difference: float


def plan(out: str | os.PathLike, name: str, quantization: str) -> pathlib.Path:
    """The path OUT/NAME-QUANTIZATION.tflite, once nothing stands in its way.

    Raises:
      UserError: if the quantisation is unknown, the name cannot be a file's, the file exists
        already, or nothing is installed that runs it.
    """
    if quantization not in QUANTIZATIONS:
        raise unknown_name("quantization", quantization, QUANTIZATIONS)
    saved_model.check_name(name)
    interpreter()
    path = pathlib.Path(out) / f"{name}-{quantization}{ENDING}"
    if path.exists():
        raise UserError(f"{path} exists already; choose another name or remove it first")
    return path


def export(
    model: SoundToImage,
    extractor: Extractor,
    out: str | os.PathLike,
    *,
    name: str = exported.DEFAULT_NAME,
    quantization: str = "float32",
    data: str | os.PathLike | None = None,
) -> TFLiteExport:
    """Writes OUT/NAME-QUANTIZATION.tflite.

    Args:
      model: the trained model.
      extractor: the net whose sound features the model was trained on.
      out: the folder.
      name: name of the file without quantisation and ending.
      quantization: a key of `QUANTIZATIONS`.
      data: a prepared data set, whose training sounds calibrate `full_int8`.

    Raises:
      UserError: as `plan` and `saved_model.check_extractor`; if `full_int8` lacks its data; if the
        model needs an op that TFLite has not; or if fewer bits give other pictures than Keras.
      ParityError: if float32 does.
    """
    path = plan(out, name, quantization)
    if quantization == CALIBRATED and not data:
        raise UserError(f"{quantization} needs a prepared data set to calibrate with: --data=DIR")
    return write(path, model, extractor, quantization=quantization, data=data)


def write(
    path: pathlib.Path,
    model: SoundToImage,
    extractor: Extractor,
    *,
    quantization: str = "float32",
    data: str | os.PathLike | None = None,
    facts: Mapping[str, Any] | None = None,
    compact: bool = False,
) -> TFLiteExport:
    """Writes a file at a path of any name; otherwise as `export`.

    Args:
      path: where the file will be.
      model: the trained model.
      extractor: the net whose sound features the model was trained on.
      quantization: a key of `QUANTIZATIONS`.
      data: a prepared data set, whose training sounds calibrate `full_int8`.
      facts: what else its `model.json` says.
      compact: hold only the signatures by vector, and weights as float16 where that changes none.
    """
    saved_model.check_extractor(model, extractor)
    model = tflite_convert.convertible(model)
    calibration: Examples = {}
    if quantization == CALIBRATED:
        windows = training_windows(data, NUM_CALIBRATION_SOUNDS)
        calibration = chain_examples(model, extractor, windows)
    functions = chain_functions(model, extractor.model)
    if compact:
        del functions[WAVEFORM_SIGNATURE], functions[FEATURES_SIGNATURE]
    nets = (extractor.model, *model.sound_parts)
    contents = tflite_convert.convert(functions, nets, quantization, calibration)
    if compact:
        from s2i_tf.serving import tflite_weights  # needs ai-edge-litert at once

        contents = tflite_weights.compressed(contents, lossless=True)
    described = {**saved_model.facts(model), **(facts or {})}
    contents = tflite_metadata.add(contents, described, quantization)
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.new_file(path) as temporary:
        temporary.write_bytes(contents)
        difference = _compare(temporary, model, extractor, quantization)
    return TFLiteExport(path, len(contents), difference)


def chain_functions(
    model: SoundToImage, sound_net: keras.Model
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The file's signatures."""

    def picture_of_waveform(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        features = sound_net(wav.scaled(waveform), training=False)
        return {"image": model.picture_of_sound(features)}

    def picture_of_features(sound_features: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": model.picture_of_sound(sound_features)}

    def embed(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        return model.what_is_heard(sound_net(wav.scaled(waveform), training=False))

    def draw(before: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"image": model.picture_of_vector(before)}

    def draw_samples(before: tf.Tensor, *numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        generators = (model.feature_generator, model.image_generator)
        with given_numbers(lambda position, shape: (numbers[position], None), *generators):
            return draw(before)

    hidden_units = model.multimodal.hidden_units
    window = [1, sound_net.input_shape[1]]
    functions = {
        WAVEFORM_SIGNATURE: traced(picture_of_waveform, waveform=window),
        FEATURES_SIGNATURE: traced(picture_of_features, sound_features=[1, spec.FEATURE_SIZE]),
        EMBED_SIGNATURE: traced(embed, waveform=window),
        DRAW_SIGNATURE: traced(draw, before=[1, hidden_units]),
    }
    if shapes := drawn_shapes(model):
        numbers = {f"{NUMBERS}{index}": [1, *shape] for index, shape in enumerate(shapes)}
        functions[SAMPLES_SIGNATURE] = traced(draw_samples, before=[1, hidden_units], **numbers)
    return functions


def drawn_shapes(model: SoundToImage) -> list[tuple[int, ...]]:
    """The shapes of the random numbers that the model's layers draw for a further picture."""
    generators = (model.feature_generator, model.image_generator)
    shapes: dict[int, tuple[int, ...]] = {}

    def noted(position: int, shape: tuple[int, ...]) -> tuple[tf.Tensor, None]:
        shapes[position] = tuple(shape)
        return tf.zeros([1, *shape]), None

    with given_numbers(noted, *generators):
        traced(model.picture_of_vector, before=[1, model.multimodal.hidden_units])
    return [shapes[position] for position in sorted(shapes)]


def chain_examples(model: SoundToImage, extractor: Extractor, windows: np.ndarray) -> Examples:
    """Calibration examples for `chain_functions`, of windows [num, 132300] in [-1, 1]."""
    examples: Examples = collections.defaultdict(list)
    shapes = drawn_shapes(model)
    for row, window in enumerate(windows):
        features = extractor(window[None] * spec.WAVEFORM_SCALE)
        vector = {"before": model.embed_sound(features).before}
        examples[WAVEFORM_SIGNATURE].append({"waveform": window[None]})
        examples[FEATURES_SIGNATURE].append({"sound_features": features})
        examples[EMBED_SIGNATURE].append({"waveform": window[None]})
        examples[DRAW_SIGNATURE].append(vector)
        if shapes:
            numbers = {
                f"{NUMBERS}{position}": draws.uniform((row, position), (1, *shape))
                for position, shape in enumerate(shapes)
            }
            examples[SAMPLES_SIGNATURE].append({**vector, **numbers})
    return examples


def training_windows(data: str | os.PathLike, num: int) -> np.ndarray:
    """Windows [num, 132300] in [-1, 1] of training sounds, spread evenly over a data set's shards.

    Raises:
      UserError: if the data set, or the folder of its sounds, is not there.
    """
    info = dataset_info.load(data)
    split = pipeline.load_split(data, spec.TRAIN_SPLIT, with_image=False)
    sound_ids = sorted(set(split["sound_id"]))
    chosen = np.linspace(0, len(sound_ids) - 1, min(num, len(sound_ids))).astype(int)
    try:
        return exported.windows(source_sounds.load_sound(info, sound_ids[at]) for at in chosen)
    except UserError as error:
        raise UserError(f"{data}: its sounds are needed for calibration: {error}") from None


def _compare(
    path: pathlib.Path, model: SoundToImage, extractor: Extractor, quantization: str
) -> float:
    """The largest mean difference from Keras of the pictures, by each way to them.

    What is heard is compared as well: how much of a sound's probability lies with other classes.
    """
    file = TFLiteModel.load(path)
    windows = examples.sounds(spec.FEATURE_SECONDS, _NUM_COMPARED)
    waveforms = windows * np.float32(spec.WAVEFORM_SCALE)
    features = extractor(waveforms)
    expected = model.generate(features)
    heard = file.listen(list(waveforms))
    by_vector = file.draw(heard["before"])[:, 0]
    pictures = [by_vector]
    if file.has(WAVEFORM_SIGNATURE):
        by_waveform = file.run(WAVEFORM_SIGNATURE, waveform=windows)["image"]
        pictures += [by_waveform, file.generate(features)]
    difference = max(float(np.abs(picture - expected).mean()) for picture in pictures)
    moved = np.abs(heard["heard"] - model.listen(features)["heard"]).sum(axis=1).max() / 2
    allowed = QUANTIZATIONS[quantization]
    if max(difference, moved) <= allowed:
        return difference
    message = (
        f"the {quantization} file's pictures differ by {difference:.3g} on average from Keras', "
        f"and what it hears by {moved:.3g}; allowed: {allowed:g}"
    )
    if quantization == "float32":
        raise ParityError(message)
    raise UserError(f"{message}. This model does not bear it; choose another quantization")
