"""Weights of a TFLite model in fewer bytes, its arithmetic as it was.

Weights that lie on a grid of 256 steps, as those of a net that was int8 once, become int8 again and
change by nothing. Other large ones become int8 with a scale for each output, or for each input of a
matrix where that errs less; the largest matrices with 41 steps in place of 255, of which gzip makes
half, for the errors of a long sum cancel. Small weights become float16. A runtime turns all back
into float32 once, when it loads the model. Where sound comes in, the largest have 121 steps, and
small ones stay float32 with 16 bits of fraction: a spectrum's faint bands need them. Two dense
layers of which the first is wide and nothing is between become one.

Or only those become int8 or float16 that these hold exactly, as a compact model's are: the file is
then a third as large and does the same.
"""

import collections

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from s2i_tf.models import int8
from s2i_tf.serving.tflite_metadata import MODEL_IDENTIFIER

_LARGEST, _LARGE = 1 << 20, 1 << 14
_LARGEST_OF_SOUND, _LARGE_OF_SOUND = 1 << 18, 1 << 16
_SMALL = 1 << 10
_FEW_STEPS, _FEW_STEPS_OF_SOUND = 20, 60  # to each side of 0


def compressed(contents: bytes, *, lossless: bool = False, of_sound: bool = False) -> bytes:
    """A TFLite model with its float32 weights, if they are many, in fewer bytes.

    Args:
      contents: the model.
      lossless: leave weights as they are that int8 or float16 would change, and all else too.
      of_sound: take int8 for large matrices alone, and where it changes nothing: errors of what is
        heard change all that follows.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(contents, 0))
    if not lossless:
        for graph in model.subgraphs:
            _join_dense(graph, model)
        _drop_unused(model)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    code.version = 3
    model.operatorCodes.append(code)
    # By the buffer of the float32 values what stands for them; None where they stay.
    packed: dict[int, schema.TensorT | None] = {}
    for graph in model.subgraphs:
        restoring = []
        for index, tensor in enumerate(list(graph.tensors)):
            values = _values(tensor, model)
            if values is None or values.size <= _SMALL or index in graph.outputs:
                continue
            if tensor.buffer not in packed:
                packed[tensor.buffer] = _packed(tensor, values, model, lossless, of_sound)
            if packed[tensor.buffer] is None:
                continue
            operator = schema.OperatorT()
            operator.opcodeIndex = len(model.operatorCodes) - 1
            operator.inputs = np.array([len(graph.tensors)], np.int32)
            operator.outputs = np.array([index], np.int32)
            graph.tensors.append(packed[tensor.buffer])
            restoring.append(operator)
            tensor.buffer = 0
        graph.operators = restoring + list(graph.operators)
    for buffer, small in packed.items():
        if small is not None:
            model.buffers[buffer].data = None
    builder = flatbuffers.Builder(len(contents))
    builder.Finish(model.Pack(builder), MODEL_IDENTIFIER)
    return bytes(builder.Output())


def _values(tensor, model) -> np.ndarray | None:
    """The constant float32 values of a tensor, or None."""
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.type != schema.TensorType.FLOAT32:
        return None
    return np.frombuffer(np.asarray(data, np.uint8), np.float32).reshape(
        () if tensor.shape is None else tensor.shape
    )


def _join_dense(graph, model) -> None:
    """Makes one layer of two dense ones in a row where that one has fewer weights."""
    dense, none = schema.BuiltinOperator.FULLY_CONNECTED, schema.ActivationFunctionType.NONE
    uses = collections.Counter(index for one in graph.operators for index in one.inputs)
    uses.update(graph.outputs)
    makers = {
        index: one
        for one in graph.operators
        if model.operatorCodes[one.opcodeIndex].builtinCode == dense
        for index in one.outputs
    }
    for second in makers.values():
        first = makers.get(second.inputs[0])
        if first is None or uses[second.inputs[0]] > 1:
            continue
        if first.builtinOptions.fusedActivationFunction != none:
            continue
        inner, outer = (_weights_and_bias(one, graph, model) for one in (first, second))
        if inner is None or outer is None or inner[0].shape[0] <= inner[0].shape[1]:
            continue
        joined = {"weights": outer[0] @ inner[0], "bias": outer[1] + outer[0] @ inner[1]}
        name = graph.tensors[second.inputs[1]].name
        second.inputs = np.array([first.inputs[0], -1, -1], np.int32)
        for place, (kind, values) in enumerate(joined.items(), start=1):
            second.inputs[place] = len(graph.tensors)
            graph.tensors.append(
                _constant(name + b"_joined_" + kind.encode(), values.astype(np.float32), model)
            )
        graph.operators = [one for one in graph.operators if one is not first]


def _drop_unused(model) -> None:
    """Empties the buffers that nothing reads."""
    used = {row.buffer for row in model.metadata or ()}
    for graph in model.subgraphs:
        read = {index for one in graph.operators for index in one.inputs} | set(graph.outputs)
        used |= {graph.tensors[index].buffer for index in read if index >= 0}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None


def _weights_and_bias(operator, graph, model) -> tuple[np.ndarray, np.ndarray] | None:
    """Of a dense layer, [outputs, inputs] and [outputs]; None if they are no constants."""
    _, place, bias_place = operator.inputs
    weights = _values(graph.tensors[place], model)
    if weights is None:
        return None
    bias = np.zeros(len(weights))
    if bias_place >= 0:
        bias = _values(graph.tensors[bias_place], model)
    return None if bias is None else (weights, bias)


def _shortened(weights: np.ndarray) -> np.ndarray:
    """The bytes of float32 numbers whose last byte is 0, which costs nothing once compressed."""
    return (((weights.view(np.uint32) + 0x80) >> 8) << 8).view(np.uint8).ravel()


def _fits_float16(weights: np.ndarray) -> bool:
    with np.errstate(over="ignore"):
        return bool((weights == weights.astype(np.float16)).all())


def _int8(weights: np.ndarray, lossless: bool, of_sound: bool) -> int8.Quantized | None:
    """Weights as int8; None for those that are better something else."""
    matrix = weights.ndim == 2
    axes = range(2 if matrix else 1)
    largest, num_steps = (
        (_LARGEST_OF_SOUND, _FEW_STEPS_OF_SOUND) if of_sound else (_LARGEST, _FEW_STEPS)
    )
    if not lossless and matrix and weights.size >= largest:
        return int8.closest(weights, axes, num_steps)[0]
    if (found := int8.exact(weights)) or lossless:
        return found
    if weights.size >= (_LARGE_OF_SOUND if of_sound else _LARGE) and (matrix or not of_sound):
        return int8.closest(weights, axes)[0]
    return None


def _packed(tensor, weights: np.ndarray, model, lossless: bool, of_sound: bool):
    """The tensor that stands for one of weights [outputs, …]; None where they stay float32."""
    name, small = tensor.name + b"_packed", _int8(weights, lossless, of_sound)
    if small is None:
        if lossless and not _fits_float16(weights):
            return None
        if of_sound and weights.size <= _LARGE_OF_SOUND:
            model.buffers[tensor.buffer].data = _shortened(weights)
            return None
        return _constant(name, weights.astype(np.float16), model)
    tensor = _constant(name, small.values, model)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = small.scales.ravel()
    tensor.quantization.zeroPoint = np.full(small.scales.size, small.zero, np.int64)
    tensor.quantization.quantizedDimension = small.axis or 0
    return tensor


def _constant(name: bytes, values: np.ndarray, model):
    """A tensor of these values, in a new buffer of the model."""
    tensor, buffer = schema.TensorT(), schema.BufferT()
    tensor.name, tensor.shape, tensor.buffer = name, values.shape, len(model.buffers)
    tensor.type = getattr(schema.TensorType, values.dtype.name.upper())
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    return tensor
