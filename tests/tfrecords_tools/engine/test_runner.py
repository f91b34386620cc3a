"""Mistakes about runners and their options are found before any work."""

import pytest

pytest.importorskip("apache_beam")

from s2i_tf.errors import UserError
from tfrecords_tools.engine import runner


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("DirectRuner", "", "unknown --runner 'DirectRuner'; known: .*DaskRunner, .*DirectRunner"),
        ("PortableRunner", "", "needs a job server; name it by --pipeline_options=--job_endpoint"),
        ("FlinkRunner", "", "a job server in Java, which is not installed"),
        ("DirectRunner", '"--a', "No closing quotation; close"),
        ("DirectRunner", "--direct_num_workers=x", "invalid int value: 'x'$"),
        ("DirectRunner", "--direct_num_wrokers=2", "no option --direct_num_wrokers; see"),
        ("DirectRunner", "--direct_num_wrokers 2", "no option --direct_num_wrokers; see"),
        ("DirectRunner", "direct_num_workers=2", "'direct_num_workers=2' is no option"),
        ("DirectRunner", "--direct_num_workers=2 2", "'2' is no option"),
        ("DirectRunner", "-direct_num_workers=2", "'-direct_num_workers=2' is no option"),
        ("DirectRunner", "--direct_num_workers=-1", "direct_num_workers is -1; allowed: 0 or more"),
        ("DirectRunner", "--runner=FlinkRunner", "name it by the flag of that name alone"),
        ("apache_beam.runners.nope.Nope", "", "there is no such class"),
        ("apache_beam.runners.Nope", "", "there is no such class"),
    ],
)
def test_a_mistake_is_named(monkeypatch, name, options, message):
    monkeypatch.setattr(runner.shutil, "which", lambda program: None)
    with pytest.raises(UserError, match=message):
        runner.check(name, options)


def test_what_is_right_passes():
    runner.check("DirectRunner", "--direct_num_workers 2 --direct_running_mode=in_memory")
    runner.check("FlinkRunner", "--job_endpoint=localhost:8099 --of_the_job_server=1")


def test_a_runner_that_cannot_run_is_told_in_one_line():
    def build(pipeline):
        raise RuntimeError("no such\nhost")

    with pytest.raises(RuntimeError):
        runner.run(build, runner.options("DirectRunner", "", num_parts=1, seconds=0))
    options = runner.options("BundleBasedDirectRunner", "", num_parts=1, seconds=0)
    with pytest.raises(UserError, match="--runner=BundleBasedDirectRunner: .*no such host; see"):
        runner.run(build, options)
