"""Weights of a TFLite model in fewer bytes, its arithmetic as it was.

Large ones become int8 with a scale for each output, or for each input of a matrix where that errs
less. Small ones, which cost little and whose errors cost more, become float16. A runtime turns them
back into float32 once, when it loads the model. Pictures then differ by a third as much as those of
int8 products do. Or only those become float16 that it holds exactly, as a compact model's are: the
file is then nearly half as large and does the same.
"""

import numpy as np

_LARGE = 1 << 18
_SMALL = 1 << 10
_MODEL_IDENTIFIER = b"TFL3"


def compressed(contents: bytes, *, lossless: bool = False, matrices_alone: bool = False) -> bytes:
    """A TFLite model with its float32 weights, if they are many, in fewer bytes.

    Args:
      contents: the model.
      lossless: leave weights as they are that float16 would change, and take no int8.
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
            if weights.size <= _SMALL or (lossless and not _fits_float16(weights)):
                continue
            if tensor.buffer not in packed:
                weights = weights.reshape(tensor.shape)
                allowed = not lossless and (weights.ndim == 2 or not matrices_alone)
                as_int8 = allowed and weights.size >= _LARGE
                packed[tensor.buffer] = _packed(weights, as_int8, tensor.name, model)
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


def _quantized(weights: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Weights as int8, their scales, one for each place along an axis, and this axis."""
    others = tuple(other for other in range(weights.ndim) if other != axis)
    scales = np.abs(weights).max(axis=others, keepdims=True) / 127
    return np.round(weights / np.where(scales, scales, 1)).astype(np.int8), scales, axis


def _packed(weights: np.ndarray, as_int8: bool, name: bytes, model):
    """The tensor that stands for weights [outputs, …], its values in a new buffer of the model."""
    from ai_edge_litert import schema_py_generated as schema

    tensor, buffer = schema.TensorT(), schema.BufferT()
    tensor.name, tensor.shape, tensor.buffer = name + b"_packed", weights.shape, len(model.buffers)
    if as_int8:
        axes = range(weights.ndim if weights.ndim == 2 else 1)
        values, scales, axis = min(
            (_quantized(weights, axis) for axis in axes),
            key=lambda found: np.square(found[0] * found[1] - weights).sum(),
        )
        tensor.type = schema.TensorType.INT8
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = scales.ravel()
        tensor.quantization.zeroPoint = np.zeros(scales.size, np.int64)
        tensor.quantization.quantizedDimension = axis
    else:
        values = weights.astype(np.float16)
        tensor.type = schema.TensorType.FLOAT16
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return tensor
