"""Asks a gRPC server for the picture of a sound.

python -m export.tf_serving.grpc_client SOUND --out=PICTURE.png [--server=localhost:8500]

Needs tensorflow-serving-api (`pip install 's2i_tf[serving]'`).
"""

import sys

from export.tf_serving import common
from export.tf_serving.common import Query, ServingError

with common.needed(__name__):
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

SERVER = "localhost:8500"
# A request of 600 s of sound at 192 kHz is larger than gRPC's 4 MiB; so are many pictures.
CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
)


def ask(wav: bytes, query: Query) -> list[bytes]:
    """PNG files of one WAV file; see `ask_over` for many requests.

    Raises:
      ServingError: as `ask_over`.
    """
    with grpc.insecure_channel(query.server, options=CHANNEL_OPTIONS) as channel:
        return ask_over(channel, wav, query)


def ask_over(channel: grpc.Channel, wav: bytes, query: Query) -> list[bytes]:
    """PNG files of one WAV file, over a channel that is open already.

    Raises:
      ServingError: if the server cannot be reached in time, refuses, or answers something else.
    """
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    try:
        response = stub.Predict(build_request(wav, query), timeout=query.timeout_seconds)
    except grpc.RpcError as error:
        raise ServingError(_explain(error, query)) from None
    if "image_bytes" not in response.outputs:
        raise ServingError(f"{query.server}: the answer holds no pictures")
    files = tf.make_ndarray(response.outputs["image_bytes"]).reshape(-1)
    return list(files[: query.num_samples])


def build_request(wav: bytes, query: Query) -> predict_pb2.PredictRequest:
    """The message for one WAV file."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = query.model
    request.model_spec.signature_name = query.signature
    if query.version is not None:
        request.model_spec.version.value = query.version
    elif query.label is not None:
        request.model_spec.version_label = query.label
    inputs = {"audio_bytes": tf.make_tensor_proto([wav], tf.string)}
    if query.num_samples > 1:
        inputs["num_samples"] = tf.make_tensor_proto([query.num_samples], tf.int32)
        inputs["seed"] = tf.make_tensor_proto([query.seed], tf.int32)
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(value)
    return request


def _explain(error: grpc.RpcError, query: Query) -> str:
    code, details = error.code(), error.details() or ""
    if code == grpc.StatusCode.DEADLINE_EXCEEDED:
        return f"{query.server}: no answer within {query.timeout_seconds:g} s"
    if code == grpc.StatusCode.UNAVAILABLE:
        return f"{query.server}: cannot be reached: {details.splitlines()[0] if details else code}"
    return f"refused ({code.name}): {common.sentence(details)}"


if __name__ == "__main__":
    sys.exit(common.run(ask, __doc__, SERVER))
