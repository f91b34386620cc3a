import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from s2i_tf.evaluation import curves


def panels(**values):
    columns = {
        name: (np.arange(len(column), dtype=float), np.array(column, float))
        for name, column in values.items()
    }
    return ElementTree.fromstring(curves.small_multiples(columns)).findall("figure")


def points(panel):
    text = panel.find("svg/polyline").attrib["points"]
    return np.array([[float(number) for number in pair.split(",")] for pair in text.split()])


def test_every_curve_stays_inside_its_panel(rng):
    drawn = panels(
        noise=rng.normal(size=50),
        exponential=np.exp(-np.arange(40.0)),
        constant=[3.0] * 5,
        single=[7.0],
        tiny=[1e-12, 2e-12],
        negative=[-5.0, -1e6],
    )
    assert len(drawn) == 6
    for panel in drawn:
        found = points(panel)
        assert found[:, 0].min() >= 0 and found[:, 0].max() <= 260
        assert found[:, 1].min() >= 0 and found[:, 1].max() <= 130


def test_a_falling_loss_falls_on_the_page():
    heights = points(panels(loss=[10.0, 5.0, 1.0])[0])[:, 1]
    assert np.all(np.diff(heights) > 0), "the origin of a drawing is its upper corner"


@pytest.mark.parametrize(
    ("column", "kind"), [([100, 10, 1], "logarithmic"), ([3, 2, 1], "linear"), ([9, -1], "linear")]
)
def test_the_axis_is_logarithmic_only_where_it_helps(column, kind):
    assert kind in panels(loss=column)[0].find("svg").attrib["aria-label"]


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios():
    heights = points(panels(loss=[1.0, 10.0, 100.0])[0])[:, 1]
    assert np.diff(heights)[0] == pytest.approx(np.diff(heights)[1], abs=0.2)


def test_values_that_are_not_finite_are_counted_not_drawn():
    panel = panels(loss=[1.0, np.nan, np.inf, 0.5])[0]
    assert len(points(panel)) == 2
    assert panel.find("p").text == "2 values not finite"
    assert panels(loss=[np.nan])[0].find("svg") is None


def test_a_long_curve_is_thinned_and_keeps_its_mean(rng):
    values = rng.normal(size=12_345)
    assert len(points(panels(loss=values)[0])) == 400
    _, thinned = curves._thinned(np.arange(12_345.0), values)
    assert thinned.mean() == pytest.approx(values.mean(), abs=0.01)


def test_numbers_are_short():
    for number in (0.0, 0.30000000000000004, 1234.5, 99_999.0, 1e7, -2.5e-9):
        assert len(curves._short(number)) <= 9
        assert re.fullmatch(r"-?[\d.]+(e[-+]\d+)?k?", curves._short(number))
