import functools
import json

import numpy as np
import pytest

from s2i_tf import features
from s2i_tf.errors import UserError
from s2i_tf.media import image
from tests.evaluation.conftest import ShadeJudge


@pytest.fixture
def call(call_verb):
    return functools.partial(call_verb, "score")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--pictures=DIR is missing; give three folders, or --pairs=FILE.csv"),
        (["--pictures=a", "--sounds=b"], "--photos=DIR is missing"),
        (["--pairs=a.csv", "--photos=b"], "give --pairs=FILE.csv or folders, not --photos too"),
        (["--pairs=a.csv"], "--out=DIR is missing"),
        (["--pairs=a.csv", "--out=o", "x"], "score takes no arguments, got 'x'"),
        (
            ["--pairs=a.csv", "--out=o", "--image_net=hub:x", "--image_embeddings=b.npz"],
            "give one of --image_embeddings=FILE.npz and --image_net=hub:…",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_read(call, argv, message):
    with pytest.raises(UserError, match=message.replace("…", ".")):
        call(*argv)


def test_folders_are_scored_and_what_has_no_match_is_named(call, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(features.CLASSIFIERS, "shades", lambda weights: ShadeJudge())
    for number in range(9):
        for folder in ("pictures", "sounds", "photos"):
            path = tmp_path / folder / f"class{number % 3}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = np.full((16, 16, 3), 80 * (number % 3) + number, np.uint8)
            path.write_bytes(image.encode_png(shade))
    alone = tmp_path / "sounds" / "al\x1bone.wav"
    alone.write_text("")
    folders = [f"--{name}={tmp_path / name}" for name in ("pictures", "sounds", "photos")]
    call(*folders, "--judge=shades", f"--out={tmp_path / 'out'}")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Label match")
    assert lines[-2] == f"without a match, left out: 1 files, such as {str(alone)!r}"
    where = tmp_path / "out/scores.json"
    assert lines[-1] == f"scores of 9 pictures, seen at 16 pixels: {where}"
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["pairs"]["unmatched"] == [str(alone)]
    assert scores["command"] == " ".join(
        ["s2i score", *folders, "--judge=shades", f"--out={tmp_path / 'out'}"]
    )


def test_copies_are_told(call, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(features.CLASSIFIERS, "shades", lambda weights: ShadeJudge())
    for number in range(4):
        for kind, of in (("pictures", 0), ("sounds", number // 2), ("photos", 0)):
            path = tmp_path / kind / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(image.encode_png(np.full((8, 8, 3), 9 + of, np.uint8)))
    folders = [f"--{name}={tmp_path / name}" for name in ("pictures", "sounds", "photos")]
    call(*folders, "--judge=shades", f"--out={tmp_path / 'out'}")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2] == "copies of others, which count once: 2 pictures, 2 sounds, 3 photos"
    assert lines[-1].startswith("scores of 2 pictures, seen at 8 pixels: ")
