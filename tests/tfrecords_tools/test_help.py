import sys

import pytest
from absl import flags

from tfrecords_tools import __main__ as stages
from tfrecords_tools import holdout, inspect, verify


@pytest.fixture
def own_flags():
    """Flags that are defined in the test are gone afterwards."""
    before = set(flags.FLAGS)
    yield
    for name in set(flags.FLAGS) - before:
        delattr(flags.FLAGS, name)


@pytest.mark.parametrize(("tool", "flag"), [(stages, "--train_share"), (holdout, "--keep_pairs")])
@pytest.mark.parametrize("argv", [["--help"], ["probe", "-h"]])
def test_tools_with_flags_explain_themselves(tool, flag, argv, own_flags, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["tool", *argv])
    tool.main()
    said = capsys.readouterr().out
    assert said.startswith(tool.__doc__.strip()) and f"\n  {flag}: " in said


@pytest.mark.parametrize("tool", [inspect, verify])
def test_tools_without_flags_explain_themselves(tool, capsys):
    assert not tool.main(["--help"])
    assert capsys.readouterr().out == tool.__doc__.strip() + "\n"
