"""The model as the page in the browser takes it: facts, and two TFLite files that run side by side.

  listen  waveform float32 [1, 132300]        → heard [1, classes], known_score [1],
                                                before [1, hidden] and, where the model draws,
                                                numbers, spread
  draw    before, and there numbers, spread   → image float32 [1, side, side, 3] in [0, 1]

`heard` are class probabilities, `known_score` from `known_from` on (a fact) says that the sound is
like what the model knows, and `before` is the multimodal vector before the activation. A model that
draws has layers that take numbers in [0, 1) (`draw_sizes` of the facts: how many each), and a
`spread` for each layer: how much they count. Those of `listen` are the sound's own, which give the
one deterministic picture; any others, with a spread of 1, give a further sample. So samples and
blends of two sounds cost a call of `draw` alone.
"""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.features.base import Extractor
from s2i_tf.models.layers import ConditioningNoise, drawn_layers, given_numbers
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.serving import examples, saved_model, tflite_convert, tflite_export, tflite_weights, wav
from s2i_tf.serving.tflite import interpreter

LISTEN, DRAW = "listen", "draw"
# The mean difference of pictures from Keras' that a file is refused above.
TOLERANCE = 0.02


def make(model: SoundToImage, extractor: Extractor) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files' contents by their name above, and the facts that a caller needs beside them.

    Args:
      model: the trained model.
      extractor: the net whose sound features the model was trained on.

    Raises:
      UserError: as `saved_model.check_extractor`; if the model needs an op that TFLite has not; or
        if weights of 8 bits give other pictures than Keras.
    """
    saved_model.check_extractor(model, extractor)
    convertible = tflite_convert.convertible(model)
    sizes = [math.prod(shape) for shape in tflite_export.drawn_shapes(convertible)]
    nets = (extractor.model, *convertible.sound_parts)
    contents = {}
    for name, function in _functions(convertible, extractor.model, sizes).items():
        converted = tflite_convert.convert({name: function}, nets, "float32", {})
        contents[name] = tflite_weights.compressed(converted, of_sound=name == LISTEN)
    _compare(contents, model, extractor)
    facts = {**saved_model.facts(model), "draw_sizes": sizes, "known_from": spec.KNOWN_SCORE}
    return contents, facts


def _functions(
    model: SoundToImage, sound_net: keras.Model, sizes: list[int]
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    layers = drawn_layers(model.feature_generator, model.image_generator)
    starts = np.cumsum([0, *sizes])

    def listen(waveform: tf.Tensor) -> dict[str, tf.Tensor]:
        found = model.what_is_heard(sound_net(wav.scaled(waveform), training=False))
        del found["after"]
        if layers:
            condition = model.multimodal.condition_scaler(found["before"])
            own = [isinstance(layer, ConditioningNoise) for layer in layers]
            found["numbers"] = tf.concat(
                [
                    layer.own_turns(condition) if noise else tf.zeros([1, size])
                    for layer, noise, size in zip(layers, own, sizes, strict=True)
                ],
                axis=1,
            )
            found["spread"] = tf.constant([own], tf.float32)
        return found

    def draw(before: tf.Tensor, numbers=None, spread=None) -> dict[str, tf.Tensor]:
        def given(position: int, shape):
            part = numbers[:, starts[position] : starts[position + 1]]
            return tf.reshape(part, [1, *shape]), spread[:, position : position + 1]

        with given_numbers(given, model.feature_generator, model.image_generator):
            return {"image": model.picture_of_vector(before)}

    shapes = {"before": [1, model.multimodal.hidden_units]}
    if layers:
        shapes |= {"numbers": [1, int(starts[-1])], "spread": [1, len(sizes)]}
    return {
        LISTEN: tflite_convert.traced(listen, waveform=[1, sound_net.input_shape[1]]),
        DRAW: tflite_convert.traced(draw, **shapes),
    }


def _compare(contents: dict[str, bytes], model: SoundToImage, extractor: Extractor) -> None:
    windows = examples.sounds(spec.FEATURE_SECONDS, 3)
    expected = model.generate(extractor(windows * np.float32(spec.WAVEFORM_SCALE)))
    runtimes = (interpreter().Interpreter(model_content=contents[name]) for name in (LISTEN, DRAW))
    listen, draw = (runtime.get_signature_runner() for runtime in runtimes)
    pictures = []
    for window in windows:
        found = {name: value.copy() for name, value in listen(waveform=window[None]).items()}
        given = {name: found[name] for name in draw.get_input_details()}
        pictures.append(draw(**given)["image"][0].copy())
    difference = float(np.abs(np.stack(pictures) - expected).mean())
    if not difference <= TOLERANCE:
        raise UserError(
            f"the page's pictures would differ by {difference:.3g} on average from the model's; "
            f"allowed: {TOLERANCE:g}. Its weights do not bear 8 bits; draw with s2i generate"
        )
