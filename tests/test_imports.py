"""The one-way import rule, and what must not import TensorFlow."""

import ast
import os
import pathlib
import platform
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

# A module may import from its own layer and from those above it in this list.
LAYERS = (
    {
        "s2i_tf",
        "s2i_tf.spec",
        "s2i_tf.errors",
        "s2i_tf.files",
        "s2i_tf.iterating",
        "s2i_tf.logs",
        "s2i_tf.model_folder",
        "s2i_tf.pretrained",
        "s2i_tf.templates",
        "s2i_tf.terminal",
    },
    {"s2i_tf.kernels"},
    {"s2i_tf.config", "s2i_tf.config_files", "s2i_tf.media", "s2i_tf.losses", "s2i_tf.models"},
    {"s2i_tf.features", "s2i_tf.data"},
    {"s2i_tf.training", "s2i_tf.evaluation", "s2i_tf.serving"},
    {"s2i_tf.film", "s2i_tf.api", "s2i_tf.given_media", "s2i_tf.runtimes", "s2i_tf.web"},
    {"s2i_tf.cli", "tfrecords_tools", "export", "benchmarks"},
)
WITHOUT_TENSORFLOW = (
    "s2i_tf",
    "s2i_tf.api",
    "s2i_tf.spec",
    "s2i_tf.config",
    "s2i_tf.config_files",
    "s2i_tf.errors",
    "s2i_tf.files",
    "s2i_tf.logs",
    "s2i_tf.model_folder",
    "s2i_tf.pretrained",
    "s2i_tf.data.arrays",
    "s2i_tf.data.class_folder",
    "s2i_tf.data.dataset_info",
    "s2i_tf.data.schema",
    "s2i_tf.data.splits",
    "s2i_tf.data.tfrecords",
    "s2i_tf.features.base",
    "s2i_tf.media.audio",
    "s2i_tf.media.image",
    "s2i_tf.serving.lite_file",
    "s2i_tf.serving.tflite",
    "s2i_tf.web.server",
    "s2i_tf.web.site",
    "s2i_tf.cli.main",
    *(f"s2i_tf.cli.{path.stem}" for path in sorted((ROOT / "s2i_tf" / "cli").glob("[a-z]*.py"))),
)
OURS = ("s2i_tf", "tfrecords_tools", "export", "benchmarks")
MODULES = sorted(path for folder in OURS for path in (ROOT / folder).rglob("*.py"))


def layer_of(module: str) -> int:
    parts = module.split(".")
    for size in range(len(parts), 0, -1):
        for level, names in enumerate(LAYERS):
            if ".".join(parts[:size]) in names and (
                size > 1 or parts[0] != "s2i_tf" or size == len(parts)
            ):
                return level
    raise AssertionError(f"{module} belongs to no layer")


def imported(path: pathlib.Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are not used here"
            names |= {
                f"{node.module}.{alias.name}"
                if is_module(f"{node.module}.{alias.name}")
                else node.module
                for alias in node.names
            }
    return names


def top_level(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def is_module(name: str) -> bool:
    path = ROOT / pathlib.Path(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    own = {name for name in imported(path) if name.split(".")[0] in OURS}
    if module == "s2i_tf":  # whose `load` imports it when it is called
        own -= {"s2i_tf.api"}
    assert not [name for name in own if layer_of(name) > layer_of(module)]


@pytest.mark.parametrize("package", ["models", "losses"])
def test_models_and_losses_use_keras_alone(package):
    for path in (ROOT / "s2i_tf" / package).rglob("*.py"):
        allowed = sys.stdlib_module_names | {"keras", "numpy", "s2i_tf"}
        assert not top_level(imported(path)) - allowed, path


def test_training_names_a_backend_in_its_backends_alone():
    for path in (ROOT / "s2i_tf" / "training").rglob("*.py"):
        named = top_level(imported(path)) & {"tensorflow", "jax"}
        own = path.name.partition("_")[0] if path.parent.name == "backends" else ""
        expected = {"tf": {"tensorflow"}, "jax": {"jax"}}.get(own, set())
        assert named == expected, path


def test_light_modules_leave_tensorflow_alone():
    code = (
        f"import importlib, sys\nfor name in {WITHOUT_TENSORFLOW!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert not {'tensorflow', 'keras'} & set(sys.modules), name"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("said, expected", [({}, "1"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "0")])
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="for x86 processors")
def test_tensorflow_computes_by_onednn_unless_told_otherwise(said, expected):
    environment = {name: x for name, x in os.environ.items() if name != "TF_ENABLE_ONEDNN_OPTS"}
    code = "import os, s2i_tf; print(os.environ['TF_ENABLE_ONEDNN_OPTS'])"
    command = [sys.executable, "-c", code]
    printed = subprocess.check_output(command, env={**environment, **said}, text=True)
    assert printed.strip() == expected
