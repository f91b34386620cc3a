"""The pictures of the embedded data set, by class."""

from collections.abc import Callable, Mapping

import numpy as np

from s2i_tf.data import foley_elements, foley_fliers, foley_objects
from s2i_tf.data.foley_canvas import Canvas

Painter = Callable[[Canvas, Mapping[str, float], np.random.Generator], None]

PAINTERS: dict[str, Painter] = {
    "rain": foley_elements.rain,
    "sea_waves": foley_elements.sea_waves,
    "siren": foley_objects.siren,
    "clock": foley_objects.clock,
    "engine": foley_objects.engine,
    "guitar": foley_objects.guitar,
    "horn": foley_objects.horn,
    "helicopter": foley_fliers.helicopter,
    "fire": foley_elements.fire,
    "bird": foley_fliers.bird,
}
