"""What the serving clients send of a file: always a WAV file of 16-bit PCM."""

import io
import runpy
import sys
import wave

import av
import numpy as np
import pytest
import soundfile

from export.tf_serving import common
from s2i_tf.serving import examples

TONE = np.sin(np.arange(22_050) / 9).astype(np.float32) / 2


def avi():
    """A sound in the container that begins as WAV does."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("libmp3lame", rate=22_050, layout="mono")
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.sample_rate = 22_050
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return file.getvalue()


def written(subtype):
    file = io.BytesIO()
    soundfile.write(file, TONE, 22_050, subtype=subtype, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize("contents", [avi(), written("FLOAT"), written("PCM_24")])
def test_what_the_server_does_not_take_is_converted(tmp_path, contents):
    assert contents.startswith(b"RIFF")
    path = tmp_path / "sound"
    path.write_bytes(contents)
    sent = common.read_sound(path)
    with wave.open(io.BytesIO(sent)) as file:
        assert (file.getsampwidth(), file.getframerate()) == (2, 22_050)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 2**15
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.05)


def test_a_plain_wav_file_is_sent_as_it_is(tmp_path):
    plain = examples.wav_file(np.stack([TONE, TONE], axis=1), 44_100)
    path = tmp_path / "sound.wav"
    path.write_bytes(plain)
    assert common.read_sound(path) == plain


@pytest.mark.parametrize("contents", [b"", b"RIFF", b"RIFF1234AVI LIST", b"text"])
def test_what_is_no_sound_is_one_line(tmp_path, contents):
    path = tmp_path / "sound.wav"
    path.write_bytes(contents)
    with pytest.raises(common.ServingError, match=r"sound\.wav: "):
        common.read_sound(path)


@pytest.mark.parametrize("command", ["grpc_client", "stand_in"])
@pytest.mark.filterwarnings("ignore:.*found in sys.modules")
def test_a_package_that_a_command_lacks_is_one_line(command, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"export.tf_serving.{command}", run_name="__main__")
    assert stopped.value.code == common.EXIT_ERROR
    said = capsys.readouterr().err
    assert said == "error: grpc is not installed; pip install 's2i_tf[serving]'\n"
