"""Of the verbs that take a run's model or any other: which one is meant."""

import pathlib

from absl import flags

from s2i_tf.errors import UserError
from s2i_tf.pretrained import given_or_own


def folder() -> pathlib.Path:
    """The folder that --workdir or --model names; the package's own model by default.

    Raises:
      UserError: if both are given.
    """
    if flags.FLAGS.workdir and flags.FLAGS.model:
        raise UserError("give one of --workdir=RUN and --model=DIR")
    return given_or_own(flags.FLAGS.workdir, flags.FLAGS.model)
