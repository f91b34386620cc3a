"""`python -m tfrecords_tools STAGE`: one stage alone, with the flags of `s2i prepare`.

STAGE is probe, label, pair, refine, balance, split, extract or write.
"""

import sys

from absl import flags

from s2i_tf import logs, terminal
from s2i_tf.errors import told_by, unknown_name
from tfrecords_tools import settings
from tfrecords_tools.engine import availability

_PROGRAM = "tfrecords_tools"
STAGES = ("probe", "label", "pair", "refine", "balance", "split", "extract", "write")


def main() -> None:
    """Runs one stage; those before it must be done already."""
    logs.show("tfrecords_tools")
    settings.define_flags(_PROGRAM)
    if terminal.helped(sys.argv[1:], __doc__, _PROGRAM):
        return
    with told_by(_PROGRAM, flags.Error):
        _, *arguments = flags.FLAGS(sys.argv)
        stage = arguments[0] if len(arguments) == 1 else ""
        if stage not in STAGES:
            raise unknown_name("stage", stage, STAGES)
        chosen = settings.from_flags()
        chosen.validate()
        availability.require_beam()
        from tfrecords_tools import job

        summary = job.prepare(chosen, only=stage)
    print(summary.last_line() if summary else f"{stage}: done")


if __name__ == "__main__":
    with terminal.any_output():
        main()
