"""Fixtures that every part of the test tree shares."""

import ctypes
import fcntl
import gc
import os
import pathlib
import pickle
import subprocess
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# TensorFlow computes by oneDNN where a processor is made for it. Without it all processors compute
# alike, and what a test has freed goes back: oneDNN's allocator keeps the most that it ever held.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import pytest

SHARED = pathlib.Path(__file__).resolve().parents[2] / "shared"
REALPAIRS = pathlib.Path(os.environ.get("S2I_TF_REALPAIRS", SHARED / "realpairs"))


# A worker gives back what its tests have left whenever it has grown by so much: models are cycles,
# which Python collects late, and freed memory stays with the process. The million objects of the
# libraries are put out of the collector's sight, which would look through all of them each time.
_GROWTH_BYTES = 200 << 20
_resident_before = 0
_are_frozen = False
_trim = getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)


def _resident_bytes() -> int:
    statm = pathlib.Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def pytest_collection_modifyitems(items):
    """The longest tests come first, so that no process is left with one when others are done."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    global _resident_before, _are_frozen
    if "keras" in sys.modules and not _are_frozen:
        gc.collect()
        gc.freeze()
        _are_frozen = True
    if _resident_bytes() > _resident_before + _GROWTH_BYTES:
        gc.collect()
        _trim(0)
        _resident_before = _resident_bytes()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs a test that is marked `apart` in a process of its own."""
    marker = pyfuncitem.get_closest_marker("apart")
    if marker is None or "S2I_TF_APART" in os.environ:
        return None
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    finished = subprocess.run(
        command,
        cwd=pyfuncitem.config.rootpath,
        env={**os.environ, **marker.kwargs, "S2I_TF_APART": "1"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-1000:]
    if "skipped" in finished.stdout.splitlines()[-1]:
        pytest.skip(finished.stdout.splitlines()[-2])
    return True


@pytest.fixture(scope="session")
def realpairs() -> pathlib.Path:
    """The folder of real sounds and photos; skips the test where it is missing."""
    if not (REALPAIRS / "index.csv").exists():
        pytest.skip(f"real sounds and photos are not at {REALPAIRS}")
    return REALPAIRS


@pytest.fixture
def rng():
    import numpy as np

    return np.random.default_rng(0)


@pytest.fixture
def undrawn(monkeypatch):
    """Charts are built, but not drawn as PNG, which takes most of an evaluation of few sounds."""
    from s2i_tf.evaluation.report import charts

    monkeypatch.setattr(charts, "png", lambda figure: b"")


@pytest.fixture(scope="session")
def make_dataset():
    """Writes a tiny prepared data set of made-up features that tell the classes apart."""

    def make(
        folder: pathlib.Path,
        *,
        num_train: int = 12,
        num_eval: int = 6,
        num_classes: int = 3,
        feature_dtype: str = "float16",
        fingerprints: dict[str, str] | None = None,
        image_side: int = 128,
    ) -> pathlib.Path:
        import hashlib

        import numpy as np
        import tensorflow as tf

        from s2i_tf import spec
        from s2i_tf.data import dataset_info, schema

        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        fingerprints = fingerprints or {"sound_fingerprint": "s", "image_fingerprint": "i"}
        centres = rng.normal(size=(2, num_classes, spec.FEATURE_SIZE))
        splits = {}
        for split, num in ((spec.TRAIN_SPLIT, num_train), (spec.EVAL_SPLIT, num_eval)):
            path = folder / f"tiny-{split}.tfrecord-00000-of-00001"
            with tf.io.TFRecordWriter(str(path)) as writer:
                for index in range(num):
                    label = index % num_classes
                    shade = int(255 * label / num_classes)
                    picture = np.full((image_side, image_side, 3), shade, np.uint8)
                    picture[0, 0] = index  # no two are the same
                    record = schema.PairRecord(
                        id=f"{split}/{index}",
                        label=label,
                        group=f"{split}{index}",
                        sound_features=centres[0, label] + 0.1 * rng.normal(size=spec.FEATURE_SIZE),
                        image_features=centres[1, label] + 0.1 * rng.normal(size=spec.FEATURE_SIZE),
                        image=tf.io.encode_png(picture).numpy(),
                        sound_id=f"sounds/{split}{index}.wav",
                        image_id=f"images/{split}{index}.png",
                        **fingerprints,
                    )
                    writer.write(schema.encode(record, feature_dtype))
            contents = path.read_bytes()
            shard = dataset_info.Shard(
                path.name, num, len(contents), hashlib.sha256(contents).hexdigest()
            )
            splits[split] = (shard,)
        dataset_info.DatasetInfo(
            name="tiny",
            class_names=tuple(f"class{label}" for label in range(num_classes)),
            feature_dtype=feature_dtype,
            fingerprints=fingerprints,
            extractors={"sound": "soundnet_pool5", "image": "efficientnet_lite2_map"},
            nets={},
            splits=splits,
            source=str(folder),
            image_side=image_side,
        ).save(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_dataset(make_dataset, tmp_path_factory) -> pathlib.Path:
    """One such data set, shared by all tests, which leave it as it is."""
    return make_dataset(tmp_path_factory.mktemp("data") / "tiny")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Calls `make(FOLDER)` in the first worker that asks for a name; all get what it returned."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent

    def once(name, make):
        kept = root / f"{name}.pickle"
        with (root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                made = make(root / name)
                kept.write_bytes(pickle.dumps(made))
            return pickle.loads(kept.read_bytes())

    return once


@pytest.fixture(scope="session")
def one_thread():
    """The environment of commands whose features are compared with others' byte by byte.

    As Dask has it for its workers: how sums are rounded goes by the number of threads.
    """
    return {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@pytest.fixture(scope="session")
def foley_prepared(made_once, one_thread):
    """What `s2i prepare --data=foley` made in a process of its own, which tests leave as it is.

    Its folder, and the finished process. Seven pairs a class are two parts of items.
    """

    def make(out):
        command = [sys.executable, "-m", "s2i_tf.cli.main", "prepare", "--data=foley"]
        command += [f"--out={out}", "--num_per_class=7", "--weights=random:0"]
        return out, subprocess.run(command, capture_output=True, text=True, env=one_thread)

    return made_once("foley", make)


@pytest.fixture(scope="session")
def toy():
    """A toy model and the net whose features it takes: attributes `model`, `extractor`."""
    from tests.toy import build_toy_model

    model, extractor = build_toy_model()
    return types.SimpleNamespace(model=model, extractor=extractor)


@pytest.fixture(scope="session")
def exported(toy, made_once):
    """The finished export of the toy model, which tests leave as it is."""
    from s2i_tf.serving import saved_model

    return made_once(
        "exported", lambda folder: saved_model.export(toy.model, toy.extractor, folder)
    )


@pytest.fixture(scope="session")
def float32_file(toy, made_once):
    """The toy model's TFLite file, which tests leave as it is."""
    from s2i_tf.serving import tflite_export

    return made_once(
        "tflite",
        lambda folder: tflite_export.export(toy.model, toy.extractor, folder, name="toy"),
    ).path
