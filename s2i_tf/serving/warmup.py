"""Warm-up requests: what TensorFlow Serving asks itself before it serves a new version.

`assets.extra/tf_serving_warmup_requests` is a TFRecord of `PredictionLog` messages, one for each
signature and for batches of one and several, so that no caller waits for the first run of a graph.
"""

import logging
import pathlib
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.serving import examples
from s2i_tf.serving.signatures import Signatures

logger = logging.getLogger(__name__)

FILE_NAME = "tf_serving_warmup_requests"
BATCH_SIZES = (1, 4)
# A file of the first rate skips the resampler, one of the second goes through it.
RATES_HZ = (spec.SAMPLE_RATE_HZ, 44_100)
_SECONDS = 2.5

Inputs = dict[str, np.ndarray | list[bytes]]


def write(folder: pathlib.Path, model_name: str, signatures: Signatures) -> None:
    """Writes the requests into `assets.extra`; none without tensorflow-serving-api.

    Args:
      folder: `assets.extra`.
      model_name: the served name.
      signatures: what is served.
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
        for signature, inputs in requests(signatures):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model_name
            request.model_spec.signature_name = signature
            for name, values in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
            log = prediction_log_pb2.PredictionLog(
                predict_log=prediction_log_pb2.PredictLog(request=request)
            )
            writer.write(log.SerializeToString())


def requests(signatures: Signatures) -> Iterator[tuple[str, Inputs]]:
    """The signatures and inputs of the warm-up requests."""
    for num in BATCH_SIZES:
        sounds = examples.sounds(_SECONDS, num)
        random = np.random.default_rng(0).random
        made = {
            "waveform": sounds,
            "sound_features": random((num, spec.FEATURE_SIZE), np.float32),
            "image_features": random((num, spec.FEATURE_SIZE), np.float32),
            "before": random((num, signatures.model.multimodal.hidden_units), np.float32),
            "num_samples": np.full(num, 2, np.int32),
            "seed": np.zeros(num, np.int32),
        }
        for signature, (_, inputs) in signatures.specs().items():
            names = [tensor.name for tensor in inputs]
            for rate_hz in RATES_HZ if "audio_bytes" in names else RATES_HZ[:1]:
                made["audio_bytes"] = [examples.wav_file(sound, rate_hz) for sound in sounds]
                yield signature, {name: made[name] for name in names}
