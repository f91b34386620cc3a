import dataclasses
import json
import re

import pytest

from benchmarks import results
from s2i_tf.errors import UserError
from s2i_tf.evaluation import evaluate
from s2i_tf.evaluation.report import charts
from s2i_tf.evaluation.stats import NOTHING
from tests.evaluation.conftest import FakeModel, ShadeJudge


@pytest.fixture(scope="module")
def evaluation(tiny_dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "evaluation"
    model = FakeModel(tiny_dataset, reverse=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charts, "png", lambda figure: b"")
        evaluate.evaluate(model, tiny_dataset, judge=ShadeJudge(), out=out)
    return out


@pytest.fixture(scope="module")
def metrics(evaluation):
    return results.load(str(evaluation))


def test_the_page_says_what_the_metrics_say(metrics):
    page = results.render(metrics, None, ["results/good.png"])
    assert "| photo → sound, after, all | 25.3\u202f% | 100.0\u202f% (" in page
    assert "| ≥ 90.0\u202f% | reached |" in page
    assert "Good: the labels meet within the first ten, and the class is seen: 6 of 6" in page
    assert "](results/good.png)" in page
    assert "None" not in page and "nan" not in page


def test_the_other_direction_has_a_table_where_it_was_measured(metrics):
    page = results.render(metrics, None, [])
    assert (
        "| Training sound nearest to the features made of the photo, n = 6 | 100.0\u202f% (" in page
    )
    assert "| 3 of 12 |" in page
    assert "Not measured, label match: no judge of sounds was given." in page
    match = {
        "judge": "loudness",
        "num_pairs": 6,
        "random": {"1": 0.1},
        "rows": [
            {"name": "generated", "title": "sound found", "match": {"1": None}},
            {"name": "shuffled", "title": "another", "match": {"1": {"micro": NOTHING}}},
        ],
    }
    part = metrics["photo_to_sound"] | {"label_match": match, "missing": {}}
    page = results.render(metrics | {"photo_to_sound": part}, None, [])
    assert "loudness names the likeliest" in page and "| Sound found | – |" in page
    assert "Not measured, label match" not in page
    page = results.render(metrics | {"photo_to_sound": None}, None, [])
    assert "## Photo to sound" not in page


def test_a_missed_goal_says_by_how_much(metrics, monkeypatch):
    (found,) = (goal for goal in results.GOALS if goal.title == "photo → sound, after, all")
    goal = dataclasses.replace(found, goal=1.2)
    monkeypatch.setattr(results, "GOALS", (goal,))
    assert "missed by 20.0 points" in results.render(metrics, None, [])


def test_the_worst_class_comes_first(metrics):
    worse = json.loads(json.dumps(metrics))
    row = next(r for r in worse["class_seen"]["rows"] if r["name"] == "generated")
    row["accuracy"]["per_class"]["class1"]["value"] = 0.25
    table = results.render(worse, None, []).split("## By class, the worst first")[1]
    assert re.findall(r"\n\| (class\d)", table)[0] == "class1"


def test_the_papers_recipe_stands_beside(metrics):
    page = results.render(metrics, metrics, [])
    assert "--paper_recipe=OUT2" in page and "The paper's recipe as it was trained here" in page
    assert "--paper_recipe" not in results.render(metrics, None, [])
    assert "| measure | paper | its recipe here | here | goal |" in page


def test_every_table_has_as_many_cells_in_each_row(metrics):
    for recipe in (None, metrics):
        for table in re.findall(r"(?:^\|.*\n)+", results.render(metrics, recipe, []), re.M):
            assert len({row.count("|") for row in table.splitlines()}) == 1


def test_the_page_and_its_pictures_are_written_together(evaluation, tmp_path):
    page = results.write(str(evaluation), str(tmp_path / "results.md"))
    links = re.findall(r"\]\((.+?\.png)\)", page.read_text())
    assert links and all((tmp_path / link).is_file() for link in links)
    first = page.read_text()
    results.write(str(evaluation), str(tmp_path / "results.md"))
    assert page.read_text() == first


def test_metrics_of_another_version_or_data_are_refused(evaluation, metrics, tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        results.load(str(tmp_path))
    path = tmp_path / evaluate.METRICS_FILE
    path.write_text(json.dumps(metrics | {"version": 1}))
    with pytest.raises(UserError, match=f"version 1; allowed: {evaluate.METRICS_VERSION}"):
        results.load(str(tmp_path))
    path.write_text(json.dumps(metrics | {"judge": metrics["judge"] | {"digest": "other"}}))
    with pytest.raises(UserError, match="another judge"):
        results.write(str(evaluation), str(tmp_path / "page.md"), str(tmp_path))
    assert not (tmp_path / "page.md").exists()
