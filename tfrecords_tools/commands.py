"""`python -m tfrecords_tools.STAGE`: one stage alone, with the flags of `s2i prepare`."""

import sys

from absl import flags

from s2i_tf import logs
from s2i_tf.errors import EXIT_MISTAKE, UserError
from tfrecords_tools import availability, settings


def main(stage: str) -> None:
    """Runs one stage; those before it must be done already. Always ends in `SystemExit`."""
    logs.show("tfrecords_tools")
    settings.define_flags(__name__)
    try:
        flags.FLAGS(sys.argv)
        chosen = settings.from_flags()
        chosen.validate()
        availability.require_beam()
        from tfrecords_tools import prepare

        summary = prepare.prepare(chosen, only=stage)
    except (UserError, flags.Error) as error:
        print(f"tfrecords_tools.{stage}: error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(EXIT_MISTAKE)
    print(summary.last_line() if summary else f"{stage}: done")
    sys.exit(0)
