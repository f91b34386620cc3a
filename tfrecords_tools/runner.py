"""Which Beam runner runs the pipelines, and how."""

import logging
import os
import shlex

from apache_beam.options.pipeline_options import PipelineOptions

DIRECT = "DirectRunner"


def options(
    runner: str, pipeline_options: str, *, num_workers: int = 0, num_parts: int = 1
) -> PipelineOptions:
    """The options of one pipeline.

    Args:
      runner: Beam's name of it. Beam's own local default, Prism, would be downloaded, so
        DirectRunner is named.
      pipeline_options: further options as one string, as on a command line.
      num_workers: processes of DirectRunner; 0 for one a core. Other runners have their own option.
      num_parts: units of work, more workers than which would idle.
    """
    arguments = [f"--runner={runner}", *shlex.split(pipeline_options)]
    if runner == DIRECT and not any("direct_" in argument for argument in arguments):
        workers = min(num_workers or os.cpu_count() or 1, num_parts)
        mode = "multi_processing" if workers > 1 else "in_memory"
        arguments += [f"--direct_running_mode={mode}", f"--direct_num_workers={workers}"]
    return PipelineOptions(arguments)


def quieten() -> None:
    """Keeps Beam's housekeeping off the terminal; warnings stay."""
    for name in ("apache_beam", "apache_beam.runners", "apache_beam.options"):
        logging.getLogger(name).setLevel(logging.ERROR)
