"""Calling a verb in this process."""

import pytest
from absl import flags

from s2i_tf.cli import main


@pytest.fixture
def call_verb():
    """Runs a verb with flags of its own, which are gone afterwards."""

    def run(verb, *argv):
        before = set(flags.FLAGS)
        try:
            main.run_verb(verb, list(map(str, argv)))
        finally:
            for name in set(flags.FLAGS) - before:
                delattr(flags.FLAGS, name)
            flags.FLAGS.unparse_flags()

    return run
