"""`s2i prepare` from outside: exit codes, single lines, nothing half-written."""

import itertools
import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("apache_beam")


def s2i(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "s2i_tf.cli.main", "prepare", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


def only_line(finished: subprocess.CompletedProcess) -> str:
    (line,) = finished.stderr.splitlines()
    assert not finished.stdout
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out=x"], "--data is missing"),
        (["--data=/nowhere/at/all", "--out={out}"], "--data=/nowhere/at/all: no such folder"),
        (["--data={tmp}", "--out={tmp}/file"], "is a file"),
        (["--data=foley", "--out={tmp}"], "holds other files"),
        (["--data=foley", "--out={out}", "--train_share=2"], "--train_share=2.0; allowed"),
        (["--data=foley", "--out={out}", "--refine=maybe"], "known: auto, off, on"),
        (["--data=foley", "--out={out}", "--speed=9"], "speed"),
        (["--data=foley", "--out={out}", "extra"], "no arguments, got 'extra'"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(tmp_path, arguments, message):
    (tmp_path / "file").touch()
    out = tmp_path / "out"
    finished = s2i(*(argument.format(tmp=tmp_path, out=out) for argument in arguments))
    assert finished.returncode == 2
    line = only_line(finished)
    assert line.startswith("s2i prepare: error: ") and message in line
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_without_beam_it_says_what_to_install(tmp_path):
    (tmp_path / "apache_beam.py").write_text("raise ImportError('no', name='apache_beam')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from s2i_tf.cli import main\n"
        f"main.main(['s2i', 'prepare', '--data=foley', '--out={tmp_path}/out'])"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 2
    assert "pip install 's2i_tf[prepare]'" in only_line(finished)
    assert not (tmp_path / "out").exists()


def test_dry_run_writes_nothing(tmp_path):
    finished = s2i("--data=foley", f"--out={tmp_path / 'out'}", "--dry_run", "--num_per_class=3")
    assert finished.returncode == 0, finished.stderr
    assert "renders 3 pairs each of 10 classes" in finished.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_foley_from_nothing_to_shards_and_a_broken_file_shows_in_the_exit_status(
    tmp_path, foley_prepared, call_verb
):
    out, finished = foley_prepared
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1].startswith(
        f"prepared {out}: 60 train and 10 eval pairs"
    )

    data = tmp_path / "data"
    for kind, name in itertools.product(("sounds", "images"), ("rain", "bird")):
        shutil.copytree(out / "media" / kind / name, data / kind / name)
    (data / "sounds" / "rain" / "broken.wav").write_text("broken")
    again = [f"--data={data}", f"--out={tmp_path / 'again'}", "--weights=random:0"]
    finished = s2i(*again)
    assert finished.returncode == 3, finished.stderr
    assert "1 files could not be used" in finished.stdout.splitlines()[-1]
    call_verb("prepare", *again, "--max_quarantined=1")  # which does not exit
    assert (tmp_path / "again" / "quarantine.jsonl").read_text().count("\n") == 1
