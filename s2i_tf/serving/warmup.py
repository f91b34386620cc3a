"""Warm-up requests: what TensorFlow Serving asks itself before it serves a new version.

`assets.extra/tf_serving_warmup_requests` is a TFRecord of `PredictionLog` messages, one for each
signature and for batches of one and several, so that no caller waits for the first run of a graph.
"""

import logging
import pathlib

import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.serving import examples
from s2i_tf.serving.signatures import DEFAULT

logger = logging.getLogger(__name__)

FILE_NAME = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 4)
# A file of the first rate skips the resampler, one of the second goes through it.
RATES_HZ = (spec.SAMPLE_RATE_HZ, 44_100)
_SECONDS = 2.5

Inputs = dict[str, np.ndarray | list[bytes]]


def write(folder: pathlib.Path, model_name: str, hidden_units: int, stochastic: bool) -> None:
    """Writes the requests into `assets.extra`; none without tensorflow-serving-api.

    Args:
      folder: `assets.extra`.
      model_name: the served name.
      hidden_units: size of the multimodal vectors.
      stochastic: whether the model has the signatures with `num_samples`.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError:
        logger.warning(
            "no warm-up requests: tensorflow-serving-api is not installed "
            "(pip install 's2i_tf[serving]')"
        )
        return
    with tf.io.TFRecordWriter(str(folder / FILE_NAME)) as writer:
        for signature, inputs in requests(hidden_units, stochastic):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, values in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())


def requests(hidden_units: int, stochastic: bool) -> list[tuple[str, Inputs]]:
    """The signatures and inputs of the warm-up requests."""
    calls: list[tuple[str, Inputs]] = []
    for num in BATCH_SIZES:
        waveform = examples.sounds(_SECONDS, num)
        random = np.random.default_rng(0).random
        features = random((num, spec.FEATURE_SIZE), np.float32)
        before = {"before": random((num, hidden_units), np.float32)}
        draws = {"num_samples": np.full(num, 2, np.int32), "seed": np.zeros(num, np.int32)}
        files = {
            rate_hz: [examples.wav_file(sound, rate_hz) for sound in waveform]
            for rate_hz in RATES_HZ
        }
        calls += [
            (DEFAULT, {"waveform": waveform}),
            *(("wav_bytes", {"audio_bytes": wavs}) for wavs in files.values()),
            ("sound_features", {"sound_features": features}),
            ("image_features", {"image_features": features}),
            ("embed_sound", {"waveform": waveform}),
            ("hear", {"waveform": waveform}),
            ("embed_image", {"image_features": features}),
            ("draw", before),
        ]
        if stochastic:
            calls += [
                ("samples", {"waveform": waveform, **draws}),
                ("draw_samples", {**before, **draws}),
                ("wav_bytes_samples", {"audio_bytes": files[spec.SAMPLE_RATE_HZ], **draws}),
            ]
    return calls
