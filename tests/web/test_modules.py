"""The page's modules that compute, in Node beside the same thing in Python."""

import io
import json
import pathlib
import shutil
import subprocess

import av
import numpy as np
import pytest
import soundfile

from s2i_tf.media.resample import resample

WEB = pathlib.Path(__file__).parents[2] / "export" / "web"


@pytest.fixture
def node():
    """Runs an expression that may use what a module of the page exports, and gives its value."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")

    def run(module, expression):
        code = (
            f"import * as all from {json.dumps((WEB / 'src' / module).as_uri())};"
            f"console.log(JSON.stringify({expression}));"
        )
        command = ["node", "--input-type=module", "-"]
        ran = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
        return json.loads(ran.stdout)

    return run


@pytest.mark.parametrize(
    ("from_hz", "to_hz"),
    [(44_100, 22_050), (48_000, 22_050), (8_000, 22_050), (44_056, 22_050), (96_001, 22_050)],
)
def test_it_resamples_as_python_does(node, rng, from_hz, to_hz):
    samples = rng.uniform(-1, 1, 3000).astype(np.float32)
    row = f"Float32Array.from({json.dumps(samples.tolist())})"
    expected = np.asarray(resample(samples, from_hz, to_hz))
    whole = node("resample.js", f"[...all.resample({row}, {from_hz}, {to_hz})]")
    np.testing.assert_allclose(whole, expected, atol=1e-4)
    part = node("resample.js", f"[...all.resample({row}, {from_hz}, {to_hz}, 300, 500)]")
    np.testing.assert_allclose(part, expected[300:500], atol=1e-4)


def test_odd_rates_need_no_kernel_for_each_output(node):
    looked_up, made = node(
        "resample.js",
        """(() => {
          const plain = Math.trunc;
          let places = 0;
          Math.trunc = (value) => (places++, plain(value));
          const samples = Float32Array.from({length: 96001}, (_, n) => n % 7 - 3);
          const made = all.resample(samples, 96001, 22050);
          return [places, [...made]];
        })()""",
    )
    exact = resample((np.arange(96_001) % 7 - 3).astype(np.float32), 96_001, 22_050)
    np.testing.assert_allclose(made, exact, atol=2e-5)
    assert looked_up < 1e6  # places in kernels; were there one for each output, 11 million


def test_sound_that_comes_in_pieces_is_resampled_as_a_whole(node, rng):
    samples = rng.uniform(-1, 1, 9000).astype(np.float32)
    pieces = json.dumps(np.split(samples, [1024, 2048, 3000, 8000]), default=np.ndarray.tolist)
    made = node(
        "capture.js",
        f"(recent => ({pieces}.forEach(piece => recent.add(Float32Array.from(piece))),"
        " [...recent.samples]))(new all.Recent(0.1, 48000, 22050))",
    )
    expected = np.asarray(resample(samples, 48_000, 22_050))
    end = next(  # the last outputs still wait for their input
        end
        for end in range(len(expected), 0, -1)
        if np.allclose(expected[end - 200 : end], made[-200:], atol=1e-4)
    )
    assert len(made) == 2205 and end > len(expected) - 80
    np.testing.assert_allclose(made, expected[end - 2205 : end], atol=1e-4)


def decoded(contents):
    """The first channel of a file as FFmpeg decodes it, and with it Chromium."""
    with av.open(io.BytesIO(contents)) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


def packed(codec, container, rate_hz, samples):
    """Contents of a file of an encoder of FFmpeg's."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, 0
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, stream.frame_size or 960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("codec", "container", "rate_hz", "expected"),
    [
        ("libmp3lame", "mp3", 44_100, 44_100),
        ("libmp3lame", "mp3", 16_000, 16_000),
        ("libopus", "webm", 48_000, None),
        ("libopus", "matroska", 48_000, None),
        ("aac", "adts", 48_000, None),
    ],
)
def test_only_mp3_files_are_taken_for_such(node, rng, codec, container, rate_hz, expected):
    samples = rng.uniform(-1, 1, 2 * rate_hz).astype(np.float32)
    contents = packed(codec, container, rate_hz, samples)
    if expected is None:  # bytes that look like a frame
        contents += b"\xff\xfb\x90\x64" + bytes(500)
    tag = b"ID3\3\0\0\0\0\0\5" + b"12345" + bytes(99)
    for file in (contents, tag + contents):
        header = node("headers.js", f"all.readHeader(Uint8Array.from({list(file)}))")
        is_mp3 = header is not None and header["kind"] == "mp3"
        assert (header["rate"] if is_mp3 else None) == expected


def test_a_large_cover_does_not_hide_the_rate_of_an_mp3_file(node, rng):
    samples = rng.uniform(-1, 1, 32_000).astype(np.float32)
    row = f"Uint8Array.from({list(packed('libmp3lame', 'mp3', 32_000, samples))})"
    size = 3_000_000
    tag = [*b"ID3\3\0\0", *(size >> shift & 127 for shift in (21, 14, 7, 0))]
    # A browser's decoder, which gives what it is asked for.
    decoder = """class {
      constructor(channels, length, rate) { this.rate = rate; }
      async decodeAudioData(bytes) {
        const samples = new Float32Array(this.rate).fill(0.5);
        return { numberOfChannels: 1, length: this.rate, getChannelData: () => samples };
      }
    }"""
    made = node(
        "decode.js",
        f"(globalThis.OfflineAudioContext = {decoder}, (await all.readSound("
        f"new Blob([Uint8Array.from({tag}), new Uint8Array({size}), {row}]), 'a.mp3')).rate)",
    )
    assert made == 32_000


