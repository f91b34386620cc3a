"""Errors that a user can mend, told apart from bugs.

The command line prints a `UserError` as one line and exits with code 2; every other exception
is a bug of ours and keeps its traceback. Library callers may catch it as a `ValueError`.
"""

import contextlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator

# Of a command that met a mistake which the user can mend.
EXIT_MISTAKE = 2
# Of a training that was sent a SIGTERM and has saved its state; a shell says the same of others.
EXIT_STOPPED = 143

_OWN_PACKAGES = ("s2i_tf", "tfrecords_tools", "configs", "export", "benchmarks")


class UserError(ValueError):
    """What was wrong, what was got and what is allowed, in one line."""


class Stopped(Exception):
    """Work was asked to stop and can go on later; the message says where."""


class MediaError(UserError):
    """A sound, photo or video that cannot be used.

    Attributes:
      reason: a short stable slug such as `not_media` or `silent`, used as the quarantine reason.
    """

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.reason, str(self))


def unknown_name(kind: str, name: str, known) -> UserError:
    """The error for a name that a registry does not hold; lists the names that it does."""
    return UserError(f"unknown {kind} {name!r}; known: {', '.join(sorted(known))}")


def nearest(name: str, known: Iterable[str]) -> str:
    """What an error says of the known name that an unknown one is like; empty if of none."""
    import difflib

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def without_effect(flag: str, case: str) -> UserError:
    """The error for a flag that was given though it has no effect in a case (`beside --mix`)."""
    return UserError(f"--{flag} has no effect {case}. Leave it out.")


def no_tensorflow() -> UserError:
    """The error for what needs TensorFlow, or the Keras on it, where it is not installed."""
    return UserError(
        "TensorFlow is not installed, and only sounds of a model that has a file for runtime lite "
        "need none; pip install tensorflow"
    )


def first_line(error: Exception) -> str:
    """The first line of an error's message, or the name of its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


@contextlib.contextmanager
def told_by(program: str, *kinds: type[Exception]) -> Iterator[None]:
    """Ends the process with one line and `EXIT_MISTAKE` after a mistake of the user's in the block.

    Args:
      program: name of the command, which the line begins with.
      *kinds: errors that are such mistakes, beside `UserError` and a package that is missing.
    """
    try:
        yield
    except (UserError, *kinds) as error:
        message = str(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", *_OWN_PACKAGES):
            raise
        package = {"google": "protobuf"}.get(package, package)
        message = f"this needs {package}, which is not installed; pip install {package}"
        if package in ("tensorflow", "keras") and not importlib.util.find_spec("tensorflow"):
            message = str(no_tensorflow())
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"{error.filename or 'a file'}: {error.strerror or error}"
    else:
        return
    line = " ".join(message.split())
    print(f"{program}: error: {printable(line)}", file=sys.stderr)
    sys.exit(EXIT_MISTAKE)


def printable(line: str) -> str:
    """A line whose names of files or classes hold nothing that a terminal obeys."""
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in line)
