import numpy as np
import pytest
from PIL import Image, ImageFilter

from s2i_tf import spec
from s2i_tf.data import foley
from s2i_tf.data.foley import measures

NUM_SCENES = 32
STRONG, WEAK = 0.85, 0.75


def rank_correlation(first, second):
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    return np.corrcoef(*ranks)[0, 1]


def blurred(picture):
    """As a model that blurs would draw it, in its size."""
    small = Image.fromarray(picture).resize((spec.IMAGE_SIDE,) * 2, Image.Resampling.BOX)
    return np.asarray(small.filter(ImageFilter.GaussianBlur(1.5)))


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_causes_are_heard_and_seen(class_name):
    scenes = [foley.scene(class_name, index, seed=11) for index in range(NUM_SCENES)]
    pictures = [foley.render(scene, 192) for scene in scenes]
    measured = {
        "heard": [foley.measure_sound(class_name, foley.synthesize(scene)) for scene in scenes],
        "seen": [foley.measure_picture(class_name, picture) for picture in pictures],
        "blurred": [foley.measure_picture(class_name, blurred(picture)) for picture in pictures],
    }
    correlations = {
        cause.name: {
            sense: rank_correlation(
                [scene.causes[cause.name] for scene in scenes], [v[cause.name] for v in values]
            )
            for sense, values in measured.items()
        }
        for cause in foley.CAUSES[class_name]
    }
    weakest = {name: min(senses.values()) for name, senses in correlations.items()}
    assert min(weakest.values()) > WEAK, correlations
    assert max(weakest.values()) > STRONG, correlations


def test_loudness_is_in_decibels():
    full = np.full(30_000, spec.WAVEFORM_SCALE, np.float32)
    assert measures.EARS["loudness"](full / spec.WAVEFORM_SCALE) == pytest.approx(0, abs=1e-6)
    near, far = (foley.measure_sound("horn", full * gain)["force"] for gain in (0.5, 0.05))
    assert near - far == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize("frequency_hz", [40.0, 110.0, 440.0, 1234.0, 3000.0])
def test_pitch_is_that_of_a_tone(frequency_hz):
    t = np.arange(60_000) / spec.SAMPLE_RATE_HZ
    tone = sum(np.sin(2 * np.pi * frequency_hz * k * t) / k for k in (1, 2, 3))
    octaves = measures.EARS["pitch"](tone.astype(np.float32))
    # Lags are whole samples.
    assert octaves == pytest.approx(np.log2(frequency_hz), abs=frequency_hz / 22_050)


@pytest.mark.parametrize("rate_hz", [1.0, 3.0, 8.0])
def test_onsets_are_counted(rng, rate_hz):
    wave = 0.001 * rng.standard_normal(8 * spec.SAMPLE_RATE_HZ).astype(np.float32)
    for time in np.arange(0.05, 8, 1 / rate_hz):
        start = int(time * spec.SAMPLE_RATE_HZ)
        wave[start : start + 200] += rng.standard_normal(200) * 0.3
    assert measures.EARS["onsets"](wave) == pytest.approx(np.log2(rate_hz), abs=0.2)


@pytest.mark.parametrize(("kind", "rate_hz"), [("swell", 0.7), ("swell", 3.0), ("throb", 15.0)])
def test_repetition_is_that_of_a_modulation(rng, kind, rate_hz):
    t = np.arange(8 * spec.SAMPLE_RATE_HZ) / spec.SAMPLE_RATE_HZ
    wave = rng.standard_normal(len(t)) * (1.1 + np.sin(2 * np.pi * rate_hz * t)) * 0.1
    octaves = measures.EARS[kind](wave.astype(np.float32))
    assert octaves == pytest.approx(np.log2(rate_hz), abs=0.15)


def test_area_and_height_are_those_of_a_disc():
    y, x = np.mgrid[:200, :200] / 200
    picture = np.full((200, 200, 3), 40, np.uint8)
    picture[(x - 0.5) ** 2 + (y - 0.3) ** 2 < 0.04] = (250, 220, 60)
    values = foley.measure_picture("bird", picture)
    assert values["flock"] == pytest.approx(np.pi * 0.04, rel=0.05)
    assert values["perch"] == pytest.approx(0.7, abs=0.01)


def test_stripes_are_counted():
    y = np.mgrid[:256, :256][0]
    for num in (3, 6):
        wave = 128 + 80 * np.sin(2 * np.pi * num * y / 256)
        picture = np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)
        assert foley.measure_picture("sea_waves", picture)["rhythm"] == pytest.approx(num, abs=0.5)


@pytest.mark.parametrize("class_name", foley.CLASSES)
def test_nothing_to_measure_is_still_a_number(class_name):
    for wave in (np.zeros(0, np.float32), np.zeros(50_000, np.float32), np.ones(100, np.float32)):
        assert np.isfinite(list(foley.measure_sound(class_name, wave).values())).all()
    for picture in (np.zeros((64, 64, 3), np.uint8), np.full((128, 128, 3), 255, np.uint8)):
        assert np.isfinite(list(foley.measure_picture(class_name, picture).values())).all()
