import av
import numpy as np
import pytest

from s2i_tf.errors import MediaError
from s2i_tf.media import audio, reasons, video

RATE = 10


def write_video(path, *, num_frames=20, with_sound=True, codec="libx264"):
    """Grey frames that grow lighter, and a tone."""
    with av.open(str(path), "w") as output:
        pictures = output.add_stream(codec, rate=RATE)
        pictures.width = pictures.height = 64
        pictures.pix_fmt = "yuv420p"
        sound = output.add_stream("aac", rate=44_100, layout="mono") if with_sound else None
        for number in range(num_frames):
            shade = np.full((64, 64, 3), 10 * number, np.uint8)
            output.mux(pictures.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        output.mux(pictures.encode(None))
        if sound:
            times = np.arange(44_100 * num_frames // RATE) / 44_100
            samples = (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)
            for start in range(0, len(samples) - 1023, 1024):
                part = samples[None, start : start + 1024]
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 44_100, start
                output.mux(sound.encode(frame))
            output.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "mov"])
def test_pictures_and_sound_of_a_video_are_read(ending, tmp_path):
    path = write_video(tmp_path / f"a video.{ending}")
    info = video.probe(path)
    assert info.has_sound and info.has_picture and (info.width, info.height) == (64, 64)
    assert info.duration_seconds == pytest.approx(2.0, abs=0.3)
    frame = video.frame_at(path, 1.0)
    assert frame.shape == (64, 64, 3) and abs(frame.mean() - 100) < 12
    assert abs(len(audio.load_waveform(path)) - 44_100) < 4000


def test_behind_the_end_the_last_picture_is_shown(tmp_path):
    path = write_video(tmp_path / "x.mp4")
    assert abs(video.frame_at(path, 99.0).mean() - 190) < 12


def test_a_video_without_sound_and_a_sound_without_pictures_say_so(tmp_path):
    silent = write_video(tmp_path / "x.mp4", with_sound=False)
    assert not video.probe(silent).has_sound
    with pytest.raises(MediaError, match="no sound track"):
        audio.load_waveform(silent)
    song = tmp_path / "x.flac"
    song.write_bytes(audio.encode_audio(np.ones(22_050, np.float32), "flac"))
    assert not video.probe(song).has_picture
    with pytest.raises(MediaError) as caught:
        video.frame_at(song, 0.0)
    assert caught.value.reason == reasons.NO_PICTURE


def test_a_text_is_no_video(tmp_path):
    path = tmp_path / "x.mp4"
    path.write_text("not a video at all " * 100)
    with pytest.raises(MediaError) as caught:
        video.probe(path)
    assert caught.value.reason == reasons.NOT_MEDIA
