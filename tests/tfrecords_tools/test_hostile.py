"""Broken and hostile files beside good ones: each is listed with its reason, the good ones pass."""

import io
import json
import os
import pathlib
import resource
import struct
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest

from benchmarks import videos
from s2i_tf import spec
from s2i_tf.data import pipeline
from s2i_tf.media import audio, image
from tfrecords_tools.job import prepare
from tfrecords_tools.stages import extract

RNG = np.random.default_rng(0)
TONE = (90 * np.sin(np.arange(2 * spec.SAMPLE_RATE_HZ) / 9)).astype(np.float32)
PHOTO = RNG.integers(0, 255, (80, 120, 3), dtype=np.uint8)


def wav(samples: bytes, rate_hz: int = 22050, kind: int = 1, bits: int = 16, claims: int = 0):
    claims = claims or len(samples)
    step = bits // 8
    layout = struct.pack("<IHHIIHH", 16, kind, 1, rate_hz, rate_hz * step, step, bits)
    return (
        b"RIFF" + struct.pack("<I", min(36 + claims, 2**32 - 1)) + b"WAVEfmt " + layout
        + b"data" + struct.pack("<I", claims) + samples
    )  # fmt: skip


def png_chunk(kind: bytes, contents: bytes) -> bytes:
    return (
        struct.pack(">I", len(contents))
        + kind
        + contents
        + struct.pack(">I", zlib.crc32(kind + contents))
    )


