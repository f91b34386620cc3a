"""A stand-in for TensorFlow Serving: the same contract around the same SavedModels.

python -m export.tf_serving.stand_in --model_config_file=models.config [--port=8500]
    [--rest_api_port=8501] [--models_root=FOLDER]

For tests and trials where the real server's binary cannot be had; not for production. It answers
gRPC `PredictionService.Predict` and REST `:predict` in both JSON formats, with versions and labels
of a models.config, and feeds the graph as the server does: without a look at the signature's
shapes. Batching, warm-up, metrics and reloading are left to the real one.
"""

import argparse
import base64
import concurrent.futures
import dataclasses
import http.server
import json
import logging
import pathlib
import re
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from export.tf_serving import common
from s2i_tf.errors import told_by

with common.needed(__name__):
    import grpc
    import tensorflow as tf
    from google.protobuf import text_format
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
    from tensorflow_serving.config import model_server_config_pb2

    from export.tf_serving.grpc_client import CHANNEL_OPTIONS

logger = logging.getLogger(__name__)

HOST = "localhost"
NUM_THREADS = 16
_MODELS_ROOT = "/models"
_DEFAULT = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
_PATH = re.compile(
    r"/v1/models/(?P<name>[^/:]+)(/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?:predict"
)
_HTTP_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.NOT_FOUND: 404,
}

Arrays = dict[str, np.ndarray]


