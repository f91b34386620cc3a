import pytest

from s2i_tf.errors import first_line


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
