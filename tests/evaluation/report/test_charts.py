import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from s2i_tf.evaluation.report import charts


def panels(**values):
    columns = {
        name: (np.arange(len(column), dtype=float), np.array(column, float))
        for name, column in values.items()
    }
    figure = charts.curves(columns)
    return figure, [axes for axes in figure.axes if axes.axison]


def points(axes):
    return axes.lines[0].get_xydata() if axes.lines else np.zeros((0, 2))


def test_every_number_has_a_panel_and_its_curve_stays_inside(rng):
    figure, drawn = panels(
        noise=rng.normal(size=50),
        exponential=np.exp(-np.arange(40.0)),
        constant=[3.0] * 5,
        single=[7.0],
        tiny=[1e-12, 2e-12],
        negative=[-5.0, -1e6],
    )
    assert [axes.get_title("left").split()[0] for axes in drawn] == [
        *("noise", "exponential", "constant", "single", "tiny", "negative")
    ]
    figure.canvas.draw()
    for axes in drawn:
        low, high = axes.get_ylim()
        assert np.all((points(axes)[:, 1] >= low) & (points(axes)[:, 1] <= high))


@pytest.mark.parametrize(
    ("column", "kind"), [([100, 10, 1], "log"), ([3, 2, 1], "linear"), ([9, -1], "linear")]
)
def test_the_axis_is_logarithmic_only_where_it_helps(column, kind):
    assert panels(loss=column)[1][0].get_yscale() == kind


def test_values_that_are_not_finite_are_counted_not_drawn():
    axes = panels(loss=[1.0, np.nan, np.inf, 0.5])[1][0]
    assert len(points(axes)) == 2 and axes.get_xlabel() == "2 values not finite"
    assert not len(points(panels(loss=[np.nan])[1][0]))


def test_a_long_curve_is_thinned_and_keeps_its_mean(rng):
    values = rng.normal(size=12_345)
    drawn = points(panels(loss=values)[1][0])
    assert len(drawn) == 400
    assert drawn[:, 1].mean() == pytest.approx(values.mean(), abs=0.01)


def test_the_last_value_stands_beside_the_name_whatever_the_name():
    assert panels(**{"$x_1 < 2$": [1.0, 0.30000000000000004]})[1][0].get_title("left") == (
        "$x_1 < 2$  0.3"
    )


def test_files_are_the_same_each_time_and_link_to_nothing_that_is_fetched():
    first, second = (charts.svg(panels(loss=[3.0, 2.0])[0]) for _ in range(2))
    assert first == second
    hrefs = [
        value
        for element in ElementTree.fromstring(first).iter()
        for name, value in element.attrib.items()
        if name.endswith("href")
    ]
    assert all(href.startswith("#") for href in hrefs)
    assert Image.open(io.BytesIO(charts.png(panels(loss=[1.0])[0]))).format == "PNG"
