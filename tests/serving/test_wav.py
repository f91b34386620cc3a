import struct

import numpy as np
import pytest
import tensorflow as tf

from s2i_tf import spec
from s2i_tf.media import audio
from s2i_tf.serving import examples, wav

RATE_HZ = 22_050


@pytest.fixture(scope="module")
def window():
    return tf.function(
        lambda contents: wav.feature_window(contents, spec.FEATURE_SAMPLES),
        [tf.TensorSpec([], tf.string)],
        autograph=False,
    )


def stereo(num_seconds, rate_hz):
    sounds = examples.sounds(num_seconds * rate_hz / RATE_HZ, seed=3)
    return examples.wav_file(sounds.T, rate_hz)


@pytest.mark.parametrize(
    ("rate_hz", "num_seconds"),
    [(8_000, 23.7), (22_050, 0.5), (22_050, 23.7), (37_123, 6.5), (48_000, 23.7), (192_000, 6.5)],
)
def test_a_file_gives_the_training_path_s_window(window, rate_hz, num_seconds):
    contents = stereo(num_seconds, rate_hz)
    expected = audio.feature_window(audio.load_waveform(contents))
    np.testing.assert_allclose(window(contents), expected, atol=0.02)


@pytest.mark.parametrize("rest", [0.0, 0.01, 0.5])
def test_channels_that_cancel_are_not_silence(window, rest):
    sound = examples.sounds(23.7, seed=3)[0]
    contents = examples.wav_file(np.stack([sound, (rest - 1) * sound], axis=1))
    expected = audio.feature_window(audio.load_waveform(contents))
    assert np.abs(expected).max() > 10
    np.testing.assert_allclose(window(contents), expected, atol=0.02)


@pytest.mark.parametrize("num_samples", [1, 7, 132_299, 132_300, 132_301, 300_001])
def test_waveforms_are_windowed_as_in_training(rng, num_samples):
    waveforms = rng.normal(size=(2, num_samples)).astype(np.float32)
    expected = [audio.feature_window(waveform) for waveform in waveforms]
    np.testing.assert_array_equal(
        wav.window(tf.constant(waveforms), spec.FEATURE_SAMPLES), expected
    )


def test_samples_equal_those_of_the_core_decoder(window):
    contents = examples.wav_file(examples.sounds(6, 1)[0])
    expected, _ = tf.audio.decode_wav(contents)
    np.testing.assert_array_equal(window(contents), expected[:, 0] * 256)


def chunks(*parts):
    body = b"".join(name + struct.pack("<I", len(data)) + data for name, data in parts)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def pcm_format(*, kind=1, channels=1, rate_hz=RATE_HZ, frame_bytes=2, bits=16, more=b""):
    rate_bytes = rate_hz * frame_bytes % 2**32
    return struct.pack("<HHIIHH", kind, channels, rate_hz, rate_bytes, frame_bytes, bits) + more


SOUND = (2000 * np.sin(np.arange(5_000))).astype("<i2").tobytes()


def test_other_chunks_and_the_extensible_format_are_read(window):
    plain = chunks((b"fmt ", pcm_format()), (b"data", SOUND))
    kind = struct.pack("<HHIHHIIHH", 22, 16, 4, 1, 0, 0, 0, 0, 0)
    extensible = pcm_format(kind=0xFFFE, more=kind)
    adorned = chunks(
        (b"JUNK", b"\0" * 28), (b"bext", b"x" * 10), (b"fmt ", extensible), (b"data", SOUND)
    )
    np.testing.assert_array_equal(window(adorned), window(plain))


HOSTILE = {
    "empty": (b"", "begins with"),
    "text": (b"this is no sound " * 20, "begins with"),
    "binary": (bytes(range(256)), "begins with"),
    "mp3": (b"ID3\x04\x00" + b"\xff\xfb\x90" * 99, "begins with"),
    "cut in the header": (
        chunks((b"fmt ", pcm_format()), (b"data", SOUND))[:30],
        "without the chunk",
    ),
    "no data": (chunks((b"fmt ", pcm_format())), r"without the chunk\] \[data"),
    "no format": (chunks((b"data", SOUND)), r"without the chunk\] \[fmt"),
    "many chunks": (
        chunks((b"fmt ", pcm_format()), *[(b"LIST", b"")] * 5_000, (b"data", SOUND)),
        "without the chunk",
    ),
    "short format": (chunks((b"fmt ", b"\1\0"), (b"data", SOUND)), "bytes of the format chunk"),
    "float samples": (
        chunks((b"fmt ", pcm_format(kind=3, frame_bytes=4, bits=32)), (b"data", SOUND)),
        "kind of samples",
    ),
    "8 bits": (chunks((b"fmt ", pcm_format(bits=8, frame_bytes=1)), (b"data", SOUND)), "bits"),
    "no channels": (chunks((b"fmt ", pcm_format(channels=0)), (b"data", SOUND)), "channels"),
    "65535 channels": (
        chunks((b"fmt ", pcm_format(channels=65_535, frame_bytes=65_534)), (b"data", SOUND)),
        "channels",
    ),
    "lying frame": (chunks((b"fmt ", pcm_format(frame_bytes=0)), (b"data", SOUND)), "of a frame"),
    "rate 0": (chunks((b"fmt ", pcm_format(rate_hz=0)), (b"data", SOUND)), "as Hz"),
    "rate of 4 GHz": (chunks((b"fmt ", pcm_format(rate_hz=2**32 - 1)), (b"data", SOUND)), "as Hz"),
    "no samples": (chunks((b"fmt ", pcm_format()), (b"data", b"")), "frames"),
    "half a sample": (chunks((b"fmt ", pcm_format()), (b"data", b"\0")), "frames"),
    "cut short": (
        chunks((b"fmt ", pcm_format()), (b"data", SOUND))[:-100],
        r"more than .* \[100\]",
    ),
    "endless": (
        chunks((b"fmt ", pcm_format()), (b"data", b""))[:-4] + b"\xff\xff\xff\xff" + SOUND,
        "frames|more than",
    ),
    "too long": (
        chunks((b"fmt ", pcm_format(rate_hz=1000)), (b"data", bytes(2 * 600_001))),
        "frames",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_bad_file_is_an_invalid_argument_that_says_what_is_allowed(window, name):
    contents, message = HOSTILE[name]
    with pytest.raises(tf.errors.InvalidArgumentError, match=message) as caught:
        window(contents)
    assert "audio_bytes must be WAV files (RIFF, 16-bit PCM), 1000 to 192000 Hz" in str(
        caught.value
    )


def test_the_longest_file_allowed_is_read(window):
    contents = chunks((b"fmt ", pcm_format(rate_hz=1000)), (b"data", SOUND * 120))
    assert len(window(contents)) == 132_300
