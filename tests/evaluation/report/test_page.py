import dataclasses
import html.parser
import json
import re

import numpy as np
import pytest

from s2i_tf.config import Config
from s2i_tf.data import dataset_info
from s2i_tf.evaluation import evaluate
from s2i_tf.evaluation.metrics import METRICS
from s2i_tf.evaluation.metrics.metric import Metric
from s2i_tf.evaluation.metrics.tabular import Row, Table, rate
from s2i_tf.evaluation.report import page as report
from s2i_tf.evaluation.report import terminal
from s2i_tf.evaluation.report.gallery import Example
from s2i_tf.media import audio

HOSTILE = "<script>alert('x')</script>\"&"


class Page(html.parser.HTMLParser):
    """Checks that tags close in order; keeps elements, attributes and text."""

    void = {"meta", "img"}

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.void:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def metrics(perfect):
    return perfect[0]


@pytest.fixture
def example(rng):
    picture = rng.integers(0, 255, (128, 128, 3)).astype(np.uint8)
    seconds = np.sin(np.arange(22_050) / 10).astype(np.float32) * 100
    return Example(
        class_name=HOSTILE,
        sound_id=f"sounds/{HOSTILE}.wav",
        sound=audio.encode_audio(seconds, "mp3"),
        pictures={"real photo": picture, HOSTILE: picture, "photo rebuilt": picture},
        labels={"real photo": [HOSTILE, "crane"]},
        match=3,
        shared=["tabby", HOSTILE],
    )


def test_the_page_is_well_formed_and_loads_nothing(metrics, example):
    page = Page(report.render(metrics, [example], {}))
    assert {"script", "link", "iframe", "object", "base"}.isdisjoint(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        if name in ("src", "href", "data", "poster", "srcset"):
            assert value.startswith(("data:image/", "data:audio/", "#")), value[:40]
    assert "http://" not in str(page.texts) and "url(" not in str(page.texts)
    policy = next(v for tag, _, v in page.attributes if tag == "meta" and "default-src" in v)
    assert "default-src 'none'" in policy


def test_no_text_links_outwards(metrics, example):
    assert not re.search(r"https?://", report.render(metrics, [example], {}))


def test_hostile_names_are_shown_as_they_are(
    make_dataset, fake_model, judge, tmp_path, monkeypatch
):
    folder = make_dataset(tmp_path / "data")
    info = dataset_info.load(folder)
    hostile = dataclasses.replace(
        info, name=HOSTILE, class_names=(HOSTILE, "</style>", "$^$"), settings={HOSTILE: HOSTILE}
    )
    hostile.save(folder)
    run = tmp_path / "run"
    (run / "multimodal").mkdir(parents=True)
    Config(data=HOSTILE).save(run)
    (run / "multimodal" / "metrics.jsonl").write_text('{"step": 1, "<script>": 2}\n')
    evaluate.evaluate(
        fake_model(folder),
        folder,
        judge=judge,
        out=tmp_path / "out",
        run=run,
        command=f"s2i evaluate --data={HOSTILE}",
    )
    text = (tmp_path / "out" / "report.html").read_text()
    page = Page(text)
    assert "script" not in page.tags
    assert "<script" not in text
    assert HOSTILE in page.texts and "</style>" in page.texts
    assert ("img", "alt", "Over the steps: <script>") in page.attributes


def test_an_example_says_what_the_judge_sees_in_both(metrics, example):
    texts = Page(report.render(metrics, [example], {})).texts
    assert "match at top 3" in texts and f" tabby, {HOSTILE}" in texts
    unlike = dataclasses.replace(example, match=0, shared=[])
    assert "no match at top 10" in Page(report.render(metrics, [unlike], {})).texts


def test_a_missing_sound_is_said_and_the_rest_shown(metrics, example):
    silent = dataclasses.replace(example, sound=None)
    page = Page(report.render(metrics, [example, silent], {}))
    assert page.tags.count("audio") == 1
    assert "The sound is not at hand." in page.texts
    assert any(text.startswith("1 of these 2 sounds cannot be played") for text in page.texts)


def test_the_page_stays_small_whatever_the_gallery(metrics, example, monkeypatch):
    monkeypatch.setattr(report, "MAX_MEDIA_BYTES", 200_000)
    text = report.render(metrics, [example] * 20, {})
    assert len(text) < 300_000
    assert "items left out to keep the page small" in text
    Page(text)


def test_figures_of_the_page_are_those_of_the_metrics(metrics, example):
    texts = Page(report.render(metrics, [example], {})).texts
    assert "100.0\u202f%" in texts
    assert "25.3\u202f%" in texts, "the paper's figure"
    assert "9.6\u202f%" not in texts, "64 labels have another chance than 1000"


def test_a_run_shows_its_losses_and_samples(metrics, example, tmp_path, rng):
    from PIL import Image

    stage = tmp_path / "run" / "image_gan"
    (stage / "samples").mkdir(parents=True)
    (stage / "metrics.jsonl").write_text('{"step": 1, "l1": 2.0}\n{"step": 2, "l1": 1.0}\n')
    noise = rng.integers(0, 255, (300, 1500, 3)).astype(np.uint8)
    Image.fromarray(noise).save(stage / "samples" / "step_000002.png")
    (stage / "samples" / "step_000003.png").write_bytes(b"cut off")
    page = Page(report.render(metrics, [example], {}, tmp_path / "run"))
    assert "Image GAN (section 5.2)" in page.texts
    assert ("img", "alt", "Over the steps: l1") in page.attributes
    assert "step 000002" in page.texts and "step 000003" not in page.texts


def test_without_a_run_the_page_says_so(metrics, example):
    texts = Page(report.render(metrics, [example], {})).texts
    assert "No record of the training lies beside this model." in texts


class Warmth(Metric):
    """How red the pictures are: all that a metric takes."""

    heading = "Are the pictures warm?"
    short = "Warmth"

    def measure(self, predictions):
        red = predictions.generated.pictures[..., 0].mean(axis=(1, 2)) / 255
        return {"red": predictions.rates({"": red}, predictions.sounds)[""]}

    def tables(self, part, metrics):
        return [Table("Warmth", ["red"], [Row("picture of the sound", rate(part["red"])[:1])])]


def test_a_metric_is_one_class_and_one_line(
    fake_model, tiny_dataset, judge, tmp_path, monkeypatch, undrawn
):
    monkeypatch.setitem(METRICS, "warmth", Warmth())
    found = evaluate.evaluate(fake_model(), tiny_dataset, judge=judge, out=tmp_path / "out")
    written = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert written == found
    value = found["warmth"]["red"]["micro"]["value"]
    assert value == pytest.approx(85 / 255, abs=1e-4), "shades of 0, 85 and 170"
    page = Page((tmp_path / "out" / "report.html").read_text())
    assert "Are the pictures warm?" in page.texts and "33.3\u202f%" in page.texts
    assert ("a", "href", "#warmth") in page.attributes
    lines = terminal.as_text(found, METRICS).splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith("Warmth"))
    assert lines[start + 1].startswith("  picture of the sound") and "33.3%" in lines[start + 1]


def test_a_metric_that_cannot_be_measured_says_why(perfect):
    found, out = perfect
    reason = found["missing"]["photo_to_sound"]
    assert f"Not measured: {reason}." in (out / "report.html").read_text()
    assert reason in " ".join(terminal.as_text(found, METRICS).split())
