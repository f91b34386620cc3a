import csv

import pytest

from s2i_tf import features
from s2i_tf.features import class_names, yamnet_weights

LABELS = yamnet_weights.label_names()


def named(name):
    return [LABELS[place] for place in class_names.labels_of(name, LABELS)]


def test_every_row_names_labels_that_there_are_and_no_name_stands_twice():
    with open(class_names.MAP_FILE, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for row in rows for name in row["names"].split("|")]
    assert len(names) == len(set(names)) and names == [name.lower() for name in names]
    assert all(set(row["audioset"].split("|")) <= set(LABELS) for row in rows)
    firsts = [row["names"].split("|")[0] for row in rows]
    assert firsts == sorted(firsts)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("church_bells", ["Church bell"]),
        ("Sea-Waves", ["Ocean", "Waves, surf"]),
        ("saxophone", ["Saxophone"]),  # no row: a label of that name
        ("Ukulele", ["Ukulele"]),
        ("surf", ["Waves, surf"]),
        ("class 7", []),
    ],
)
def test_a_class_has_the_labels_of_its_name(name, labels):
    assert named(name) == labels


def test_columns_are_those_of_the_labels_in_the_features():
    columns = features.named_columns("yamnet_bands", ["dog", "elephant", "mandolin"])
    first = features.label_columns("yamnet_bands").start
    assert [LABELS[column - first] for column in columns[2]] == ["Mandolin"]
    assert len(columns[0]) == 7 and columns[1] == []
    assert features.named_columns("soundnet_pool5", ["dog"]) == [[]]
