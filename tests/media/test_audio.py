import io
import wave

import numpy as np
import pytest

from s2i_tf.errors import MediaError, UserError
from s2i_tf.media import _tfio, audio, reasons

CONTAINERS = ("wav", "flac", "ogg", "mp3", "m4a")
# By how much two decoders may differ, on the scale of ±256.
TOLERANCE = {"wav": 0.0, "flac": 0.0, "ogg": 1e-3, "mp3": 1e-3, "m4a": 0.0}


def tone(seconds=2.0, amplitude=128.0):
    times = np.arange(int(seconds * 22_050)) / 22_050
    return (amplitude * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


def wav_bytes(samples, rate_hz=22_050, num_channels=1, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as output:
        output.setnchannels(num_channels)
        output.setsampwidth(width)
        output.setframerate(rate_hz)
        output.writeframes(samples.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_is_written_and_read(container):
    contents = audio.encode_audio(tone(), container)
    waveform = audio.load_waveform(contents)
    assert waveform.dtype == np.float32
    assert abs(len(waveform) - 44_100) < 3000
    middle = slice(10_000, 30_000)
    assert np.sqrt(np.mean(waveform[middle] ** 2)) == pytest.approx(128 / np.sqrt(2), rel=0.1)
    assert contents == audio.encode_audio(tone(), container)


@pytest.mark.parametrize("container", CONTAINERS)
def test_both_backends_give_the_same_samples(container, tmp_path):
    if not _tfio.available():
        pytest.skip("tensorflow-io's audio ops do not load with this TensorFlow")
    path = tmp_path / f"x.{container}"
    path.write_bytes(audio.encode_audio(tone(), container))
    one = next(iter(audio.waveform_dataset([path])))["waveform"]
    other = next(iter(audio.waveform_dataset([path], backend="pyav")))["waveform"]
    assert len(one) == len(other)
    np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE[container])


@pytest.mark.realpairs
def test_both_backends_agree_on_real_sounds(realpairs):
    if not _tfio.available():
        pytest.skip("tensorflow-io's audio ops do not load with this TensorFlow")
    paths = sorted((realpairs / "sounds").glob("*/*.ogg"))[::150]
    datasets = [audio.waveform_dataset(paths, backend=name) for name in (None, "pyav")]
    for one, other in zip(*datasets, strict=True):
        np.testing.assert_allclose(one["waveform"], other["waveform"], atol=1e-3)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 48_000, 11_127])
@pytest.mark.parametrize("num_channels", [1, 2, 6])
def test_any_rate_and_number_of_channels_becomes_mono_at_22050_hz(rate_hz, num_channels):
    times = np.arange(rate_hz) / rate_hz
    mono = np.int16(16384 * np.sin(2 * np.pi * 440 * times))
    contents = wav_bytes(np.repeat(mono, num_channels), rate_hz, num_channels)
    waveform = audio.load_waveform(contents)
    assert len(waveform) == 22_050
    np.testing.assert_allclose(waveform[2000:-2000], tone(1.0)[2000:-2000], atol=0.05)


def test_the_mono_mix_is_the_mean():
    left, right = np.full(22_050, 16384, np.int16), np.full(22_050, -8192, np.int16)
    waveform = audio.load_waveform(wav_bytes(np.stack([left, right], 1), num_channels=2))
    assert np.median(waveform) == pytest.approx(256 * 0.125, abs=0.01)


def test_samples_beyond_full_scale_are_clipped():
    loud = np.repeat(np.float32([2.0, -3.0]), 20_000)
    contents = wav_bytes(np.int16(np.clip(loud, -1, 1) * 32767))
    assert np.abs(audio.load_waveform(contents)).max() <= 256


def test_a_part_of_a_sound_is_read_from_where_it_was_asked():
    whole = audio.load_waveform(audio.encode_audio(tone(4.0) * np.linspace(0, 1, 88_200), "flac"))
    part = audio.load_waveform(
        audio.encode_audio(tone(4.0) * np.linspace(0, 1, 88_200), "flac"),
        start_seconds=2.0,
        max_seconds=1.0,
    )
    assert len(part) == 22_050
    np.testing.assert_allclose(part, whole[44_100:66_150], atol=0.05)


def test_short_sounds_are_tiled_and_of_long_ones_the_middle_is_taken():
    short = np.arange(1000, dtype=np.float32)
    assert audio.feature_window(short).shape == (132_300,)
    np.testing.assert_array_equal(audio.feature_window(short)[1000:2000], short)
    long = np.arange(500_001, dtype=np.float32)
    assert audio.label_window(long)[0] == 29_500
    assert audio.label_window(long).shape == (441_000,)
    with pytest.raises(MediaError, match="an empty waveform"):
        audio.feature_window(long[:0])


def bad_files():
    header_only = wav_bytes(np.zeros(0, np.int16))
    lying = bytearray(wav_bytes(np.int16(tone()[:4000] * 100)))
    lying[40:44] = (2**31 - 1).to_bytes(4, "little")
    return {
        "empty": (b"", reasons.EMPTY),
        "text": (b"# A readme\n\nwith words.\n" * 50, reasons.NOT_MEDIA),
        "noise": (np.random.default_rng(0).bytes(5000), reasons.NOT_MEDIA),
        "header": (header_only, reasons.TRUNCATED),
        "silent": (wav_bytes(np.zeros(22_050, np.int16)), reasons.SILENT),
        "short": (wav_bytes(np.full(1000, 9999, np.int16)), reasons.TOO_SHORT),
        "slow": (wav_bytes(np.full(1000, 9999, np.int16), rate_hz=10), reasons.BAD_RATE),
    }


@pytest.mark.parametrize("name", bad_files())
def test_a_bad_file_has_a_reason(name, tmp_path):
    contents, reason = bad_files()[name]
    path = tmp_path / "bad sound 'ü'.wav"
    path.write_bytes(contents)
    with pytest.raises(MediaError, match="bad sound") as caught:
        audio.load_waveform(path)
    assert caught.value.reason == reason


def test_a_missing_file_and_a_folder_have_a_reason(tmp_path):
    for path, reason in ((tmp_path / "none.wav", reasons.MISSING), (tmp_path, reasons.UNREADABLE)):
        with pytest.raises(MediaError) as caught:
            audio.load_waveform(path)
        assert caught.value.reason == reason


@pytest.mark.parametrize("container", CONTAINERS)
def test_damaged_files_end_in_a_waveform_or_a_reason(container, rng):
    contents = audio.encode_audio(tone(1.0), container)
    damaged = [contents[: len(contents) * tenth // 10] for tenth in range(10)]
    for _ in range(20):
        flipped = bytearray(contents)
        for position in rng.integers(0, len(contents), size=10):
            flipped[position] = rng.integers(256)
        damaged.append(bytes(flipped))
    for sound in damaged:
        try:
            waveform = audio.load_waveform(sound)
        except MediaError as error:
            assert error.reason in reasons.MEANINGS
        else:
            assert np.isfinite(waveform).all() and np.abs(waveform).max() <= 256


def test_a_header_that_lies_about_the_length_costs_nothing():
    contents = bytearray(wav_bytes(np.int16(tone() * 100)))
    contents[40:44] = (2**31 - 1).to_bytes(4, "little")
    assert len(audio.load_waveform(bytes(contents))) == 44_100


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(UserError, match="known: flac, m4a, mp3, ogg, wav"):
        audio.encode_audio(tone(), "aiff")
    with pytest.raises(UserError, match="known: pyav, tensorflow_io"):
        audio.waveform_dataset([tmp_path / "x.wav"], backend="sox")
