"""s2i_tf: pictures from sounds, by multimodal features and stacked GANs.

Importing the package, `s2i_tf.spec` or `s2i_tf.config` never imports TensorFlow, so that the
command line answers at once.
"""

__version__ = "0.1.0"
