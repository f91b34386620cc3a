"""The sides of `benchmarks.speed.generating`: the served graph, and its products alone."""

import functools
import inspect
import pathlib
import time
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from benchmarks.speed.workers import Step, serve
from s2i_tf import spec
from s2i_tf.errors import UserError
from s2i_tf.features import weights
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.serving import examples, saved_model
from s2i_tf.serving.signatures import WAVEFORM, Signatures

# Ops that multiply and add, by how they are named in a graph that no optimiser has seen.
PRODUCTS = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")
_SOUND_NET = "soundnet"
_NUM_RUNS = 15
# Kinds of ops by what their types' names have in them once the graph is optimised.
_KINDS = {
    "convolutions and products, with bias and activation": ("Conv2D", "MatMul"),
    "pooling": ("MaxPool",),
    "upsampling": ("Tile",),
}
_REST = "checks, window, padding and all other ops"


def build(side: str, batch_size: int) -> tuple[Step, dict[str, Any]]:
    """A step of one side.

    Args:
      side: `waveform`, waveforms to pictures as `serving_default` serves them; `products`, the
        convolutions and matrix products of the same graph; or `profile`, which takes no step and
        tells the least seconds of the graph's ops and of all of it.
      batch_size: sounds in a step.
    """
    waveform = tf.constant(examples.sounds(spec.FEATURE_SECONDS, batch_size))
    signature = served()
    if side == "waveform":
        return lambda: signature(waveform)["image"].numpy(), {}
    if side == "profile":
        info = {"ops": op_seconds(signature, waveform), "all": least_seconds(signature, waveform)}
        return lambda: None, info
    step, num_products = products(signature, waveform)
    return step, {"num_products": num_products}


@functools.cache
def _shipped() -> Signatures:
    """Of the model that comes along; kept, for a traced function keeps no variable alive."""
    model, extractor = saved_model.load_with_net(REALPAIRS)
    return Signatures(model, extractor.model)


@functools.cache
def served() -> tf.types.experimental.ConcreteFunction:
    """`serving_default` of the model that comes along.

    Raises:
      UserError: if the sound net is not in the cache.
    """
    require_sound_net()
    function = _shipped().serving_default
    return tf.function(function, [WAVEFORM], autograph=False).get_concrete_function()


def require_sound_net() -> pathlib.Path:
    """Where the sound net is kept.

    Raises:
      UserError: if it is not in the cache.
    """
    path = weights.path(_SOUND_NET)
    if not path.exists():
        raise UserError(f"{path} is missing; `s2i weights fetch` brings it")
    return path


def products(
    function: tf.types.experimental.ConcreteFunction, waveform: tf.Tensor
) -> tuple[Step, int]:
    """The function's convolutions and matrix products, on what they are given in a call.

    They follow one after the other, as they do in the net, each on an input and a kernel of its
    own in memory; what they give is given back, or the optimiser would leave them out.

    Args:
      function: a traced function.
      waveform: its input.

    Returns:
      The step, and how many products it takes.
    """
    frozen, graph = _frozen(function)
    ops = [op for op in graph.get_operations() if op.type in PRODUCTS]
    with tf.compat.v1.Session(graph=graph) as session:
        given = [[tensor.name for tensor in op.inputs] for op in ops]
        values = session.run(given, {frozen.inputs[0].name: waveform.numpy()})
    values = [[tf.constant(value) for value in row] for row in values]

    @tf.function(autograph=False)
    def step(inputs: list[list[tf.Tensor]]) -> list[tf.Tensor]:
        outputs: list[tf.Tensor] = []
        for op, given in zip(ops, inputs, strict=True):
            with tf.control_dependencies(outputs[-1:]):
                outputs.append(_again(op, given))
        return outputs

    return lambda: step(values)[-1].numpy(), len(ops)


def _frozen(
    function: tf.types.experimental.ConcreteFunction,
) -> tuple[tf.types.experimental.ConcreteFunction, tf.Graph]:
    """The function with its variables as constants, and its graph."""
    frozen = convert_variables_to_constants_v2(function)
    graph = tf.Graph()
    with graph.as_default():
        tf.graph_util.import_graph_def(frozen.graph.as_graph_def(), name="")
    return frozen, graph


def op_seconds(
    function: tf.types.experimental.ConcreteFunction, waveform: tf.Tensor, num_runs: int = _NUM_RUNS
) -> dict[str, float]:
    """Seconds of the function's ops by kind; of each op its least over some runs."""
    frozen, graph = _frozen(function)
    least: dict[str, tuple[float, str]] = {}
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=1, inter_op_parallelism_threads=1
    )
    options = tf.compat.v1.RunOptions(trace_level=tf.compat.v1.RunOptions.FULL_TRACE)
    with tf.compat.v1.Session(graph=graph, config=config) as session:
        for _ in range(num_runs):
            trace = tf.compat.v1.RunMetadata()
            session.run(
                [tensor.name for tensor in frozen.outputs],
                {frozen.inputs[0].name: waveform.numpy()},
                options=options,
                run_metadata=trace,
            )
            for node in trace.step_stats.dev_stats[0].node_stats:
                took = (node.op_end_rel_nanos - node.op_start_rel_nanos) / 1e9
                one = took, node.timeline_label
                least[node.node_name] = min(one, least.get(node.node_name, one))
    seconds = dict.fromkeys([*_KINDS, _REST], 0.0)
    for took, label in least.values():
        op = label.rpartition(" = ")[2].partition("(")[0]  # of "NAME = OP(INPUTS)"
        kinds = [kind for kind, marks in _KINDS.items() if any(mark in op for mark in marks)]
        seconds[kinds[0] if kinds else _REST] += took
    return seconds


def least_seconds(
    function: tf.types.experimental.ConcreteFunction, waveform: tf.Tensor, num_runs: int = _NUM_RUNS
) -> float:
    """The least seconds of a call, as the ops' are their least."""
    least = float("inf")
    for _ in range(num_runs):
        began = time.perf_counter()
        function(waveform)["image"].numpy()
        least = min(least, time.perf_counter() - began)
    return least


def _again(op: tf.Operation, inputs: list[tf.Tensor]) -> tf.Tensor:
    """The same op on other inputs."""
    function = getattr(tf.raw_ops, op.type)
    arguments = {
        argument.name: value for argument, value in zip(op.op_def.input_arg, inputs, strict=True)
    }
    for name in inspect.signature(function).parameters.keys() - arguments.keys() - {"name"}:
        value = op.get_attr(name)
        arguments[name] = value.decode() if isinstance(value, bytes) else value
    return function(**arguments)


if __name__ == "__main__":
    serve(build)