def test_large_wav_files_are_wav_files(node):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(900), 44_056, format="RF64", subtype="PCM_16")
    row = f"Uint8Array.from({list(file.getvalue())})"
    assert file.getvalue().startswith(b"RF64")
    assert node("headers.js", f"all.readHeader({row})")["rate"] == 44_056


@pytest.mark.parametrize(
    ("codec", "container", "rate_hz", "cut"),
    [
        ("libopus", "ogg", 48_000, "ogg.js: [0, bytes.subarray(0, all.endOfOgg(bytes, 96000))]"),
        ("libmp3lame", "mp3", 44_100, "mp3.js: [0, bytes.subarray(0, all.endOfMp3(bytes, 2))]"),
        ("aac", "mp4", 44_100, "mp4.js: [all.mendMp4(bytes, 2).before, bytes]"),
    ],
)
def test_of_a_long_file_a_part_is_taken(node, rng, codec, container, rate_hz, cut):
    samples = rng.uniform(-1, 1, 9 * rate_hz).astype(np.float32)
    contents = packed(codec, container, rate_hz, samples)
    module, part = cut.split(": ")
    made = f"(bytes => {part})(Uint8Array.from({list(contents)}))"
    before, made = node(module, f"(([before, made]) => [before, [...made]])({made})")
    sound = decoded(bytes(made))[round(before * rate_hz) :]
    assert 1.9 <= len(sound) / rate_hz < 4.1
    np.testing.assert_allclose(sound[:rate_hz], decoded(contents)[:rate_hz], atol=1e-5)


def test_ogg_files_that_are_joined_or_begin_late_are_cut_no_earlier(node, rng):
    samples = rng.uniform(-1, 1, 3 * 48_000).astype(np.float32)
    contents = packed("libopus", "ogg", 48_000, samples)
    joined = contents + contents
    # As of a broadcast: all pages but those of the header 100 hours later, checksums aside.
    late, at = bytearray(contents), 0
    while at >= 0:
        granule = int.from_bytes(late[at + 6 : at + 14], "little")
        late[at + 6 : at + 14] = (granule and granule + 360_000 * 48_000).to_bytes(8, "little")
        at = late.find(b"OggS", at + 1)
    for file, seconds, whole in ((joined, 3, False), (joined, 9, True), (late, 4, True)):
        row = f"Uint8Array.from({list(file)})"
        end = node("ogg.js", f"all.endOfOgg({row}, {seconds * 48_000})")
        assert end == len(file) if whole else len(contents) < end < len(file)


@pytest.mark.parametrize("seconds", [0.3, 0.7, 4])
def test_ogg_files_end_where_they_say(node, seconds):
    file = io.BytesIO()
    samples = 0.3 * np.sin(0.05 * np.arange(22_050 * seconds))
    soundfile.write(file, samples, 22_050, format="OGG", subtype="VORBIS")
    row = f"Uint8Array.from({list(file.getvalue())})"
    length, changed = node("ogg.js", f"(bytes => [all.unmarkEnd(bytes), [...bytes]])({row})")
    assert length == len(samples)
    assert len(decoded(file.getvalue())) != length or seconds > 1  # what is mended
    expected, _ = soundfile.read(io.BytesIO(file.getvalue()), dtype="float32")
    np.testing.assert_allclose(decoded(bytes(changed))[:length], expected, atol=1e-5)


@pytest.mark.parametrize(
    "change", ["bytes.subarray(0, -9)", "Uint8Array.from([...bytes, ...bytes])"]
)
def test_ogg_files_that_are_cut_off_or_joined_stay_as_they_are(node, change):
    file = io.BytesIO()
    soundfile.write(file, np.zeros(9000), 22_050, format="OGG", subtype="VORBIS")
    row = f"Uint8Array.from({list(file.getvalue())})"
    found = node(
        "ogg.js",
        f"(bytes => (file => [all.unmarkEnd(file) ?? null, [...file]])({change}))({row})",
    )
    given = file.getvalue()
    assert found == [None, list(given[:-9] if "sub" in change else given * 2)]


def test_it_draws_the_numbers_that_tensorflow_draws(node):
    import tensorflow as tf

    for seed, sample in ((0, 1), (123_456_789, 3)):
        expected = [
            *tf.random.stateless_uniform((7,), (seed, 2 * sample)).numpy().tolist(),
            *tf.random.stateless_uniform((2,), (seed, 2 * sample + 1)).numpy().tolist(),
        ]
        assert node("numbers.js", f"[...all.drawnNumbers([7, 2], {seed}, {sample})]") == expected


def test_the_sources_have_the_types_that_their_comments_say():
    if not (WEB / "node_modules").exists():
        pytest.skip("TypeScript is not installed: npm ci in export/web")
    checked = subprocess.run(
        ["npm", "run", "--silent", "check"], cwd=WEB, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
