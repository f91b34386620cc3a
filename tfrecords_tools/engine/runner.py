"""Which Beam runner runs the pipelines, and how."""

import logging
import os
import shlex

from apache_beam.options.pipeline_options import PipelineOptions

DIRECT = "DirectRunner"

# A worker process imports TensorFlow and loads its nets, which takes about 10 s; a thread of this
# process has them already, but shares Python's lock with the others.
_WORTH_A_PROCESS_SECONDS = 60.0


def options(
    runner: str, pipeline_options: str, *, num_workers: int = 0, num_parts: int, seconds: float
) -> PipelineOptions:
    """The options of one pipeline.

    Args:
      runner: Beam's name of it. Beam's own local default, Prism, would be downloaded, so
        DirectRunner is named.
      pipeline_options: further options as one string, as on a command line.
      num_workers: of DirectRunner; 0 for one a core. Other runners have their own option.
      num_parts: units of work; more workers than that would idle.
      seconds: about how long one core would work: long work gets processes, short work threads.
    """
    arguments = [f"--runner={runner}", *shlex.split(pipeline_options)]
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


def quieten() -> None:
    """Keeps Beam's housekeeping off the terminal; warnings stay."""
    for name in ("apache_beam", "apache_beam.runners", "apache_beam.options"):
        logging.getLogger(name).setLevel(logging.ERROR)
