"""Prepare a data set: sounds, photos or videos to features in shards.

s2i prepare --data=DATA --out=FOLDER

DATA is a folder by class (sounds/CLASS, images/CLASS, with or without index.csv), a folder of
videos, a CSV of clips (path,start_seconds,label), or `foley` for the embedded data set. A run
that was interrupted goes on where it stopped.

Exit status: 0 done; 2 a mistake in the flags or the data; 3 done, but more files than
--max_quarantined could not be used (FOLDER/quarantine.jsonl has each with its reason).
"""

from absl import flags

from tfrecords_tools import outputs, settings
from tfrecords_tools.engine import availability
from tfrecords_tools.stages import sources

EXIT_QUARANTINED = 3


def define_flags() -> None:
    """Defines a flag for each setting, and --dry_run."""
    settings.define_flags(__name__)
    flags.DEFINE_bool("dry_run", False, "List the data and say what would be done.")


def run() -> None:
    """Prepares, or says what it would do."""
    chosen = settings.from_flags()
    chosen.validate()
    availability.require_beam()
    outputs.check(chosen.out, chosen.data)
    if chosen.data != settings.FOLEY:
        sources.check(chosen.data)
    from tfrecords_tools import job, planning

    if flags.FLAGS.dry_run:
        print(planning.plan(chosen))
        return
    summary = job.prepare(chosen)
    print(summary.last_line())
    if summary.num_quarantined > chosen.max_quarantined:
        raise SystemExit(EXIT_QUARANTINED)
