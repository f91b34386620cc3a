"""All metadata of the package: dependencies, extras and the console command `s2i`."""

import pathlib
import re

from setuptools import find_packages, setup

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'__version__ = "(.+?)"', (ROOT / "s2i_tf" / "__init__.py").read_text(encoding="utf-8")
).group(1)

LITERT = "ai-edge-litert>=1.2; platform_system != 'Windows'"

# What turns sounds into pictures without TensorFlow: `pip install --no-deps s2i_tf`, then these.
LITE = [
    "absl-py>=2.1",
    LITERT,
    "av>=17,<19",
    "ml_collections>=1.0",
    "numpy>=1.26",
    "pillow>=10.3",
    "soundfile>=0.12",  # decodes FLAC, in two thirds of PyAV's time
]

EXTRAS = {
    "lite": LITE,
    # Data preparation at scale; `s2i prepare` says so where it is missing.
    "prepare": ["apache-beam[tfrecord]>=2.70"],
    # The export's gRPC client and the warm-up requests.
    "serving": ["tensorflow-serving-api>=2.17,<2.22"],
    # Photos of telephones.
    "heic": ["pillow-heif>=0.18"],
    # Runs exported TFLite models; comes along in any case.
    "tflite": [LITERT],
    # The API reference, `make docs`.
    "docs": ["mkdocs>=1.6", "mkdocstrings[python]>=0.27"],
    # Playwright drives a Chromium that is installed apart, in the tests of the page; Hypothesis
    # damages inputs for `make fuzz`.
    "dev": [
        "hypothesis>=6.100",
        "jsonschema>=4.18",
        "playwright>=1.49",
        "pytest>=8",
        "pytest-xdist>=3.5",
        "ruff>=0.6",
    ],
}

# The peer of `make bench`, pinned as its times are compared; not in `all`.
BENCH = ["torch==2.13.0"]

# Training on Keras' JAX backend, `s2i train --backend=jax`; not in `all`, which is TensorFlow's.
JAX = ["jax>=0.5"]

# A cluster for `s2i prepare --runner=DaskRunner`.
DASK = ["dask[distributed]>=2024.4.2"]

# They lie beside the package, and within it once it is installed.
CONFIGS = {f"s2i_tf.{name}": name.replace(".", "/") for name in find_packages(include=["configs*"])}

setup(
    name="s2i_tf",
    version=VERSION,
    description="Pictures from sounds, by multimodal features and stacked GANs",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.14",
    packages=[*find_packages(include=["s2i_tf*", "tfrecords_tools*"]), *CONFIGS],
    package_dir=CONFIGS,
    package_data={
        "tfrecords_tools": ["**/*.html"],
        "s2i_tf": [
            *("py.typed", "**/*.csv", "**/*.json", "**/*.html", "**/*.css", "**/*.md", "**/*.npz"),
            "pretrained/**/*",
            "web/page/**/*",
        ],
    },
    install_requires=[
        *LITE,
        "jinja2>=3.1",  # writes the reports
        "keras>=3.6,<4",
        "matplotlib>=3.8",
        "protobuf>=4.22",  # reads and writes records
        "setuptools<81",  # tensorflow-hub imports pkg_resources
        "tensorflow>=2.17,<2.22",
        "tensorflow-hub>=0.16.1",
        # Its native audio ops load with TensorFlow 2.17 only; elsewhere PyAV decodes.
        "tensorflow-io>=0.37.1; python_version < '3.13'",
        "tf-keras>=2.17,<2.22",  # imported by tensorflow-hub, at TensorFlow's minor version
    ],
    extras_require={
        **EXTRAS,
        "bench": BENCH,
        "dask": DASK,
        "jax": JAX,
        "all": sorted({name for extra in EXTRAS.values() for name in extra}),
    },
    entry_points={"console_scripts": ["s2i=s2i_tf.cli.main:main"]},
)
