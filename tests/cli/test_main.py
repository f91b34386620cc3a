"""`s2i`: help at once, mistakes in one line, and the commands of the demo."""

import os
import signal
import subprocess
import sys

import pytest

from s2i_tf import files, terminal
from s2i_tf.cli import demo, main
from s2i_tf.errors import EXIT_MISTAKE, EXIT_STOPPED, UserError


def s2i(*argv, cwd):
    code = (
        "import sys; from s2i_tf.cli import main\n"
        "try: main.main(['s2i', *sys.argv[1:]])\n"
        "finally: print('tensorflow' in sys.modules)"
    )
    command = [sys.executable, "-c", code, *argv]
    env = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)


@pytest.mark.parametrize("verb", main.VERBS)
def test_every_verb_explains_itself_without_tensorflow(verb, tmp_path):
    shown = s2i(verb, "--help", cwd=tmp_path)
    assert shown.returncode == 0 and shown.stderr == ""
    assert f"s2i {verb}" in shown.stdout
    assert ("flags:" in shown.stdout) == (verb != "weights")  # which has none
    assert shown.stdout.endswith("False\n")


def test_the_overview_names_every_verb(tmp_path):
    for argv in ([], ["--help"], ["help"]):
        shown = s2i(*argv, cwd=tmp_path)
        assert shown.returncode == 0 and all(f"  {verb}" in shown.stdout for verb in main.VERBS)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_help_is_readable_in_any_encoding(encoding, tmp_path):
    command = [sys.executable, "-m", "s2i_tf.cli.main", "generate", "--help"]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    shown = subprocess.run(command, capture_output=True, cwd=tmp_path, env=env)
    assert shown.returncode == 0 and shown.stderr == b""
    dots = "…" if encoding == "utf-8" else "..."
    assert f"s2i generate SOUND{dots} --out=DIR" in shown.stdout.decode(encoding)


def test_a_closed_pipe_ends_it_without_a_word(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "s2i_tf.cli.main", "--help"]
    finished = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, cwd=tmp_path)
    os.close(writing)
    assert finished.returncode == terminal.EXIT_CLOSED_PIPE and finished.stderr == b""


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["paint"], "s2i: error: unknown verb 'paint'; known: demo, weights,"),
        (["generate", "--speed=3"], "s2i generate: error: Unknown command line flag 'speed'"),
        (["generate", "--seed=two"], "s2i generate: error: flag --seed=two"),
        (["train"], "s2i train: error: --config is missing; give a packaged configuration's name"),
        (["train", "--config=none.py"], "none.py: there is no such configuration file"),
        (["train", "--config={config}", "--config.image_gan.generator.filter=3"], "filter"),
        (["train", "--config={config}", "--config.image_gan.generator.filters=x"], "filters"),
        (["train", "--config={config}", "--workdir=w"], "config.data is empty"),
        (["train", "--config={config}", "--workdir=w", "--config.data=d"], "no prepared data set"),
        (["train", "--config={config}"], "--workdir=FOLDER is missing"),
        (["demo", "--config=none.py"], "none.py: there is no such configuration file"),
        (["demo", "now"], "demo takes no arguments, got 'now'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(argv, message, tmp_path):
    argv = [argument.format(config=demo.CONFIG) for argument in argv]
    finished = s2i(*argv, cwd=tmp_path)
    assert finished.returncode == EXIT_MISTAKE
    assert finished.stderr.count("\n") == 1 and message in finished.stderr
    assert not list(tmp_path.iterdir())


def test_the_demo_runs_every_verb_and_prints_what_it_runs(call_verb, tmp_path, monkeypatch, capsys):
    ran = []

    def run(command):
        ran.append(command[3:])
        return 0

    monkeypatch.setattr(demo, "_run", run)
    monkeypatch.setattr(demo, "_eval_sounds", lambda data: ["a b.flac"])
    call_verb("demo", f"--out={tmp_path}")
    verbs = [command[0] for command in ran]
    # The model that the package carries draws before another is trained.
    assert verbs[:3] == ["weights", "prepare", "generate"]
    # What scores pictures of other models has none to score here, and films take their time.
    others = ("demo", "score", "film", "app")
    assert verbs[:2] + verbs[3:] == [verb for verb in main.VERBS if verb not in others]
    printed = capsys.readouterr().out
    assert f"$ s2i prepare {' '.join(demo._DATA)} --out={tmp_path / 'data'}\n" in printed
    assert "$ s2i generate 'a b.flac' " in printed
    assert printed.rstrip().endswith("report.html")


def test_the_demo_stops_at_the_first_failure(call_verb, tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_run", lambda command: 2)
    with pytest.raises(UserError, match="s2i weights ended with exit code 2"):
        call_verb("demo", f"--out={tmp_path}")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, EXIT_STOPPED), (signal.SIGINT, main.EXIT_INTERRUPTED)],
)
def test_a_demo_that_is_stopped_leaves_nothing_running(number, code, tmp_path, monkeypatch):
    told = []

    class Child:
        def __init__(self, command):
            pass

        def wait(self):
            told.append("wait")
            if "terminate" not in told:
                signal.raise_signal(number)
            return -signal.SIGTERM

        def terminate(self):
            told.append("terminate")

    monkeypatch.setattr(demo.subprocess, "Popen", Child)
    monkeypatch.setattr(main, "run_verb", lambda verb, argv: demo._s2i("train"))
    before = signal.getsignal(signal.SIGTERM)
    # What runs in a shell's background ignores Ctrl-C.
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main._main(["s2i", "demo"]) == code
    finally:
        signal.signal(signal.SIGINT, ignored)
    assert told == ["wait", "terminate", "wait"] and signal.getsignal(signal.SIGTERM) is before


def test_a_verb_that_is_stopped_leaves_nothing_half_written(tmp_path, monkeypatch):
    def work(verb, argv):
        with files.new_file(tmp_path / "film.mp4") as film:
            film.touch()
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(main, "run_verb", work)
    assert main._main(["s2i", "film"]) == EXIT_STOPPED and not list(tmp_path.iterdir())


def test_a_full_output_is_told_in_one_line(tmp_path):
    command = [sys.executable, "-m", "s2i_tf.cli.main", "--version"]
    with open("/dev/full", "w") as full:
        finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.decode() == "error: standard output: No space left on device\n"


def test_a_file_that_cannot_be_written_is_one_line_of_the_tools(tiny_dataset, tmp_path):
    (tmp_path / "file").write_text("")
    flags = [f"--data={tiny_dataset}", f"--out={tmp_path}/file/h"]
    command = [sys.executable, "-m", "tfrecords_tools.holdout", *flags]
    finished = subprocess.run(command, capture_output=True, text=True)
    last = finished.stderr.splitlines()[-1]
    assert finished.returncode == 2 and last.startswith("tfrecords_tools.holdout: error: ")
