"""Which Beam runner runs the pipelines, and how."""

import contextlib
import importlib
import io
import logging
import os
import re
import shlex
import shutil
from collections.abc import Callable
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineResult

from s2i_tf.errors import UserError, unknown_name

logger = logging.getLogger(__name__)

DIRECT = "DirectRunner"
DASK = "DaskRunner"
# Beam does not know this one by its short name.
_DASK_MODULE = "apache_beam.runners.dask.dask_runner"
# Through a job server, which has options of its own.
_PORTABLE = ("FlinkRunner", "PortableRunner", "SparkRunner")

# A worker process imports TensorFlow and loads its nets, which takes about 10 s; a thread of this
# process has them already, but shares Python's lock with the others.
_WORTH_A_PROCESS_SECONDS = 60.0


def check(runner: str, pipeline_options: str) -> None:
    """Refuses, before any work, a runner that is not here and options that nobody would read.

    Args:
      runner: Beam's name of it.
      pipeline_options: further options as one string, as on a command line.

    Raises:
      UserError: naming the flag, what is wrong with it and the remedy.
    """
    known = {*StandardOptions.KNOWN_RUNNER_NAMES, DASK}
    if "." in runner:
        _require_runner(runner)
    elif runner not in known:
        raise unknown_name("--runner", runner, known)
    if runner == DASK:
        _require_dask()
    options = _parse_options(pipeline_options, may_be_unknown=runner in _PORTABLE)
    if (options["direct_num_workers"] or 0) < 0:
        raise UserError(
            f"--pipeline_options: --direct_num_workers is {options['direct_num_workers']}; "
            "allowed: 0 or more"
        )
    if any(word.partition("=")[0] == "--runner" for word in shlex.split(pipeline_options)):
        raise UserError("--pipeline_options holds --runner; name it by the flag of that name alone")
    if runner == "PortableRunner" and not options["job_endpoint"]:
        raise UserError(
            "--runner=PortableRunner needs a job server; name it by "
            "--pipeline_options=--job_endpoint=HOST:PORT"
        )
    if runner in _PORTABLE and not options["job_endpoint"] and not shutil.which("java"):
        raise UserError(
            f"--runner={runner} starts a job server in Java, which is not installed; install it, "
            "or name a server by --pipeline_options=--job_endpoint=HOST:PORT"
        )


def _require_runner(name: str) -> None:
    module, _, kind = name.rpartition(".")
    try:
        getattr(importlib.import_module(module), kind)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"--runner={name}: there is no such class: {error}") from None


def _require_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UserError(
            "--runner=DaskRunner needs Dask; install it with: pip install 's2i_tf[dask]'"
        ) from None
    importlib.import_module(_DASK_MODULE)  # which makes its options known


def _parse_options(text: str, may_be_unknown: bool) -> dict[str, Any]:
    """All of Beam's options with their values."""

    def mistake(reason: str) -> UserError:
        return UserError(f"--pipeline_options={text!r}: {reason}")

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise mistake(f"{error}; close the quotation") from None
    for before, word in zip(["", *words], words, strict=False):
        is_value = before.startswith("--") and "=" not in before
        if not word.startswith("--") and not is_value:
            raise mistake(f"{word!r} is no option; options begin with --")
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):  # argparse prints its usage and exits
            options = PipelineOptions(words).get_all_options()
            every = PipelineOptions(words).get_all_options(retain_unknown_options=True)
    except SystemExit:
        raise mistake(printed.getvalue().strip().rpartition("error: ")[2]) from None
    if (unknown := sorted(set(every) - set(options))) and not may_be_unknown:
        raise mistake(f"Beam has no option --{unknown[0].partition('=')[0]}; see its spelling")
    return options


def options(
    runner: str, pipeline_options: str, *, num_workers: int = 0, num_parts: int, seconds: float
) -> PipelineOptions:
    """The options of one pipeline.

    Args:
      runner: Beam's name of it. Beam's own local default, Prism, would be downloaded, so
        DirectRunner is named.
      pipeline_options: further options as one string, as on a command line.
      num_workers: number of workers of DirectRunner, 0 for one a core; other runners have their own
        option.
      num_parts: number of units of work; more workers than that would idle.
      seconds: time that one core would take, about: long work gets processes, short work threads.
    """
    name = f"{_DASK_MODULE}.{DASK}" if runner == DASK else runner
    arguments = [f"--runner={name}", *shlex.split(pipeline_options)]
    if runner == DASK and not any("partition" in argument for argument in arguments):
        arguments.append(f"--dask_npartitions={num_parts}")
    if runner == DIRECT and not any("direct_" in argument for argument in arguments):
        workers = min(num_workers or os.cpu_count() or 1, num_parts)
        mode = "multi_processing"
        if workers == 1:
            mode = "in_memory"
        elif seconds < _WORTH_A_PROCESS_SECONDS * workers:
            mode = "multi_threading"
        arguments += [
            f"--direct_running_mode={mode}",
            f"--direct_num_workers={workers}",
            "--default_sdk_harness_log_level=ERROR",
        ]
    return PipelineOptions(arguments)


def run(build: Callable[[beam.Pipeline], Any], options: PipelineOptions) -> PipelineResult:
    """Builds and runs a pipeline to its end.

    Raises:
      UserError: that a worker raised, or because the runner cannot be used.
    """
    name = options.view_as(StandardOptions).runner.rpartition(".")[2]
    result = None
    try:
        pipeline = beam.Pipeline(options=options)
        build(pipeline)
        result = pipeline.run()
        result.wait_until_finish()
    except UserError:
        raise
    except Exception as error:
        # Workers hand errors on as text.
        if message := re.search(r"UserError: (.+?)(?: \[while running|\\n|$)", str(error), re.M):
            raise UserError(message[1]) from error
        if name == DIRECT:
            raise
        logger.debug("%s failed", name, exc_info=True)
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UserError(f"--runner={name}: {reason}; see that it runs, and its log") from error
    finally:
        if client := getattr(result, "client", None):  # Dask's
            client.close()
    return result


def quieten() -> None:
    """Keeps Beam's housekeeping off the terminal; warnings stay."""
    for name in ("apache_beam", "apache_beam.runners", "apache_beam.options"):
        logging.getLogger(name).setLevel(logging.ERROR)
