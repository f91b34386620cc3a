"""The layers that several architectures share, with pix2pix's initial values and slopes.

Pictures and maps are [batch, height, width, channels]. Arguments of constructors are numbers and
strings, so that Keras writes them into its files by itself.
"""

import contextlib
import functools
import math
from collections.abc import Callable, Iterator

import keras
from keras import ops

from s2i_tf.kernels import fused

LEAKY_SLOPE = 0.2


def widths(filters: int, num_layers: int) -> list[int]:
    """Channels of pix2pix' layers: twice as many in each, up to eight times the first's."""
    return [filters * min(2**depth, 8) for depth in range(num_layers)]


def conv_init(seed: int | None = None) -> keras.initializers.Initializer:
    """N(0, 0.02), as in pix2pix."""
    return keras.initializers.RandomNormal(stddev=0.02, seed=seed)


def leaky_relu(name: str) -> keras.layers.Layer:
    """pix2pix' activation.

    On a processor it computes in float32 whatever the policy: its gradient in bfloat16 takes eight
    times as long there, far longer than the casts.
    """
    dtype = "float32" if fused.on_processor() else None
    return keras.layers.LeakyReLU(LEAKY_SLOPE, dtype=dtype, name=name)


class GivenSeed(keras.random.SeedGenerator):
    """Hands one seed, integers [2], to Keras' random functions; it may be a traced tensor.

    Keras itself takes Python integers, which a served graph could not get from a request.
    """

    def __init__(self, seed):
        self._seed = seed

    def next(self, ordered=True):
        """The seed; always the same."""
        # JAX takes no signed keys, TensorFlow no unsigned ones.
        return ops.cast(self._seed, "uint32") if keras.backend.backend() == "jax" else self._seed


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
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.draw = None

    def call(self, inputs, training=None):
        """Inputs [batch, …] with a share `rate` of the values zero and the rest scaled up."""
        if training:
            return keras.random.dropout(inputs, self.rate, seed=self.seed_generator)
        if self.draw is None:
            return inputs
        numbers, spread = self.draw(inputs.shape[1:])
        drawn = ops.where(numbers >= self.rate, inputs / (1 - self.rate), ops.zeros_like(inputs))
        return drawn if spread is None else inputs + spread * (drawn - inputs)


