"""The pictures of the embedded data set, by class."""

from collections.abc import Callable, Mapping

import numpy as np

from s2i_tf.data.foley import elements, fliers, objects
from s2i_tf.data.foley.canvas import Canvas

Painter = Callable[[Canvas, Mapping[str, float], np.random.Generator], None]

PAINTERS: dict[str, Painter] = {
    "rain": elements.rain,
    "sea_waves": elements.sea_waves,
    "siren": objects.siren,
    "clock": objects.clock,
    "engine": objects.engine,
    "guitar": objects.guitar,
    "horn": objects.horn,
    "helicopter": fliers.helicopter,
    "fire": elements.fire,
    "bird": fliers.bird,
}
