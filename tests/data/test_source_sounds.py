import io

import av
import numpy as np
import pytest

from s2i_tf import spec
from s2i_tf.data import source_sounds
from s2i_tf.data.dataset_info import DatasetInfo
from s2i_tf.data.source_sounds import load
from s2i_tf.errors import UserError
from s2i_tf.media import audio


@pytest.fixture
def source(tmp_path, rng):
    """A folder with a sound of 13 s."""
    wave = rng.uniform(-100, 100, 13 * spec.SAMPLE_RATE_HZ).astype(np.float32)
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / "a.wav").write_bytes(audio.encode_audio(wave, "wav"))
    return tmp_path


def test_an_id_is_a_whole_file_or_a_window_of_it(source):
    whole = load(source, "sounds/a.wav")
    assert len(whole) == 13 * spec.SAMPLE_RATE_HZ
    for name in ("sounds/a.wav#t=2.00", "sounds/a.wav#t=2.00#view=3"):
        start, end = 2 * spec.SAMPLE_RATE_HZ, 12 * spec.SAMPLE_RATE_HZ
        np.testing.assert_allclose(load(source, name), whole[start:end], atol=1e-3)


def test_a_window_is_as_long_as_its_data_set_says(source):
    info = DatasetInfo(
        "name", ("a",), "float16", {}, {}, {}, {}, str(source), settings={"window_seconds": 3.0}
    )
    heard = source_sounds.load_sound(info, "sounds/a.wav#t=2.00")
    assert len(heard) == 3 * spec.SAMPLE_RATE_HZ
    assert len(source_sounds.load_sound(info, "sounds/a.wav#t=11.50")) == 1.5 * spec.SAMPLE_RATE_HZ


def test_the_window_of_a_film_ends_where_its_picture_does(tmp_path):
    (tmp_path / "a.mkv").write_bytes(film(6, 10))
    assert len(load(tmp_path, "a.mkv#t=0.00")) == pytest.approx(6 * spec.SAMPLE_RATE_HZ, abs=2000)
    assert len(load(tmp_path, "a.mkv#t=0.00", 4.0)) == 4 * spec.SAMPLE_RATE_HZ


def film(picture_seconds, sound_seconds):
    """A film with sound to be heard after its last picture."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        pictures = output.add_stream("mjpeg", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuvj420p"
        sound = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        packets = []
        for number in range(10 * picture_seconds):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24")
            frame.pts = number
            packets += pictures.encode(frame)
        packets += pictures.encode(None)
        samples = np.full((1, 8000 * sound_seconds), 900, np.int16)
        frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        packets += sound.encode(frame)
        output.mux(packets + sound.encode(None))
    return file.getvalue()


def test_ids_are_read_as_they_were_written():
    for start_seconds, text in ((2.0, "2.00"), (0.25, "0.25"), (1.2345, "1.2345")):
        item_id = source_sounds.moment_id("a#t=1|b.wav", start_seconds)
        assert item_id == f"a#t=1|b.wav#t={text}"
        assert source_sounds.parse_id(item_id) == ("a#t=1|b.wav", start_seconds)
        view = source_sounds.view_id(item_id, 12)
        assert source_sounds.parse_id(view) == ("a#t=1|b.wav", start_seconds)
    assert source_sounds.parse_id("a#t=1|b.wav") == ("a#t=1|b.wav", None)


def test_data_listed_from_elsewhere_are_found_there(source):
    """A CSV may name files outside of its folder; their ids are such paths."""
    for sound_id in ("../sounds/a.wav", str(source / "sounds/a.wav")):
        assert len(load(source / "sounds", sound_id)) == 13 * spec.SAMPLE_RATE_HZ


def test_a_missing_sound_is_told(source):
    with pytest.raises(UserError, match="none.ogg: no such file"):
        load(source, "sounds/none.ogg")


def test_the_folder_itself_may_be_named_by_its_parent(source):
    roundabout = source / "sounds" / ".."
    assert len(load(roundabout, "sounds/a.wav")) == 13 * spec.SAMPLE_RATE_HZ
