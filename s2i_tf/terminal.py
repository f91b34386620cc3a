"""What commands print reaches any terminal; a reader that went away is no error; their help."""

import codecs
import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from s2i_tf.errors import EXIT_MISTAKE

EXIT_CLOSED_PIPE = 141  # as a shell says of a command whose reader went away

# What a terminal without Unicode shows; anything else is shown as its number.
_PLAIN = {"…": "...", "→": "->", "–": "-", "×": "x", "±": "+-", "’": "'", "“": '"', "”": '"'}


@contextlib.contextmanager
def any_output() -> Iterator[None]:
    """Within it characters that the terminal has not are shown in others.

    Raises:
      SystemExit: if standard output is closed or cannot take what was printed.
    """
    codecs.register_error("s2i_plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="s2i_plain")
    try:
        yield
        if sys.stdout is not None:  # as it is where it was closed before the command began
            sys.stdout.flush()
    except BrokenPipeError:
        _forget_output()
        sys.exit(EXIT_CLOSED_PIPE)
    except OSError as error:
        _forget_output()
        print(f"error: {error.filename or 'standard output'}: {error.strerror}", file=sys.stderr)
        sys.exit(EXIT_MISTAKE)


def helped(argv: Sequence[str], text: str, module: str) -> bool:
    """Prints a command's help where --help or -h is among its arguments.

    Args:
      argv: the arguments.
      text: docstring of the command.
      module: name of the module that its flags are defined in.

    Returns:
      Whether that was asked for.
    """
    if not {"--help", "-h"} & set(argv):
        return False
    described = [
        f"  --{flag.name}: {flag.help}{_default(flag.default)}"
        for flag in flags.FLAGS.get_flags_for_module(module)
    ]
    print("\n".join([text.strip(), *(["", "flags:", *described] if described else [])]))
    return True


def _default(value: Any) -> str:
    """What the help says of a flag's default; a whole configuration is no line of it."""
    return f" (default: {value})" if value and not dataclasses.is_dataclass(value) else ""


def _forget_output() -> None:
    """What is still to be written at exit must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(error: UnicodeError) -> tuple[str, int]:
    """What stands in for a character that the terminal's encoding has not."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    shown = "".join(_PLAIN.get(character, f"\\x{ord(character):x}") for character in text)
    return shown, error.end
