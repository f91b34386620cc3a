"""The embedded data set: ten classes of sounds and pictures that the package makes itself.

A scene draws its causes from a seed; its sound and its picture are pure functions of the scene, so
that both follow the same causes and nothing needs to be stored or downloaded. `write_folder` puts
them into files of the usual shape, from where they go the way of any other data.
"""

from s2i_tf.data.foley.causes import CAUSES, CLASSES, Scene, scene
from s2i_tf.data.foley.dataset import SOURCE, render, synthesize, write_folder
from s2i_tf.data.foley.measures import measure_picture, measure_sound

__all__ = [
    "CAUSES",
    "CLASSES",
    "SOURCE",
    "Scene",
    "measure_picture",
    "measure_sound",
    "render",
    "scene",
    "synthesize",
    "write_folder",
]
