"""The layers that several architectures share, with pix2pix's initial values and slopes.

Pictures and maps are [batch, height, width, channels].
"""

import contextlib
from collections.abc import Callable, Iterator

import keras
from keras import ops

from s2i_tf.errors import unknown_name

LEAKY_SLOPE = 0.2
KERNEL_SIDE = 4
BATCH_NORM_EPSILON = 1e-5
# Keras' default of 0.99 leaves the moving averages far behind the weights in runs of a few
# thousand steps, and inference uses them.
BATCH_NORM_MOMENTUM = 0.9


def conv_init() -> keras.initializers.Initializer:
    """N(0, 0.02), as in pix2pix."""
    return keras.initializers.RandomNormal(stddev=0.02)


def _batch_norm() -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        epsilon=BATCH_NORM_EPSILON,
        momentum=BATCH_NORM_MOMENTUM,
        gamma_initializer=keras.initializers.RandomNormal(mean=1.0, stddev=0.02),
    )


def _instance_norm() -> keras.layers.Layer:
    return keras.layers.GroupNormalization(groups=-1, epsilon=BATCH_NORM_EPSILON)


NORMS: dict[str, Callable[[], keras.layers.Layer | None]] = {
    "batch": _batch_norm,
    "instance": _instance_norm,
    "none": lambda: None,
}


def build_norm(name: str) -> keras.layers.Layer | None:
    """The normalisation of that name, or `None` for `none`."""
    if name not in NORMS:
        raise unknown_name("norm", name, NORMS)
    return NORMS[name]()


class GivenSeed(keras.random.SeedGenerator):
    """Hands one seed, integers [2], to Keras' random functions; it may be a traced tensor.

    Keras itself takes Python integers, which a served graph could not get from a request.
    """

    def __init__(self, seed):
        self._seed = seed

    def next(self, ordered=True):
        """The seed; always the same."""
        return self._seed


@keras.saving.register_keras_serializable("s2i_tf")
class MaskDropout(keras.layers.Layer):
    """Dropout that can also be a source of variety after training.

    In training every example has a mask of its own. At inference nothing is dropped, unless
    `drawn_masks` is active: then a mask depends on the draw alone, so that the picture of a sound
    does not depend on what else is in the batch.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.drawn_seeds = None

    def call(self, inputs, training=None):
        """Inputs [batch, …] with a share `rate` of the values zero and the rest scaled up."""
        if training:
            return keras.random.dropout(inputs, self.rate, seed=self.seed_generator)
        if self.drawn_seeds is None:
            return inputs
        shape = inputs.shape[1:]
        numbers = ops.map(
            lambda seed: keras.random.uniform(shape, dtype="float32", seed=GivenSeed(seed)),
            self.drawn_seeds,
        )
        return ops.where(numbers >= self.rate, inputs / (1 - self.rate), ops.zeros_like(inputs))

    def get_config(self):
        """Rate and seed, for Keras' files."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


def mask_dropouts(*models: keras.Model) -> list[MaskDropout]:
    """The layers of the models that can draw masks at inference."""
    return [
        layer
        for model in models
        for layer in model._flatten_layers()
        if isinstance(layer, MaskDropout)
    ]


@contextlib.contextmanager
def drawn_masks(draws, *models: keras.Model) -> Iterator[None]:
    """Within it the models drop values at inference, by masks that depend on `draws` alone.

    Args:
      draws: integers [1, 2] or [batch, 2], each a seed and the number of a sample: one draw for
        the whole batch or one for each example. Arrays or, inside a traced function, tensors.
      *models: every mask of theirs is drawn apart from the others.
    """
    layers = mask_dropouts(*models)
    seed, sample = ops.unstack(ops.convert_to_tensor(draws, "int32"), axis=-1)
    for position, layer in enumerate(layers):
        layer.drawn_seeds = ops.stack([seed, sample * len(layers) + position], axis=-1)
    try:
        yield
    finally:
        for layer in layers:
            layer.drawn_seeds = None