def gigapixels() -> bytes:
    """A valid PNG of a few kB that unpacks to 1.6 gigapixels."""
    side = 40_000
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    parts = [png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("inside.txt", "text")
    return file.getvalue()


def sparse_hours(path: pathlib.Path) -> None:
    """A WAV of three hours that takes no room on the disk."""
    num_bytes = 3 * 3600 * 22050 * 2
    path.write_bytes(wav(b"", claims=num_bytes))
    os.truncate(path, num_bytes + 44)


def film(path: pathlib.Path) -> None:
    videos.write_video(path.with_suffix(".mp4"), None, [PHOTO])
    path.with_suffix(".mp4").rename(path)


GOOD_WAV, GOOD_JPEG = audio.encode_audio(TONE, "wav"), image.encode_jpeg(PHOTO)
Maker = Callable[[pathlib.Path], None]

# File, its contents or what makes it, and why it cannot be used.
HOSTILE: tuple[tuple[str, bytes | Maker, str], ...] = (
    ("sounds/bell/empty.wav", b"", "empty"),
    ("sounds/bell/text.mp3", b"dear diary", "not_media"),
    ("sounds/bell/noise.flac", RNG.bytes(5000), "not_media"),
    ("sounds/bell/archive.ogg", zipped(), "not_media"),
    ("sounds/bell/photo.wav", GOOD_JPEG, "not_media"),
    ("sounds/bell/film.m4a", film, "no_sound"),
    ("sounds/bell/header only.wav", GOOD_WAV[:44], "truncated"),
    ("sounds/bell/cut.m4a", audio.encode_audio(TONE, "m4a")[:2000], "truncated"),
    ("sounds/bell/silent.wav", wav(bytes(44100)), "silent"),
    ("sounds/bell/click.wav", wav(RNG.bytes(4410)), "too_short"),
    ("sounds/bell/liar.wav", wav(RNG.bytes(2000), claims=2**32 - 40), "too_short"),
    ("sounds/bell/hours.wav", sparse_hours, "too_long"),
    ("sounds/bell/nan.wav", wav(b"\xff\xff\xff\x7f" * 22050, kind=3, bits=32), "not_finite"),
    (
        "sounds/bell/floats.wav",
        wav((TONE * 100).astype(np.float32).tobytes(), kind=3, bits=32),
        "bad_scale",
    ),
    (
        "sounds/bell/pause.wav",
        wav(np.int16(np.repeat([9_999, 0, 9_999], [66_150, 176_400, 66_150])).tobytes()),
        "silent",
    ),
    ("sounds/bell/slow.wav", wav(RNG.bytes(44100), rate_hz=8), "bad_rate"),
    ("sounds/bell/fast.wav", wav(RNG.bytes(44100), rate_hz=400_000_000), "bad_rate"),
    ("sounds/bell/pipe.wav", os.mkfifo, "not_a_file"),
    ("sounds/bell/loop.wav", lambda path: path.symlink_to(path), "missing"),
    ("sounds/bell/dangling.wav", lambda path: path.symlink_to("nothing.wav"), "missing"),
    ("images/bell/empty.jpg", b"", "empty"),
    ("images/bell/text.jpg", b"<html>404</html>", "not_media"),
    ("images/bell/sound.png", GOOD_WAV, "not_media"),
    ("images/bell/noise.jpg", RNG.bytes(5000), "not_media"),
    ("images/bell/cut.jpg", GOOD_JPEG[: len(GOOD_JPEG) // 3], "truncated"),
    ("images/bell/signature.png", b"\x89PNG\r\n\x1a\n" + RNG.bytes(500), "not_media"),
    ("images/bell/gigapixels.png", gigapixels(), "too_large"),
)
NAMES = (
    "plain",
    "two words",
    "it's",
    'say "hi"',
    "日本語",
    "śćieżka",
    "-dash",
    "a#t=1|b",
    "%s{}",
    "*?[x]",
)


@pytest.fixture(scope="module")
def hostile_run(tmp_path_factory, make_sound, make_image, prepare_once):
    """A folder of 25 files that cannot be used beside 25 that can, and what was prepared of it.

    Returns:
      The folder with both, the summary, and by how many kB the process has grown at most.
    """

    def measured(root):
        write_hostile(root, make_sound, make_image)
        before.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    before = []
    made = prepare_once(measured)
    return *made, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before[0]


def write_hostile(root, make_sound, make_image):
    for index, name in enumerate((*NAMES, "11", "12", "13")):
        make_sound(root / "sounds" / "bell" / f"{name}.wav", 300, seed=index)
    for index, name in enumerate((*NAMES, "11", "12")):
        make_image(root / "images" / "bell" / f"{name}.png", 90, seed=index)
    for path, contents, _ in HOSTILE:
        if isinstance(contents, bytes):
            (root / path).write_bytes(contents)
        else:
            contents(root / path)


def quarantined(out: str) -> dict[str, str]:
    lines = (pathlib.Path(out) / "quarantine.jsonl").read_text().splitlines()
    return {row["path"]: row["reason"] for row in map(json.loads, lines)}


def test_good_files_are_written_and_bad_ones_listed_with_their_reason(hostile_run):
    folder, summary, _ = hostile_run
    data, out = folder / "data", folder / "out"
    assert len(HOSTILE) == summary.num_quarantined == 27
    assert quarantined(out) == {path: reason for path, _, reason in HOSTILE}
    records = [pipeline.load_split(out, split) for split in spec.SPLITS]
    used = {name for split in records for key in ("sound_id", "image_id") for name in split[key]}
    bad = {path for path, _, _ in HOSTILE}
    every = {str(path.relative_to(data)) for path in data.rglob("*.*")}
    assert used == every - bad
    assert len(used) == 25


def test_memory_does_not_follow_what_files_claim(hostile_run):
    assert hostile_run[-1] < 700 * 1024  # kB


def test_names_that_are_not_utf8_are_listed(settings, class_folder):
    name = os.fsencode(class_folder / "sounds" / "bell") + b"/caf\xe9.wav"
    with open(name, "wb") as file:
        file.write(GOOD_WAV)
    prepare(settings)
    assert list(quarantined(settings.out).values()) == ["bad_name"]


def test_a_file_that_vanishes_while_running_is_listed(settings, class_folder, monkeypatch):
    gone = class_folder / "sounds" / "bell" / "3.wav"
    original = extract.Extract.run

    def run(self, part, output):
        gone.unlink(missing_ok=True)
        return original(self, part, output)

    monkeypatch.setattr(extract.Extract, "run", run)
    summary = prepare(settings)
    assert quarantined(settings.out) == {"sounds/bell/3.wav": "missing"}
    assert sum(summary.num_pairs.values()) == 17


def test_a_decoder_that_raises_anything_does_not_end_the_run(settings, class_folder, monkeypatch):
    original = image.load_image

    def load(path):
        if path.endswith("drum/1.png"):
            raise struct.error("unpack requires a buffer of 4 bytes")
        return original(path)

    monkeypatch.setattr(image, "load_image", load)
    prepare(settings)
    assert quarantined(settings.out) == {"images/drum/1.png": "decoder_error"}
