import numpy as np
import pytest

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import audio, reasons

CONTAINERS = ("wav", "flac", "ogg", "mp3", "m4a")


@pytest.fixture
def chirp():
    times = np.arange(44_321) / 22_050
    return (128 * np.sin(2 * np.pi * (300 + 400 * times) * times)).astype(np.float32)


@pytest.mark.parametrize("container", CONTAINERS)
def test_what_is_written_is_read_again_at_the_same_place(container, chirp):
    contents = audio.encode_audio(chirp, container)
    again = audio.load_waveform(contents)
    if container in ("wav", "flac"):
        np.testing.assert_allclose(again, chirp, atol=0.5 * 256 / 32768 * 1.01)
        return
    assert 0 <= len(again) - len(chirp) <= 1152
    inner = slice(2_000, 42_000)
    error = again[inner] - chirp[inner]
    assert np.mean(error**2) < 0.03 * np.mean(chirp**2)


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_same_waveform_gives_the_same_bytes(container, chirp):
    assert audio.encode_audio(chirp, container) == audio.encode_audio(chirp, container)


def test_what_cannot_be_written_is_refused(chirp):
    with pytest.raises(UserError, match="known: flac, m4a, mp3, ogg, wav"):
        audio.encode_audio(chirp, "aiff")
    for waveform, reason in ((chirp[:0], reasons.EMPTY), (chirp * np.nan, reasons.NOT_FINITE)):
        with pytest.raises(MediaError) as caught:
            audio.encode_audio(waveform, "wav")
        assert caught.value.reason == reason
