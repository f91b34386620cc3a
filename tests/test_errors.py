import importlib
import sys

import pytest

from s2i_tf.errors import EXIT_MISTAKE, UserError, first_line, told_by


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (OSError("\n  one  \ntwo"), "one  "),
        (KeyError("name"), "'name'"),
        (ValueError(), "ValueError"),
        (TypeError(" \n"), "TypeError"),
    ],
)
def test_the_first_line_of_an_error_is_never_empty(error, line):
    assert first_line(error) == line


def test_an_error_is_one_line_that_a_terminal_only_shows(capsys):
    with pytest.raises(SystemExit) as stopped, told_by("s2i verb"):
        raise UserError("a\n\x1b[31mb – ü.wav: no such file")
    assert stopped.value.code == EXIT_MISTAKE
    assert capsys.readouterr().err == "s2i verb: error: a \\x1b[31mb – ü.wav: no such file\n"


@pytest.mark.parametrize(
    ("package", "module", "line"),
    [
        ("tensorflow", "tensorflow", "TensorFlow is not installed, and only sounds of a model"),
        ("keras", "keras.ops", "this needs keras, which is not installed; pip install keras"),
        ("jinja2", "jinja2", "this needs jinja2, which is not installed; pip install jinja2"),
        ("google", "google.protobuf", "this needs protobuf, which is not installed"),
    ],
)
def test_a_package_that_is_missing_is_one_line(package, module, line, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(SystemExit) as stopped, told_by("s2i verb"):
        importlib.import_module(module)
    assert stopped.value.code == EXIT_MISTAKE
    said = capsys.readouterr().err
    assert said.startswith(f"s2i verb: error: {line}") and said.count("\n") == 1


def test_where_tensorflow_is_missing_too_keras_is_not_the_first_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(SystemExit), told_by("s2i verb"):
        raise ModuleNotFoundError("No module named 'keras'", name="keras")
    assert "error: TensorFlow is not installed" in capsys.readouterr().err


def test_a_module_of_ours_that_is_missing_is_a_bug():
    with pytest.raises(ModuleNotFoundError), told_by("s2i verb"):
        importlib.import_module("s2i_tf.nothing")