@keras.saving.register_keras_serializable("s2i_tf")
class ConditioningNoise(keras.layers.Layer):
    """Noise beside a condition [batch, size]: [batch, noise_size], each number in ±√2, variance 1.

    In training it is fresh for every example. At inference it is a fixed function of the
    condition that oscillates so fast that two sounds of one class get unlike numbers: one sound
    always has the one picture, and two sounds do not share theirs. While `drawn_masks` is active
    it depends on the draw alone.

    Args:
      noise_size: how many numbers.
      seed: of the fixed function and of the training's draws.
      frequency: turns of the phase for a typical difference of two conditions.
      inference_scale: factor on the noise at inference; below 1 it keeps to what is typical.
    """

    def __init__(
        self,
        noise_size: int,
        seed: int = 0,
        frequency: float = 1.0,
        inference_scale: float = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.inference_scale = inference_scale
        self.noise_size = noise_size
        self.seed = seed
        self.frequency = frequency
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.draw = None

    def build(self, input_shape):
        """Makes the fixed projection of the condition to phases."""
        size = input_shape[-1]
        self.projection = self.add_weight(
            shape=(size, self.noise_size),
            initializer=keras.initializers.RandomNormal(
                stddev=self.frequency / size**0.5, seed=self.seed
            ),
            trainable=False,
            name="projection",
        )

    def call(self, condition, training=None):
        """The noise for a batch of conditions."""
        spread = None
        if training:
            shape = (ops.shape(condition)[0], self.noise_size)
            turns = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        elif self.draw is not None:
            turns, spread = self.draw((self.noise_size,))
            turns = turns + ops.zeros_like(condition[:, :1], dtype="float32")
        else:
            turns = self.own_turns(condition)
        noise = 2.0**0.5 * ops.cos(2 * math.pi * ops.cast(turns, self.compute_dtype))
        if training:
            return noise
        return self.inference_scale * (noise if spread is None else spread * noise)

    def own_turns(self, condition):
        """The phases [batch, noise_size], in turns, of the noise that each condition has."""
        return ops.matmul(condition, self.projection)


@keras.saving.register_keras_serializable("s2i_tf")
class Typical(keras.layers.Layer):
    """Moves vectors [batch, size] towards the centre that they are near to.

    With the centres of classes, a vector between several of them, such as that of a sound that
    could be the one or the other, comes to lie where one class is. Of two that are as near it goes
    to the middle.

    Args:
      num_centres: how many centres there are.
      share: how far vectors move, from 0, where they stay, to 1.
      softness: by how much larger a centre's mean squared distance is that counts e times less.
    """

    def __init__(self, num_centres: int, share: float, softness: float = 0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_centres = num_centres
        self.share = share
        self.softness = softness

    def build(self, input_shape):
        """Makes the centres [centres, size], 0 until they are assigned."""
        self.centres = self.add_weight(
            shape=(self.num_centres, input_shape[-1]),
            initializer="zeros",
            trainable=False,
            name="centres",
        )

    def call(self, vectors):
        """The moved vectors."""
        # Of the squared distance, less what is the same for every centre.
        nearness = 2 * ops.matmul(vectors, ops.transpose(self.centres)) - ops.sum(
            ops.square(self.centres), axis=1
        )
        weights = ops.softmax(nearness / (self.softness * vectors.shape[-1]))
        return (1 - self.share) * vectors + self.share * ops.matmul(weights, self.centres)


def drawn_layers(*models: keras.Model) -> list[keras.layers.Layer]:
    """The layers of the models that can draw further samples at inference."""
    return [
        layer
        for model in models
        for layer in model._flatten_layers()
        if isinstance(layer, (MaskDropout, ConditioningNoise))
    ]


def feature_extractor(discriminator: keras.Model) -> keras.Model:
    """The same discriminator, of the same weights, that also gives what happens inside.

    Returns:
      A model of the same inputs whose output is a list: the scores, then the activations of every
      `LeakyReLU` of the discriminator in the order of its layers, each [batch, …].
    """
    activations = [
        layer.output for layer in discriminator.layers if isinstance(layer, keras.layers.LeakyReLU)
    ]
    return keras.Model(
        discriminator.input,
        [discriminator.output, *activations],
        name=f"{discriminator.name}_features",
    )


@contextlib.contextmanager
def drawn_masks(draws, *models: keras.Model) -> Iterator[None]:
    """Within it the models draw at inference: masks and noise that depend on `draws` alone.

    Args:
      draws: integers [1, 2] or [batch, 2], each a seed and the number of a sample: one draw for
        the whole batch or one for each example. Arrays or, inside a traced function, tensors.
      *models: every layer of theirs draws apart from the others.
    """
    num_layers = len(drawn_layers(*models))
    seed, sample = ops.unstack(ops.convert_to_tensor(draws, "int32"), axis=-1)

    def draw(position: int, shape):
        seeds = ops.stack([seed, sample * num_layers + position], axis=-1)

        def uniform(seed):
            return keras.random.uniform(shape, dtype="float32", seed=GivenSeed(seed))

        return ops.map(uniform, seeds), None

    with given_numbers(draw, *models):
        yield


@contextlib.contextmanager
def given_numbers(draw: Callable, *models: keras.Model) -> Iterator[None]:
    """Within it the models draw at inference from numbers that come from outside.

    Args:
      draw: the position of a layer in `drawn_layers` and the shape of its numbers, without the
        batch, to these numbers [batch, …] in [0, 1) and their spread, [batch, 1] or a number: how
        much they count, 1 as in training, 0 not at all.
      *models: the models.
    """
    layers = drawn_layers(*models)
    for position, layer in enumerate(layers):
        layer.draw = functools.partial(draw, position)
    try:
        yield
    finally:
        for layer in layers:
            layer.draw = None
