"""What several verbs ask of the flags that were given."""

import pathlib
import shlex
from collections.abc import Iterable

from absl import flags

from s2i_tf.errors import UserError, without_effect
from s2i_tf.pretrained import given_or_own


def refuse(names: Iterable[str], case: str) -> None:
    """Refuses flags that were given though they have no effect.

    Args:
      names: of the flags that have none.
      case: when that is, such as `beside --mix`.

    Raises:
      UserError: if one of them has another value than by default.
    """
    for name in names:
        if flags.FLAGS[name].value != flags.FLAGS[name].default:
            raise without_effect(name, case)


def model_folder() -> pathlib.Path:
    """The folder that --workdir or --model names; the package's own model by default.

    Raises:
      UserError: if both are given.
    """
    if flags.FLAGS.workdir and flags.FLAGS.model:
        raise UserError("give one of --workdir=RUN and --model=DIR")
    return given_or_own(flags.FLAGS.workdir, flags.FLAGS.model)


def command(module: str) -> str:
    """What repeats the command of a verb, whose module has this name."""
    own = flags.FLAGS.get_flags_for_module(module)
    given = [flag.serialize() for flag in own if flag.present]
    return shlex.join(["s2i", module.rpartition(".")[2], *given])
