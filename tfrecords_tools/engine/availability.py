"""Whether Apache Beam is here. Imports nothing of it before it is asked."""

import logging

from s2i_tf.errors import UserError


def require_beam() -> None:
    """Imports Beam, keeping its notes about clouds that are not installed off the terminal.

    Raises:
      UserError: if it is not installed.
    """
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        import apache_beam  # noqa: F401
    except ImportError as error:
        if error.name != "apache_beam":
            raise
        raise UserError(
            "prepare needs Apache Beam; install it with: pip install 's2i_tf[prepare]'"
        ) from None
    finally:
        root.setLevel(level)
