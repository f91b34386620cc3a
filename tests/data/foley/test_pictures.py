import numpy as np
import pytest
from PIL import Image

from s2i_tf.data import foley
from s2i_tf.data.foley import canvas as canvas_module
from s2i_tf.data.foley.canvas import Canvas, Pen, box, ellipse
from s2i_tf.data.foley.pictures import PAINTERS

WHITE = (1.0, 1.0, 1.0)


@pytest.fixture
def canvas():
    return Canvas(100, np.random.default_rng(0))


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_pictures_are_pictures(class_name):
    for index in range(3):
        picture = foley.render(foley.scene(class_name, index), 96)
        assert picture.shape == (96, 96, 3)
        assert picture.dtype == np.uint8
        # Neither flat, nor clipped over most of it.
        assert picture.std() > 15
        assert np.mean((picture == 0) | (picture == 255)) < 0.4


def test_default_side():
    assert foley.render(foley.scene("bird", 0)).shape == (256, 256, 3)


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_size_changes_the_resolution_alone(class_name):
    scene = foley.scene(class_name, 2)
    small, large = foley.render(scene, 64), foley.render(scene, 256)
    shrunk = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BOX), float)
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.95


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_scenes_of_a_class_vary_beyond_their_causes(class_name):
    causes = dict.fromkeys((c.name for c in foley.CAUSES[class_name]), 0.5)
    pictures = np.stack(
        [foley.render(foley.Scene(class_name, index, 0, causes), 32) for index in range(6)]
    )
    assert pictures.std(axis=0).mean() > 8


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_causes_do_not_shift_the_other_draws(class_name):
    states = []
    for value in (0.0, 0.35, 1.0):
        rng = np.random.default_rng(1)
        causes = dict.fromkeys((c.name for c in foley.CAUSES[class_name]), value)
        PAINTERS[class_name](Canvas(32, rng), causes, rng)
        states.append(rng.bit_generator.state)
    assert states[0] == states[1] == states[2]


def test_fill_covers_its_area(canvas):
    Pen(canvas).fill(box(0.205, 0.3, 0.6, 0.5), WHITE)
    assert canvas.pixels[0].mean() == pytest.approx(0.395 * 0.2, rel=0.03)
    assert canvas.pixels[0, 40, 30] == 1
    assert 0 < canvas.pixels[0, 40, 20] < 1  # the edge runs through this pixel


def test_fill_shades_away_from_the_light(canvas):
    Pen(canvas).fill(box(0, 0, 1, 1), WHITE, (0.0, 0.0, 0.0))
    red = canvas.pixels[0]
    assert red[5, 5] > 0.9
    assert red[95, 95] < 0.1
    assert np.all(np.diff(red.diagonal()) <= 0)


def test_pen_places_turns_and_mirrors(canvas):
    point = np.array([(1.0, 0.0)])
    np.testing.assert_allclose(Pen(canvas, 0.2, 0.3, 0.5).place(point), [(0.7, 0.3)])
    np.testing.assert_allclose(Pen(canvas, 0.2, 0.3, 0.5, 0.25).place(point), [(0.2, 0.8)])
    np.testing.assert_allclose(
        Pen(canvas, 0.2, 0.3, 0.5, mirrored=True).place(point), [(-0.3, 0.3)]
    )


def test_what_lies_off_the_picture_is_left_out(canvas):
    pen = Pen(canvas)
    pen.fill(ellipse(2, 2, 0.3, 0.3), WHITE)
    pen.stroke(np.array([(-1.0, -1.0), (-0.5, -1.0)]), 0.1, WHITE)
    assert not canvas.pixels.any()
    pen.fill(ellipse(0, 0, 0.2, 0.2), WHITE)
    assert canvas.pixels[0].mean() == pytest.approx(np.pi * 0.2**2 / 4, rel=0.05)


def test_marks_have_their_own_opacity(canvas):
    starts = np.array([(0.2, 0.25), (0.2, 0.75)])
    Pen(canvas).marks(starts, starts + (0.5, 0), 0.1, WHITE, np.array([1.0, 0.5]))
    assert canvas.pixels[0, 25, 45] == pytest.approx(1, abs=0.01)
    assert canvas.pixels[0, 75, 45] == pytest.approx(0.5, abs=0.01)


def test_curve_runs_through_its_points():
    points = [(0.0, 0.0), (0.3, 0.5), (0.8, 0.1)]
    line = canvas_module.curve(*points)
    for point in points:
        assert np.min(np.sum((line - point) ** 2, axis=1)) < 1e-12
    closed = canvas_module.curve(*points, closed=True)
    np.testing.assert_allclose(closed[0], closed[-1])


def test_noise_is_standardised(rng):
    noise = canvas_module.fractal_noise(rng, (80, 60), (4, 3))
    assert noise.shape == (80, 60)
    assert abs(noise.mean()) < 1e-3
    assert noise.std() == pytest.approx(1, abs=1e-3)
