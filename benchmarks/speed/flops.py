"""Multiplications and additions of a traced function, counted from its operations' shapes."""

import math

import tensorflow as tf

_PRODUCTS = {"MatMul": "transpose_a", "BatchMatMulV2": "adj_x"}


def count(graph: tf.Graph) -> int:
    """Of all matrix products and convolutions of maps; beside these the rest is next to nothing.

    Args:
      graph: of a concrete function of known shapes.
    """
    return sum(2 * _multiplications(operation) for operation in graph.get_operations())


def _multiplications(operation: tf.Operation) -> int:
    inputs = [tensor.shape for tensor in operation.inputs]
    if operation.type in _PRODUCTS:
        inner = inputs[0][-2 if operation.get_attr(_PRODUCTS[operation.type]) else -1]
        return math.prod(operation.outputs[0].shape) * inner
    # Each value of the maps that a convolution makes meets the kernel and its channels once.
    if operation.type == "Conv2D":
        return math.prod(operation.outputs[0].shape) * math.prod(inputs[1][:3])
    if operation.type == "Conv2DBackpropInput":
        return math.prod(inputs[2]) * math.prod(inputs[1][:3])
    if operation.type == "Conv2DBackpropFilter":
        return math.prod(inputs[2]) * math.prod(operation.outputs[0].shape[:3])
    return 0
