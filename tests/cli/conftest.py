"""Calling a verb in this process."""

import importlib

import pytest
from absl import flags


@pytest.fixture
def call_verb():
    """Runs a verb with flags of its own, which are gone afterwards."""

    def run(verb, *argv):
        before = set(flags.FLAGS)
        module = importlib.import_module(f"s2i_tf.cli.{verb}")
        try:
            module.define_flags()
            module.run(flags.FLAGS([verb, *map(str, argv)])[1:])
        finally:
            for name in set(flags.FLAGS) - before:
                delattr(flags.FLAGS, name)
            flags.FLAGS.unparse_flags()

    return run
