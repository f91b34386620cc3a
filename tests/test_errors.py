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
