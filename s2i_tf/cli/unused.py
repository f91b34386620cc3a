"""Flags that say nothing in the case at hand are refused rather than passed over."""

from collections.abc import Iterable

from absl import flags

from s2i_tf.errors import without_effect


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
