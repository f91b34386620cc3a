import pytest

from s2i_tf.errors import MediaError
from tests.media.conftest import film
from tfrecords_tools.engine.rows import Source
from tfrecords_tools.stages.probe import OUTSIDE, Probe


def items_of(tmp_path, contents, *, start_seconds=None, **options):
    (tmp_path / "x.mkv").write_bytes(contents)
    stage = Probe(root=str(tmp_path), min_seconds=0.2, max_seconds=3600, **options)
    source = Source(path="x.mkv", kind="video", group="x", start_seconds=start_seconds)
    return stage.probe(source)


def test_windows_lie_where_a_film_has_sound_and_picture(tmp_path):
    contents = film("matroska", "libx264", "aac", sound_starts=(4.0,))
    sound, picture = items_of(tmp_path, contents)
    assert sound.start_seconds == pytest.approx(4.0, abs=0.03)
    assert sound.num_seconds == pytest.approx(4.0, abs=0.1)
    assert picture.start_seconds == pytest.approx(6.0, abs=0.05)


@pytest.mark.parametrize(("asked", "given"), [(5.0, 5.0), (1.0, 4.0)])
def test_a_clip_begins_where_both_tracks_have(tmp_path, asked, given):
    contents = film("matroska", "libx264", "aac", sound_starts=(4.0,))
    sound, picture = items_of(tmp_path, contents, start_seconds=asked, window_seconds=2.0)
    assert sound.start_seconds == pytest.approx(given, abs=0.03)
    assert picture.start_seconds == pytest.approx(given + 1, abs=0.03)


def test_a_film_without_a_duration_is_measured(tmp_path):
    contents = film("matroska", "libx264", "aac", live="1", seconds=12)
    sound, _ = items_of(tmp_path, contents, start_seconds=11.0)
    assert sound.num_seconds == pytest.approx(1.0, abs=0.1)
    with pytest.raises(MediaError, match="13.0 s of 12.0 s") as caught:
        items_of(tmp_path, contents, start_seconds=13.0)
    assert caught.value.reason == OUTSIDE


def test_the_sound_track_is_that_of_the_items(tmp_path):
    contents = film("matroska", "libx264", "aac", seconds=3, sound_starts=(0.0, 1.0))
    sound, picture = items_of(tmp_path, contents, audio_track=2)
    assert sound.audio_track == picture.audio_track == 2
    assert sound.start_seconds == pytest.approx(1.0, abs=0.03)
    with pytest.raises(MediaError, match="no sound track 3"):
        items_of(tmp_path, contents, audio_track=3)
