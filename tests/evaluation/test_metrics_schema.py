"""`docs/metrics.md` describes what evaluations write, and nothing else does."""

import copy
import json
import pathlib
import re

import jsonschema
import pytest

from s2i_tf.evaluation import evaluate
from s2i_tf.evaluation.metrics import METRICS
from s2i_tf.evaluation.report import charts
from tests.evaluation.conftest import write_sources

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "metrics.md"


@pytest.fixture(scope="module")
def schema():
    found = json.loads(re.search(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)[1])
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.fixture(scope="module")
def metrics(make_dataset, fake_model, judge, tmp_path_factory):
    folder = tmp_path_factory.mktemp("schema")
    out, data = folder / "out", make_dataset(folder / "data")
    write_sources(data)
    model = fake_model(data, stochastic=True, reverse=True, refitted=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "png", lambda figure: b"")
        evaluate.evaluate(model, data, judge=judge, out=out, num_gallery=3)
    return json.loads((out / evaluate.METRICS_FILE).read_text())


def test_what_an_evaluation_writes_is_as_described(schema, metrics):
    jsonschema.validate(metrics, schema)
    assert schema["properties"]["version"]["const"] == evaluate.METRICS_VERSION
    assert set(metrics) == set(schema["properties"]), "nothing is written that is not described"
    assert set(METRICS) <= set(schema["required"])


@pytest.mark.parametrize("num_classes", [1, 3])
def test_what_could_not_be_measured_is_as_described(
    schema, make_dataset, fake_model, judge, tmp_path, undrawn, num_classes
):
    data = make_dataset(tmp_path / "data", num_classes=num_classes)
    write_sources(data)
    model = fake_model(data, reverse=True, refitted=True)
    model.class_names = ("other", "names", "alone")[:num_classes]
    metrics = evaluate.evaluate(model, data, judge=judge, out=tmp_path / "out", num_gallery=3)
    jsonschema.validate(metrics, schema)
    assert (metrics["unseen_sources"] is None) == (num_classes == 1)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("retrieval", 0, "measures", "top_1", "micro", "value"), 1.5),
        (("retrieval", 0, "split"), "test"),
        (("unseen_sources", "rows", 0, "ordinary"), None),
        (("label_match", "rows", 0, "match", "1", "per_class"), None),
        (("class_seen", "probe"), {}),
        (("photo_to_sound", "missing"), {"label_match": None}),
        (("qualities", "bad"), -1),
        (("data", "splits"), {}),
    ],
)
def test_what_is_not_as_described_is_found(schema, metrics, path, value):
    changed = copy.deepcopy(metrics)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(changed, schema)
