"""How far apart two samples are as distributions: the energy distance (Székely and Rizzo 2013).

Twice the mean distance between the samples less the mean distance within each; zero where both
come from one distribution, and above it elsewhere. A generator that minimises it learns the mean
and the spread of the targets of a class without an opponent, where an L1 loss would give it their
median.
"""

from keras import ops

_TINY = 1e-6


def energy_distance(target, made, context):
    """Half the energy distance of targets and what was made, each within its context.

    The distance within the targets is left out: no generator changes it. So the value is not zero
    where both agree, but half the mean distance of two targets.

    Args:
      target: the targets, [batch, size].
      made: what was made, [batch, size].
      context: one-hot context of each example, [batch, contexts]; only examples of one context are
        compared.

    Returns:
      A float32 scalar, per root of the size. Contexts with one example contribute half of it only.
    """
    same = ops.matmul(context, ops.transpose(context))
    other = same * (1 - ops.eye(ops.shape(same)[0]))
    between = _mean(_distances(target, made), same)
    within = _mean(_distances(made, made), other)
    return (between - within / 2) / made.shape[-1] ** 0.5


def _distances(one, other):
    """Euclidean distances [batch, batch]."""
    square = (
        ops.sum(ops.square(one), axis=1, keepdims=True)
        - 2 * ops.matmul(one, ops.transpose(other))
        + ops.sum(ops.square(other), axis=1)[None, :]
    )
    return ops.sqrt(ops.maximum(square, 0.0) + _TINY)


def _mean(values, weights):
    return ops.sum(values * weights) / ops.maximum(ops.sum(weights), 1.0)
