"""`s2i weights`: its four actions, its mistakes, and that it is quick."""

import subprocess
import sys

import pytest

from s2i_tf.cli import weights
from s2i_tf.errors import UserError


def s2i_weights(*args, cache):
    code = (
        "import sys; from s2i_tf.cli import main\n"
        "try: main.main(['s2i', 'weights', *sys.argv[1:]])\n"
        "finally: assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        capture_output=True,
        text=True,
        env={"S2I_TF_CACHE": str(cache), "PATH": "", "HOME": str(cache)},
    )


def test_list_tells_what_is_here(tmp_path):
    finished = s2i_weights("list", cache=tmp_path)
    assert finished.returncode == 0, finished.stderr
    rows = {line.split()[0]: line.split() for line in finished.stdout.splitlines()}
    assert rows["soundnet"][1:4] == ["missing", "57.4", "MIT"]
    assert rows["efficientnet_lite0"][3] == "Apache-2.0"
    assert rows["cache:"][1] == str(tmp_path)


@pytest.mark.parametrize("contents", [b"", b"cut short"])
def test_list_notices_damaged_files(tmp_path, contents):
    from s2i_tf.features import catalogue

    for name, source in catalogue.SOURCES.items():
        (tmp_path / f"{name}{source.file_suffix}").write_bytes(contents)
    finished = s2i_weights("list", cache=tmp_path)
    rows = [line.split()[1] for line in finished.stdout.splitlines()[1:-1]]
    assert rows == ["damaged"] * len(catalogue.SOURCES)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nope"], "unknown weights action 'nope'; known: fetch, import, list, verify"),
        (["fetch", "soundnet", "nope"], "unknown weights 'nope'"),
        (["verify", "soundnet"], "`s2i weights fetch soundnet` brings it"),
        (["verify"], "`s2i weights fetch` fills it"),
        (["import", "soundnet"], "allowed: NAME FILE"),
        (["import", "soundnet", "no_such_file"], "no_such_file: can't be read"),
        (["import", "soundnet", __file__], "not the weights soundnet"),
        (["list", "soundnet"], "list takes no names"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, args, message):
    monkeypatch.setenv("S2I_TF_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UserError) as caught:
        weights.run(args)
    assert message in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_a_mistake_ends_in_exit_code_2(tmp_path):
    finished = s2i_weights("verify", "soundnet", cache=tmp_path)
    assert finished.returncode == 2
    assert finished.stderr.startswith("s2i weights: error: soundnet: not in ")
    assert finished.stderr.count("\n") == 1


@pytest.mark.weights
def test_import_then_verify_then_list(tmp_path, monkeypatch, capsys):
    from s2i_tf.features import weights as weights_lib

    if not weights_lib.path("labels").exists():
        pytest.skip("labels are not in the cache; `s2i weights fetch labels` brings them")
    here = str(weights_lib.path("labels"))
    monkeypatch.setenv("S2I_TF_CACHE", str(tmp_path))
    weights.run(["import", "labels", here])
    weights.run(["verify"])
    weights.run([])
    output = capsys.readouterr().out
    assert "labels: as released" in output
    assert [line.split()[1] for line in output.splitlines() if line.startswith("labels  ")] == [
        "cached"
    ]
