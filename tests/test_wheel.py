"""The wheel is whole: installed alone, it works from any folder, without TensorFlow too."""

import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from packaging.requirements import Requirement

import s2i_tf

ROOT = pathlib.Path(__file__).resolve().parents[1]
SHIPPED = ("setup.py", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
FOLDERS = ("s2i_tf", "tfrecords_tools", "configs")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, because building leaves folders behind."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in SHIPPED:
        shutil.copy(ROOT / name, source)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(out))
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The folder that it is installed into, alone."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--no-deps", "--no-index", "-q", "--target", str(target))
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(wheel)], check=True)
    return target


def requirements(names):
    """The distributions that some need, with all that these need."""
    wanted, found = [Requirement(name) for name in names], {}
    while wanted:
        one = wanted.pop()
        if one.name in found or (one.marker and not one.marker.evaluate({"extra": ""})):
            continue
        found[one.name] = importlib.metadata.distribution(one.name)
        wanted += [Requirement(line) for line in found[one.name].requires or ()]
    return found.values()


def s2i(path, *argv, cwd):
    """Runs a verb by what lies in some folders alone, and says where the package came from."""
    code = (
        "import sys; sys.path[:0] = sys.argv[1].split(':'); del sys.argv[1]\n"
        "import s2i_tf; print(s2i_tf.__file__)\n"
        "from s2i_tf.cli import main; main.main()"
    )
    command = [sys.executable, "-I", "-S", "-c", code, ":".join(map(str, path)), *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={"PATH": ""})


def test_its_version_is_the_package_s_and_the_change_log_s(wheel):
    assert wheel.name.startswith(f"s2i_tf-{s2i_tf.__version__}-")
    latest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    cited = re.search(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert s2i_tf.__version__ == latest == cited


def test_it_holds_all_that_is_not_code(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    kept = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "s2i_tf").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    configs = {f"s2i_tf/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*.py")}
    assert kept | configs <= names
    assert not {name.split("/")[0] for name in names} & {"configs", "tests", "benchmarks"}


def test_sounds_become_pictures_where_nothing_but_the_extra_lite_is_installed(installed, tmp_path):
    import soundfile

    everything = importlib.metadata.distribution("numpy").locate_file("")
    alone = tmp_path / "site-packages"
    alone.mkdir()
    metadata = (installed / f"s2i_tf-{s2i_tf.__version__}.dist-info" / "METADATA").read_text()
    lite = re.findall(r"Requires-Dist: (.+?); .*extra == ['\"]lite['\"]", metadata)
    for distribution in requirements(lite):
        for top in {path.parts[0] for path in distribution.files} - {".."}:
            if not (alone / top).exists():
                (alone / top).symlink_to(everything / top)
    assert not (alone / "tensorflow").exists() and not (alone / "keras").exists()
    soundfile.write(tmp_path / "a.ogg", np.sin(np.arange(48_000) / 9), 48_000)
    here = (installed, alone)
    drawn = s2i(here, "generate", "a.ogg", "--out=out", "--num_samples=2", cwd=tmp_path)
    assert drawn.returncode == 0, drawn.stderr
    assert drawn.stdout.startswith(str(installed / "s2i_tf"))
    assert (tmp_path / "out" / "a_1.png").exists()
    refused = s2i(here, "generate", "a.ogg", "--out=x", "--runtime=tensorflow", cwd=tmp_path)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "TensorFlow is not installed" in refused.stderr
    overview = s2i(here, "--help", cwd=tmp_path)
    assert overview.returncode == 0, overview.stderr


def test_training_and_demo_find_the_shipped_configurations(installed, tmp_path):
    everything = importlib.metadata.distribution("numpy").locate_file("")
    for name in ("realpairs/best", "demo"):
        flags = (f"--config={name}", "--workdir=w", "--config.data=none")
        found = s2i((installed, everything), "train", *flags, cwd=tmp_path)
        assert found.stdout.startswith(str(installed / "s2i_tf"))
        assert found.returncode == 2 and "none: no prepared data set" in found.stderr
    shown = s2i((installed, everything), "demo", "--help", cwd=tmp_path)
    assert "(default: demo)" in shown.stdout
