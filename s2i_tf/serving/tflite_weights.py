"""Weights of a TFLite model in fewer bytes, its arithmetic as it was.

Large ones become int8 with a scale for each output, or for each input of a matrix where that errs
less. Small ones, which cost little and whose errors cost more, become float16. A runtime turns them
back into float32 once, when it loads the model. Pictures then differ by a third as much as those of
int8 products do. Or only those become int8 or float16 that these hold exactly, as a compact model's
are: the file is then a third as large and does the same.
"""

import numpy as np

from s2i_tf.models import int8

_LARGE = 1 << 18
_SMALL = 1 << 10
_MODEL_IDENTIFIER = b"TFL3"


def compressed(contents: bytes, *, lossless: bool = False, matrices_alone: bool = False) -> bytes:
    """A TFLite model with its float32 weights, if they are many, in fewer bytes.

    Args:
      contents: the model.
      lossless: leave weights as they are that int8 or float16 would change.
      matrices_alone: take int8 for matrices alone, not for the kernels of convolutions.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(contents, 0))
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3
    model.operatorCodes.append(code)
    packed: dict[int, schema.TensorT] = {}  # by the buffer of the float32 values
    for graph in model.subgraphs:
        restoring = []
        for index, tensor in enumerate(list(graph.tensors)):
            values = model.buffers[tensor.buffer].data
            if tensor.type != schema.TensorType.FLOAT32 or values is None or index in graph.outputs:
                continue
            weights = np.frombuffer(np.asarray(values, np.uint8), np.float32)
            if weights.size <= _SMALL:
                continue
            if tensor.buffer not in packed:
                weights = weights.reshape(tensor.shape)
                small = int8.exact(weights)
                if lossless and small is None and not _fits_float16(weights):
                    continue
                allowed = not lossless and (weights.ndim == 2 or not matrices_alone)
                if small is None and allowed and weights.size >= _LARGE:
                    small = int8.closest(weights, range(weights.ndim if weights.ndim == 2 else 1))
                packed[tensor.buffer] = _packed(weights, small, tensor.name, model)
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs = np.array([len(graph.tensors)], np.int32)
            operator.outputs = np.array([index], np.int32)
            graph.tensors.append(packed[tensor.buffer])
            restoring.append(operator)
            tensor.buffer = 0
        graph.operators = restoring + list(graph.operators)
    for buffer in packed:
        model.buffers[buffer].data = None
    builder = flatbuffers.Builder(len(contents))
    builder.Finish(model.Pack(builder), _MODEL_IDENTIFIER)
    return bytes(builder.Output())


def _fits_float16(weights: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool((weights == weights.astype(np.float16)).all())


def _packed(weights: np.ndarray, small: int8.Quantized | None, name: bytes, model):
    """The tensor that stands for weights [outputs, …], its values in a new buffer of the model."""
    from ai_edge_litert import schema_py_generated as schema

    tensor, buffer = schema.TensorT(), schema.BufferT()
    tensor.name, tensor.shape, tensor.buffer = name + b"_packed", weights.shape, len(model.buffers)
    if small is not None:
        values = small.values
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = small.scales.ravel()
        tensor.quantization.zeroPoint = np.zeros(small.scales.size, np.int64)
        tensor.quantization.quantizedDimension = small.axis or 0
    else:
        values = weights.astype(np.float16)
        tensor.type = schema.TensorType.FLOAT16
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return tensor
