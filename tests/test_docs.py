"""The quickstart runs, every reason is explained, the reference is built without a warning."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from s2i_tf.features import weights
from s2i_tf.media import reasons

ROOT = pathlib.Path(__file__).resolve().parents[1]


@pytest.mark.weights
def test_the_quickstart_runs_from_the_first_cell_to_the_last(tmp_path, monkeypatch, capsys):
    if not weights.path("efficientnet_lite2").exists():
        pytest.skip("EfficientNet-Lite2 is not in the cache; `s2i weights fetch` brings it")
    monkeypatch.chdir(tmp_path)
    notebook = json.loads((ROOT / "docs" / "quickstart.ipynb").read_text(encoding="utf-8"))
    names = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert names["picture"].shape == (128, 128, 3) and names["picture"].std() > 10
    np.testing.assert_array_equal(names["samples"][0], names["picture"])
    assert len(names["vectors"]) == 3 and names["vectors"][0].shape == names["vectors"][1].shape
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_every_reason_is_explained():
    page = (ROOT / "docs" / "prepare.md").read_text(encoding="utf-8")
    slugs = [value for name, value in vars(reasons).items() if name.isupper()]
    assert reasons.NO_KEY_FRAME in slugs
    assert not [slug for slug in slugs if f"| `{slug}` | " not in page]


def test_every_guide_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    guides = [path.name for path in (ROOT / "docs").glob("*.md")]
    assert not [name for name in guides if f": {name}\n" not in navigation]


def test_the_reference_is_built_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed: pip install 's2i_tf[docs]'")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert built.returncode == 0 and not built.stderr, built.stderr
    page = (tmp_path / "reference" / "index.html").read_text(encoding="utf-8")
    for name in ("s2i_tf.api.Model.generate", "s2i_tf.api.Heard", "s2i_tf.errors.MediaError"):
        assert f'id="{name}"' in page
