"""The sides of `benchmarks.speed.generating`: the served graph, and its products alone."""

import inspect
import pathlib

import numpy as np
import tensorflow as tf

from benchmarks.speed.workers import Step, serve
from s2i_tf import features, spec
from s2i_tf.errors import UserError
from s2i_tf.features import weights
from s2i_tf.models.sound_to_image import SoundToImage
from s2i_tf.pretrained import REALPAIRS
from s2i_tf.serving import examples
from s2i_tf.serving.signatures import WAVEFORM, Signatures

# Ops that multiply and add, by how they are named in a graph that no optimiser has seen.
PRODUCTS = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")
_SOUND_NET = "soundnet"


def build(side: str, batch_size: int) -> tuple[Step, dict[str, float]]:
    """A step of one side.

    Args:
      side: `waveform`, waveforms to pictures as `serving_default` serves them; or `products`, the
        convolutions and matrix products of the same graph.
      batch_size: sounds in a step.
    """
    waveform = tf.constant(examples.sounds(spec.FEATURE_SECONDS, batch_size))
    signature = served()
    if side == "waveform":
        return lambda: signature(waveform)["image"].numpy(), {}
    step, num_products = products(signature.graph, batch_size)
    return step, {"num_products": num_products}


def served() -> tf.types.experimental.ConcreteFunction:
    """`serving_default` of the model that comes along.

    Raises:
      UserError: if the sound net is not in the cache.
    """
    require_sound_net()
    model = SoundToImage.load(REALPAIRS)
    extractor = features.load_extractor(model.extractors["sound"])
    function = Signatures(model, extractor.model).serving_default
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


def products(graph: tf.Graph, batch_size: int) -> tuple[Step, int]:
    """The graph's convolutions and matrix products, on numbers of their shapes.

    They follow one after the other, as they do in the net, each on an input and a kernel of its
    own in memory; what they give is given back, or the optimiser would leave them out.

    Args:
      graph: of a traced function.
      batch_size: what the unknown first axis of its tensors stands for.

    Returns:
      The step, and how many products it takes.
    """
    ops = [op for op in graph.get_operations() if op.type in PRODUCTS]
    rng = np.random.default_rng(0)

    def shape_of(tensor: tf.Tensor) -> list[int]:
        return [batch_size if size is None else size for size in tensor.shape.as_list()]

    def value_of(tensor: tf.Tensor, op: tf.Operation) -> tf.Tensor:
        if tensor.dtype == tf.int32:  # a transposed convolution is told the shape of its output
            return tf.constant(shape_of(op.outputs[0]))
        return tf.constant(rng.normal(size=shape_of(tensor)), tensor.dtype)

    @tf.function(autograph=False)
    def step(inputs: list[list[tf.Tensor]]) -> list[tf.Tensor]:
        outputs: list[tf.Tensor] = []
        for op, given in zip(ops, inputs, strict=True):
            with tf.control_dependencies(outputs[-1:]):
                outputs.append(_again(op, given))
        return outputs

    values = [[value_of(tensor, op) for tensor in op.inputs] for op in ops]
    return lambda: step(values)[-1].numpy(), len(ops)


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
