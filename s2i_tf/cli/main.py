"""`s2i VERB`: reads the flags, runs the verb, and turns a user's mistake into one line.

Each verb is a module beside this one with a docstring, `define_flags()` and `run()`; those that
stand in `WITH_ARGUMENTS` take what is no flag as `run(args)`. None of them imports TensorFlow
before `run`, so that help and mistakes are answered at once.
"""

import contextlib
import importlib
import logging
import signal
import sys
from collections.abc import Iterator, Sequence

from absl import flags

import s2i_tf
from s2i_tf import logs, terminal
from s2i_tf.errors import EXIT_STOPPED, UserError, first_line, told_by

VERBS = (
    *("demo", "weights", "prepare", "train", "evaluate", "score"),
    *("generate", "film", "export", "app"),
)
WITH_ARGUMENTS = ("weights", "generate", "film")
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> None:
    """The console command; always ends in `SystemExit`."""
    argv = list(sys.argv if argv is None else argv)
    with terminal.any_output():
        code = _main(argv)
    sys.exit(code)


def _main(argv: list[str]) -> int:
    verb = argv[1] if len(argv) > 1 else "--help"
    if verb in ("--help", "-h", "help"):
        print(_overview())
        return 0
    if verb == "--version":
        print(s2i_tf.__version__)
        return 0
    _quieten()
    try:
        with _stopped_by_sigterm(), told_by(f"s2i {verb}" if verb in VERBS else "s2i"):
            run_verb(verb, argv[2:])
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as stop:
        return stop.code or 0
    return 0


@contextlib.contextmanager
def _stopped_by_sigterm() -> Iterator[None]:
    """Within it a SIGTERM raises `SystemExit`, so that nothing half written is left."""

    def stop(number, frame):
        raise SystemExit(EXIT_STOPPED)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_verb(verb: str, argv: list[str]) -> None:
    """Runs a verb with its flags and arguments, or prints its help.

    Raises:
      UserError: if there is no such verb, it refuses them, or cannot do what they say.
    """
    if verb not in VERBS:
        raise UserError(f"unknown verb {verb!r}; known: {', '.join(VERBS)}")
    module = importlib.import_module(f"s2i_tf.cli.{verb}")
    module.define_flags()
    if terminal.helped(argv, module.__doc__, module.__name__):
        return
    args = _parse_flags([verb, *argv])
    if verb in WITH_ARGUMENTS:
        module.run(args)
    elif args:
        raise UserError(f"{verb} takes no arguments, got {args[0]!r}")
    else:
        module.run()


def _parse_flags(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)[1:]
    except flags.Error as error:
        raise UserError(first_line(error)) from None
    except UserError:
        raise
    except Exception as error:  # whatever a configuration file of the user's raises
        raise UserError(f"{type(error).__name__} in the flags: {first_line(error)}") from None


def _overview() -> str:
    lines = [
        f"s2i_tf {s2i_tf.__version__}: pictures from sounds",
        "",
        "usage: s2i VERB [--flag=value …] [argument …]",
        "       s2i VERB --help",
        "",
    ]
    for verb in VERBS:
        module = importlib.import_module(f"s2i_tf.cli.{verb}")
        summary = module.__doc__.strip().splitlines()[0]
        lines.append(f"  {verb:<10}{summary}")
    return "\n".join(lines)


def _quieten() -> None:
    """Lets our own progress through and keeps TensorFlow's start-up notes off the terminal."""
    # Without a handler the root logger makes one of its own for the notes of other packages.
    logging.getLogger().addHandler(logging.NullHandler())
    logs.show("s2i_tf", "tfrecords_tools")


if __name__ == "__main__":
    main()