class StatusError(Exception):
    """An answer that is an error: a gRPC status code and a message."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code


class Servable:
    """One version of a model.

    Args:
      folder: where the SavedModel is.
    """

    def __init__(self, folder: pathlib.Path):
        self._loaded = tf.saved_model.load(str(folder))
        functions = self._loaded.signatures
        self.inputs = {name: functions[name].structured_input_signature[1] for name in functions}
        self._calls = {name: _with_any_shape(functions[name]) for name in functions}

    def predict(self, signature: str, inputs: Mapping[str, np.ndarray]) -> Arrays:
        """Runs a signature.

        Raises:
          StatusError: if the signature is unknown, or its inputs are others.
        """
        signature = signature or _DEFAULT
        if signature not in self._calls:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{signature}" not found.',
            )
        specs = self.inputs[signature]
        if set(specs) != set(inputs):
            raise StatusError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"inputs {sorted(inputs)} do not match the signature's {sorted(specs)}",
            )
        try:
            tensors = {
                name: tf.constant(value, specs[name].dtype) for name, value in inputs.items()
            }
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from None
        try:
            outputs = self._calls[signature](tensors)
        except tf.errors.OpError as error:
            code = next(code for code in grpc.StatusCode if code.value[0] == error.error_code)
            raise StatusError(code, error.message) from None
        return {name: value.numpy() for name, value in outputs.items()}


def _with_any_shape(function: tf.types.experimental.ConcreteFunction) -> Callable:
    """The function for tensors of any shape, which only the graph's own checks then see."""
    specs = function.structured_input_signature[1]

    def call(inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        for name, spec in specs.items():
            inputs[name].set_shape(spec.shape)
        return function(**inputs)

    any_shape = {name: tf.TensorSpec(None, spec.dtype) for name, spec in specs.items()}
    return tf.function(call, input_signature=[any_shape], autograph=False)


@dataclasses.dataclass
class Model:
    """The loaded versions of a model, and their labels."""

    versions: dict[int, Servable]
    labels: dict[str, int]


class Models:
    """All models of a models.config.

    Args:
      config_file: text of a `ModelServerConfig`.
      models_root: the folder that `/models` stands for in it.
    """

    def __init__(self, config_file: pathlib.Path, models_root: pathlib.Path):
        config = text_format.Parse(
            config_file.read_text(), model_server_config_pb2.ModelServerConfig()
        )
        self._models = {}
        for model in config.model_config_list.config:
            base = models_root / pathlib.PurePosixPath(model.base_path).relative_to(_MODELS_ROOT)
            numbers = _versions(model.model_version_policy, base)
            servables = {number: Servable(base / str(number)) for number in numbers}
            self._models[model.name] = Model(servables, dict(model.version_labels))
            logger.info("serving %s: versions %s", model.name, ", ".join(map(str, numbers)))

    def find(self, name: str, version: int | None, label: str | None) -> Servable:
        """The version that a request means.

        Raises:
          StatusError: if there is none.
        """
        model = self._models.get(name)
        if model is not None:
            number = version if version is not None else max(model.versions)
            if label:
                number = model.labels.get(label)
            if number in model.versions:
                return model.versions[number]
        asked = f"{name}, version {version if version is not None else label or 'newest'}"
        raise StatusError(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {asked}")


def _versions(policy: Any, base: pathlib.Path) -> list[int]:
    found = sorted(int(path.name) for path in base.iterdir() if path.name.isdigit())
    if policy.HasField("specific"):
        return list(policy.specific.versions)
    return found if policy.HasField("all") else found[-1:]


class GrpcService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """`PredictionService`, of which `Predict` is answered."""

    def __init__(self, models: Models):
        self._models = models

    def Predict(self, request, context):  # noqa: N802, the name is the protocol's
        """Runs a signature."""
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        try:
            servable = self._models.find(spec.name, version, spec.version_label)
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            outputs = servable.predict(spec.signature_name, inputs)
        except StatusError as error:
            context.abort(error.code, str(error))
        except (TypeError, ValueError) as error:  # a tensor proto that contradicts itself
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(spec)
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


def predict_json(servable: Servable, body: bytes) -> dict[str, Any]:
    """The REST answer to a request's body, in the row or the columnar format of the request.

    Raises:
      StatusError: if the body is no request.
    """
    try:
        request = json.loads(body)
        signature = request.get("signature_name") or _DEFAULT
        specs = servable.inputs.get(signature, {})
        by_row = "instances" in request
        given = _columns(request["instances"]) if by_row else request["inputs"]
        if not isinstance(given, dict) or set(given) == {"b64"}:
            (only,) = specs
            given = {only: given}
        inputs = {
            name: np.array(_unpacked(value), specs[name].dtype.as_numpy_dtype)
            for name, value in given.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"not a request in TensorFlow Serving's JSON format: {error!r}"
        raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, message) from None
    outputs = {
        name: _packed(value.tolist(), name)
        for name, value in servable.predict(signature, inputs).items()
    }
    if not by_row:
        return {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs}
    if len(outputs) == 1:
        return {"predictions": next(iter(outputs.values()))}
    rows = zip(*outputs.values(), strict=True)
    return {"predictions": [dict(zip(outputs, row, strict=True)) for row in rows]}


def _columns(rows: list) -> dict[str, list] | list:
    if rows and isinstance(rows[0], dict) and set(rows[0]) != {"b64"}:
        return {name: [row[name] for row in rows] for name in rows[0]}
    return rows


def _unpacked(value: Any) -> Any:
    """JSON values with the bytes that stand as `{"b64": …}`."""
    if isinstance(value, list):
        return [_unpacked(one) for one in value]
    if isinstance(value, dict):
        return base64.b64decode(value["b64"], validate=True)
    return value.encode() if isinstance(value, str) else value


def _packed(value: Any, name: str) -> Any:
    """Values for JSON; strings are base64 where the output's name ends in `_bytes`."""
    if isinstance(value, list):
        return [_packed(one, name) for one in value]
    if isinstance(value, bytes):
        if name.endswith("_bytes"):
            return {"b64": base64.b64encode(value).decode()}
        return value.decode()
    return value


def _rest_handler(models: Models) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):  # noqa: N802, the name is http.server's
            """Answers `:predict`."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                found = _PATH.fullmatch(self.path)
                if not found:
                    raise StatusError(grpc.StatusCode.NOT_FOUND, "Malformed request: " + self.path)
                version = int(found["version"]) if found["version"] else None
                servable = models.find(found["name"], version, found["label"])
                code, answer = 200, predict_json(servable, body)
            except StatusError as error:
                code, answer = _HTTP_CODES.get(error.code, 500), {"error": str(error)}
            contents = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(contents)))
            self.end_headers()
            self.wfile.write(contents)

        def log_message(self, *_):
            """Says nothing of single requests."""

    return Handler


class Server:
    """Both services, on threads of their own; a context manager.

    Args:
      models: what is served.
      port: port that gRPC listens at; 0 takes any free one.
      rest_api_port: port that REST listens at, likewise.

    Attributes:
      grpc_address: `host:port`.
      rest_address: `http://host:port`.
    """

    def __init__(self, models: Models, port: int = 0, rest_api_port: int = 0):
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(NUM_THREADS),
            options=CHANNEL_OPTIONS,
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            GrpcService(models), self._grpc
        )
        self.grpc_address = f"{HOST}:{self._grpc.add_insecure_port(f'{HOST}:{port}')}"
        self._rest = http.server.ThreadingHTTPServer((HOST, rest_api_port), _rest_handler(models))
        self.rest_address = f"http://{HOST}:{self._rest.server_port}"
        self._rest_thread = threading.Thread(target=self._rest.serve_forever, daemon=True)

    def __enter__(self) -> "Server":
        self._grpc.start()
        self._rest_thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._grpc.stop(grace=1).wait()
        self._rest.shutdown()
        self._rest.server_close()

    def wait(self) -> None:
        """Serves until the process is interrupted."""
        self._grpc.wait_for_termination()


def main(argv: list[str] | None = None) -> None:
    """Serves until interrupted."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model_config_file", type=pathlib.Path, required=True)
    parser.add_argument("--models_root", type=pathlib.Path, default=pathlib.Path(_MODELS_ROOT))
    parser.add_argument("--port", type=int, default=8500)
    parser.add_argument("--rest_api_port", type=int, default=8501)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with told_by("stand_in", tf.errors.OpError, text_format.ParseError):
        models = Models(arguments.model_config_file, arguments.models_root)
    with Server(models, arguments.port, arguments.rest_api_port) as server:
        logger.info("gRPC at %s, REST at %s", server.grpc_address, server.rest_address)
        try:
            server.wait()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
