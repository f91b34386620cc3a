import pytest

from s2i_tf.evaluation.metrics.metric import Metric
from s2i_tf.evaluation.metrics.tabular import Row, Table, plain, share
from s2i_tf.evaluation.report import terminal

ESTIMATE = {"value": 0.5, "low": 0.25, "high": 0.75}


class Shown(Metric):
    """A metric of given tables."""

    def __init__(self, *tables):
        self.given = tables

    def measure(self, predictions):
        return {}

    def tables(self, part, metrics):
        return list(self.given)


def text(*tables, missing=None):
    metrics = {"one": {}, "missing": missing or {}}
    return terminal.as_text(metrics, {"one": Shown(*tables)}).splitlines()


def test_an_interval_stands_beside_the_first_figure_where_there_is_room():
    rows = [Row("a row", [share(ESTIMATE), plain(0.125)])]
    line = text(Table("Title", ["all", "macro"], rows))[1]
    assert line.split() == ["a", "row", "50.0%", "(25.0–75.0)", "12.5%"]


@pytest.mark.parametrize("length", [10, 50, 120])
def test_no_line_is_wider_than_the_terminal(length):
    rows = [Row("x" * length, [share(ESTIMATE)] * 4)]
    lines = text(Table("Title", ["top 1", "top 3", "top 5", "top 10"], rows))
    assert max(map(len, lines)) <= terminal.WIDTH
    assert lines[1].split()[-1] == "50.0%"
    assert ("(25.0–75.0)" in lines[1]) == (length == 10)


def test_only_the_columns_in_brief_are_shown_and_of_none_no_table():
    rows = [Row("a row", [plain(0.1), plain(0.2)], brief="short")]
    lines = text(Table("T", ["one", "two"], rows, brief=("two",)))
    assert lines[0].split() == ["T", "two"] and lines[1].split() == ["short", "20.0%"]
    assert text(Table("T", ["one", "two"], rows, brief=())) == []


def test_names_hold_nothing_that_a_terminal_obeys():
    line = text(Table("T", ["one"], [Row("dog\x1b[31m", [plain(0.1)])]))[1]
    assert line.split() == ["dog\\x1b[31m", "10.0%"]


def test_two_columns_of_one_name_keep_their_figures():
    row = Row("one", [plain(value) for value in (0.1, 0.2, 0.3, 0.4)])
    lines = text(Table("Two", ["here", "macro", "there", "macro"], [row]))
    assert lines[1].split() == ["one", "10.0%", "20.0%", "30.0%", "40.0%"]


def test_what_is_missing_is_said_once_for_each_reason():
    found = text(missing={"class_seen": "no training", "memorization": "no training"})
    assert found == ["not measured: class seen, memorization: no training"]


def test_rows_without_a_figure_are_left_out():
    empty = Row("empty", [plain(None), plain(None)])
    half = Row("half", [plain(None), plain(0.2)])
    lines = text(Table("T", ["one", "two"], [empty, half]), Table("U", ["one", "two"], [empty]))
    assert [line.split() for line in lines] == [["T", "one", "two"], ["half", "–", "20.0%"]]
